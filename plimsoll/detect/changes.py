"""What the log itself says of changes: namespaces that were just born, workloads just rolled out, objects made by whom.

A change explains news: what happens in a namespace minutes after a known account made it, or to an object by the
very account that made it, is a consequence more likely than an attack. It takes bits off; it never clears.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from plimsoll import normal

YOUNG = timedelta(minutes=10)
"""How long a new namespace explains what is new in it."""
ROLLED = timedelta(minutes=5)
"""How long a rollout explains what is new in its namespace."""
MOST = 200_000
"""Objects remembered; beyond it the oldest half is forgotten."""
WORKLOADS = ("deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "replicasets")

_SERVING = ("node:", "sa:kube-system/", "user:system:")

col = pl.col
_DONE = col("responseStatus_code").is_between(200, 299)
_WRITTEN = col("verb").is_in(["create", "patch", "update"]) & (col("stage") == "ResponseComplete") & _DONE
_KEPT = ("time", "user_username", "user_groups", "objectRef_resource", "objectRef_namespace", "objectRef_name")


class Changes:
    """Changes seen so far, in the log that is judged."""

    def __init__(self) -> None:
        self._born: dict[str, datetime] = {}
        self._rolled: dict[str, dict[str, datetime]] = {}
        self._made: dict[tuple[str, str, str, str], datetime] = {}

    def take(self, events: pl.DataFrame) -> None:
        """Remember the changes among these audit events."""
        written = events.filter(_WRITTEN & col("time").is_not_null())
        for row in written.filter(col("responseStatus_code") == 201).select(_KEPT).iter_rows(named=True):
            self._make(row)
        rolled = written.filter(col("objectRef_resource").is_in(WORKLOADS) & col("objectRef_subresource").is_null())
        latest = rolled.group_by("user_username", "objectRef_namespace").agg(
            col("time").max(),
            col("user_groups").first(),
            col("objectRef_resource").first(),
            col("objectRef_name").first(),
        )
        for row in latest.select(_KEPT).iter_rows(named=True):
            self._rolled.setdefault(row["objectRef_namespace"] or "", {})[_who(row)] = row["time"]

    def explains(self, subject: str, namespace: str, at: datetime) -> bool:
        """Say whether news in this namespace follows from its birth, or, for who serves it, from another's rollout."""
        born = self._born.get(namespace)
        if born and timedelta(0) <= at - born <= YOUNG:
            return True
        serving = subject.startswith(_SERVING) or subject.startswith(f"sa:{namespace}/")
        rolled = self._rolled.get(namespace, {}) if serving else {}
        return any(who != subject and timedelta(0) <= at - when <= ROLLED for who, when in rolled.items())

    def unheard(self, namespace: str, at: datetime) -> bool:
        """Say whether the namespace was born while judging: nobody can have learned it."""
        born = self._born.get(namespace)
        return born is not None and born <= at

    def own(self, subject: str, request: str, namespace: str, name: str, at: datetime) -> bool:
        """Say whether the subject itself made the object, before, that it now asks to change or delete."""
        verb, _, what = request.partition(" ")
        resource = what.partition(".")[0].partition("/")[0]
        made = self._made.get((subject, resource, namespace, name)) if name and verb != "create" else None
        return made is not None and made < at

    def _make(self, row: dict[str, object]) -> None:
        resource, name = str(row["objectRef_resource"] or ""), str(row["objectRef_name"] or "")
        namespace, at = str(row["objectRef_namespace"] or ""), row["time"]
        if not isinstance(at, datetime):
            return
        if resource == "namespaces":
            self._born.setdefault(name or namespace, at)
            return
        if len(self._made) >= MOST:
            self._made = dict(list(self._made.items())[MOST // 2 :])
        self._made[_who(row), resource, namespace or "(cluster)", normal.object_name(resource, name)] = at


def _who(row: dict[str, object]) -> str:
    groups = row["user_groups"]
    return normal.identity(str(row["user_username"] or ""), groups if isinstance(groups, list) else [])
