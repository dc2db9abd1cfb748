"""What the log itself says of changes: the cluster or a namespace just born, workloads rolled out, pods moved, objects made.

A change explains news: what happens in a namespace minutes after a known account made it, or to an object by the
very account that made it, is a consequence more likely than an attack. It takes bits off; it never clears.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import TypeVar

import polars as pl

from plimsoll import normal

YOUNG = timedelta(minutes=10)
"""How long a new namespace explains what is new in it."""
ROLLED = timedelta(minutes=5)
"""How long a rollout explains what is new in its namespace."""
FOUNDED = timedelta(minutes=15)
"""How long the birth of the cluster explains what is new anywhere."""
RESTARTED = timedelta(minutes=5)
"""How long a pod's change of state explains a new address of it, and a node's registration one of the node."""
MOST = 200_000
"""Objects remembered; beyond it the oldest half is forgotten."""
WORKLOADS = ("deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "replicasets")

_SERVING = ("node:", "sa:kube-system/", "user:system:")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

col = pl.col
_DONE = col("responseStatus_code").is_between(200, 299)
_WRITTEN = col("verb").is_in(["create", "patch", "update"]) & (col("stage") == "ResponseComplete") & _DONE
_ON_PODS = (col("objectRef_resource") == "pods") & col("objectRef_subresource").is_in(["binding", "status"])
_REGISTERS = (col("objectRef_resource") == "nodes") & (col("verb") == "create") & col("objectRef_subresource").is_null()
_ROLLS = col("objectRef_resource").is_in(WORKLOADS) & col("objectRef_subresource").is_null()
_MADE = col("responseStatus_code") == 201
_BORN = (col("objectRef_resource") == "namespaces").fill_null(value=False)
_NAME_OF_NAMESPACE = (
    pl.when(col("objectRef_name").fill_null("") != "").then("objectRef_name").otherwise("objectRef_namespace")
)
_TELLING = _MADE | _ROLLS | _ON_PODS | _REGISTERS
_ASKED = ("verb", "stage", "responseStatus_code", "objectRef_subresource")
_KEPT = ("time", "user_username", "user_groups", "objectRef_resource", "objectRef_namespace", "objectRef_name")


class Changes:
    """Changes seen so far, in the log that is judged."""

    def __init__(self) -> None:
        self._born: dict[str, datetime] = {}
        self._rolled: dict[str, dict[str, datetime]] = {}
        self._made: dict[tuple[str, str, str, str], datetime] = {}
        self._pods: dict[tuple[str, str, str], datetime] = {}
        self._registered: dict[str, datetime] = {}
        self._founded: datetime | None = None

    def take(self, events: pl.DataFrame) -> None:
        """Remember the changes among these audit events."""
        events = events.select(*_KEPT, *_ASKED).filter(_TELLING & col("time").is_not_null())
        written = events.filter(_WRITTEN)
        made = written.filter(_MADE)
        for name, at in made.filter(_BORN).select(_NAME_OF_NAMESPACE, "time").iter_rows():
            self._bear(name, at)
        self._born = _halved(self._born)
        self._make(made.filter(~_BORN))
        rolled = written.filter(_ROLLS)
        latest = rolled.group_by("user_username", "objectRef_namespace").agg(
            col("time").max(),
            col("user_groups").first(),
            col("objectRef_resource").first(),
            col("objectRef_name").first(),
        )
        for row in latest.select(_KEPT).iter_rows(named=True):
            self._roll(row["objectRef_namespace"] or "", _who(row), row["time"])
        self._move(written)
        # A kubelet that starts registers its node also where that is known already (409).
        for row in events.filter(_REGISTERS).select(_KEPT).iter_rows(named=True):
            self._registered[_who(row)] = row["time"]
        self._registered = _halved(self._registered)

    def founding(self, at: datetime) -> bool:
        """Say whether the cluster itself is being set up: its first namespace was just born."""
        return self._founded is not None and timedelta(0) <= at - self._founded <= FOUNDED

    def founds(self, subject: str, at: datetime) -> bool:
        """Say whether the subject is a part of the cluster that is being set up, which sets itself up."""
        return self.founding(at) and subject.startswith(_SERVING)

    def placed(self, namespace: str) -> bool:
        """Say whether a pod of this namespace was put on a node since judging began."""
        return (namespace, "", "binding") in self._pods

    def restarted(self, namespace: str, pod: str, at: datetime) -> bool:
        """Say whether the pod's kubelet told just now that its state changed."""
        return _recent(self._pods.get((namespace, pod, "status")), at)

    def registered(self, node: str, at: datetime) -> bool:
        """Say whether the node (as a subject) just registered."""
        return _recent(self._registered.get(node), at)

    def explains(self, subject: str, namespace: str, at: datetime) -> bool:
        """Say whether news here follows from the birth of namespace or cluster, or, for who serves it, from a rollout."""
        if self.founding(at):
            return True
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

    def _move(self, written: pl.DataFrame) -> None:
        """Remember the pods among what was written: where one was placed, and whose state changed."""
        pods = written.filter(_ON_PODS).with_columns(
            pod=pl.when(col("objectRef_subresource") == "status").then(col("objectRef_name")).otherwise(pl.lit(""))
        )
        told = pods.group_by("objectRef_namespace", "pod", "objectRef_subresource").agg(col("time").max())
        self._pods = _halved(self._pods) | {
            (place or "", pod or "", how): at for place, pod, how, at in told.iter_rows()
        }

    def _roll(self, namespace: str, who: str, at: datetime) -> None:
        self._rolled[namespace] = _halved(self._rolled.get(namespace, {}) | {who: at})
        self._rolled = _halved(self._rolled)

    def _bear(self, namespace: str, at: datetime) -> None:
        self._born.setdefault(namespace, at)
        if namespace == "kube-system":
            self._founded = self._founded or at

    def _make(self, made: pl.DataFrame) -> None:
        """Remember who made which object; what has no name cannot be asked for again."""
        alike = ("user_username", "objectRef_resource", "objectRef_namespace", "objectRef_name")
        named = made.filter(col("objectRef_name").fill_null("") != "")
        told = named.group_by(alike, maintain_order=True).agg(col("time").last(), col("user_groups").first())
        for row in told.iter_rows(named=True):
            resource = row["objectRef_resource"] or ""
            name = normal.object_name(resource, row["objectRef_name"])
            self._made[_who(row), resource, row["objectRef_namespace"] or "(cluster)", name] = row["time"]
        self._made = _halved(self._made)


def _who(row: dict[str, object]) -> str:
    groups = row["user_groups"]
    return normal.identity(str(row["user_username"] or ""), groups if isinstance(groups, list) else [])


def _recent(when: datetime | None, at: datetime) -> bool:
    return when is not None and timedelta(0) <= at - when <= RESTARTED


def _halved(remembered: dict[K, V]) -> dict[K, V]:
    """Return what is remembered; where it has become too much, half of what there is room for, the newest."""
    return dict(list(remembered.items())[-MOST // 2 :]) if len(remembered) >= MOST else remembered
