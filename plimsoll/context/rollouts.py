"""Workloads that were just changed: by whom the audit log says so, and by which of Argo CD's and Flux' applications.

https://argo-cd.readthedocs.io/en/stable/user-guide/status-badge/ and https://fluxcd.io/flux/components/kustomize/
describe the objects. A rollout stands beside what is new for a while; it never excuses anything.

Whoever may change a workload may write its labels. That one belongs to an application is believed where the
application's own status lists it, where its owner is the application, or where the audit log says who wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.cluster import objects
from plimsoll.context import settings, statements
from plimsoll.sources import inputs, reading

TTL = timedelta(minutes=5)
LASTS = timedelta(minutes=30)
KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "cronjobs": "CronJob",
    "jobs": "Job",
}
ROLLED = frozenset(KINDS.values())
_WRITTEN = (
    pl.col("objectRef_resource").is_in(list(KINDS))
    & pl.col("objectRef_subresource").fill_null("").eq("")
    & pl.col("verb").is_in(["create", "update", "patch"])
    & pl.col("stage").eq("ResponseComplete")
    & pl.col("responseStatus_code").is_between(200, 299)
)
_OF = ("time", "auditID", "user_username", "objectRef_resource", "objectRef_namespace", "objectRef_name")


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where changes are told."""

    audit: tuple[str, ...] = ()
    """Audit logs: what `learn` takes."""
    objects: tuple[str, ...] = ()
    """Argo CD's Applications, Flux' Kustomizations and HelmReleases, and the workloads with their labels."""
    minutes_after: settings.Minutes = LASTS.total_seconds() / 60
    """How long a rollout explains what is new."""

    def __post_init__(self) -> None:
        if not (self.audit or self.objects):
            raise ValueError("rollouts are told by `audit` logs or by `objects`")


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return the rollouts since then."""
    try:
        told = [*_audited(options, asked), *_applied(options, asked)]
    except (errors.InputError, errors.NotAuthorisedError, inputs.Interrupted) as broken:
        raise statements.Silent(str(broken)) from broken
    problems = (
        [] if len(told) <= statements.MOST else [f"more than {statements.MOST:,} rollouts; the oldest are left out"]
    )
    told.sort(key=lambda one: one.since or statements.EARLIEST)
    return statements.Said(told[-statements.MOST :], problems)


def _audited(options: Options, asked: statements.Asked) -> Iterator[statements.Statement]:
    for source in inputs.inputs(list(options.audit)) if options.audit else []:
        for batch in reading.batches(source):
            if batch.stream != "audit":
                raise errors.InputError("is no audit log", file=batch.source)
            recent = pl.col("time").is_between(asked.since, asked.now)
            for at, uid, user, resource, place, name in batch.events.filter(_WRITTEN & recent).select(_OF).iter_rows():
                if user and place and name:
                    workload = f"{place}/{KINDS[resource]}/{name}"
                    yield _rollout(f"{uid}/{workload}", workload, at, options, user)


def _rollout(
    uid: str, workload: str, at: datetime, options: Options, user: str | None = None, title: str = ""
) -> statements.Statement:
    return statements.Statement(
        kind="rollout",
        id=uid,
        title=title or f"{workload} was changed",
        subjects=(user,) if user else (),
        creator=user,
        created=at,
        since=at,
        until=at + timedelta(minutes=options.minutes_after),
        scope=(workload,),
        allows=options.allows,
    )


def _applied(options: Options, asked: statements.Asked) -> Iterator[statements.Statement]:
    """Yield the rollouts of applications that were applied since then; one that somebody began whom nobody can name is none."""
    held = [objects.read(source).frame.filter(pl.col("until").is_null()) for source in options.objects]
    if not held:
        return
    frame = pl.concat(held)
    members = _Members(frame)
    for told in (
        frame.filter(pl.col("kind").is_in(list(_APPLIED))).sort("kind", "namespace", "name").iter_rows(named=True)
    ):
        try:
            at, revision, direct, began = _APPLIED[told["kind"]](msgspec.json.decode(told["object"]))
        except statements.BROKEN:
            continue  # it was never applied, or says so in no way we know
        if at is None or not asked.since <= at <= asked.now:
            continue
        app = f"{told['kind']}/{told['namespace']}/{told['name']}"
        who = options.people.known(began) if began else app
        if who is None:
            continue
        for workload in dict.fromkeys([*direct, *members.of(told["kind"], told["namespace"], told["name"])]):
            yield _rollout(f"{app}@{revision}/{workload}", workload, at, options, who, f"{app} applied {revision}")


Applied = tuple[datetime | None, str, list[str], str]
"""When, which revision, what its own status lists, and which person began it; empty where none did."""


def _argo(told: Any) -> Applied:
    """Read an Application: status.operationState of a sync that succeeded, and status.resources."""
    state = told["status"]["operationState"]
    if state["phase"] != "Succeeded":
        return None, "", [], ""
    named = [(one.get("namespace"), one.get("kind"), one.get("name")) for one in told["status"].get("resources") or []]
    return (
        statements.moment(state["finishedAt"]),
        str(state.get("syncResult", {}).get("revision", ""))[:80],
        _rolled(named),
        _person(state),
    )


def _person(state: Any) -> str:
    """Return who asked for a sync by hand; empty where Argo CD did by itself."""
    began = (state.get("operation") or {}).get("initiatedBy") or {}
    return "" if began.get("automated") is True else str(began.get("username") or "")


def _kustomization(told: Any) -> Applied:
    """Read a Kustomization: the condition Ready, and status.inventory (`namespace_name_group_Kind`)."""
    status = told["status"]
    named = []
    for entry in (status.get("inventory") or {}).get("entries") or []:
        place, name, _, kind = str(entry["id"]).split("_")
        named.append((place, kind, name))
    return _ready(status), str(status["lastAppliedRevision"])[:80], _rolled(named), ""


def _helm(told: Any) -> Applied:
    """Read a HelmRelease: the last of status.history; it lists no objects."""
    last = told["status"]["history"][0]
    if last.get("status") != "deployed":
        return None, "", [], ""
    return statements.moment(last["lastDeployed"]), str(last.get("chartVersion", ""))[:80], [], ""


def _ready(status: Any) -> datetime | None:
    return next(
        (
            statements.moment(one["lastTransitionTime"])
            for one in status["conditions"]
            if one["type"] == "Ready" and one["status"] == "True"
        ),
        None,
    )


_APPLIED = {"Application": _argo, "Kustomization": _kustomization, "HelmRelease": _helm}


def _rolled(named: Iterable[tuple[object, object, object]]) -> list[str]:
    return [f"{place}/{kind}/{name}" for place, kind, name in named if place and name and kind in ROLLED]


class _Members:
    """Which workloads belong to which application, by who owns them."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._of: dict[tuple[str, str, str], list[str]] = {}
        owned = frame.filter(pl.col("kind").is_in(list(ROLLED)) & pl.col("owner_kind").is_in(list(_APPLIED)))
        columns = ("namespace", "kind", "name", "owner_kind", "owner_name")
        for place, kind, name, owner, owner_name in owned.sort("namespace", "kind", "name").select(columns).iter_rows():
            self._of.setdefault((owner, place, owner_name), []).append(f"{place}/{kind}/{name}")

    def of(self, kind: str, namespace: str, name: str) -> list[str]:
        """Return the workloads that an application owns: what owns something is in its namespace."""
        return self._of.get((kind, namespace, name), [])
