"""Recorded flows against policies: which would have been denied, by whom, and which rule is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from plimsoll.policies import addresses, edges, network, policy, services, workloads
from plimsoll.policies.network import PolicySet, Verdict
from plimsoll.policies.policy import End, External, Workload

col = pl.col
_OWNER = ("namespace", "workload_kind", "workload_name", "pod_name", "labels")
_NODES = ("host",)
"""Who reaches the pods of a node whatever the policies: the node itself, for its probes."""


def _sides() -> dict[str, tuple[str, ...]]:
    return {side: tuple(f"{side}_{part}" for part in (*_OWNER, "identity", "ip")) for side in ("source", "destination")}


SIDES = _sides()
KEYS = (*SIDES["source"], *SIDES["destination"], "destination_service", "name", "destination_port", "l4_protocol")
SUMS = (col("count").sum(), col("first").min(), col("last").max())


class Denied(NamedTuple):
    """Connections that policies would have denied."""

    src: str
    dst: str
    protocol: str
    port: int
    verdict: Verdict
    times: int
    first: Any
    last: Any

    def as_row(self) -> dict[str, object]:
        """Return it as it is printed."""
        verdict = self.verdict
        told = {"way": verdict.way, "cause": verdict.cause, "policies": list(verdict.policies), "why": verdict.reason}
        seen = {"count": self.times, "first": self.first, "last": self.last}
        return {"src": self.src, "dst": self.dst, "protocol": self.protocol, "port": self.port, **told, **seen}


class Replayed(NamedTuple):
    """What policies say of recorded flows."""

    denied: list[Denied]
    """Most connections first."""
    allowed: int
    """Connections."""
    unjudged: dict[str, int]
    """Connections of which it cannot be said, by the reason."""


class Known(NamedTuple):
    """What objects tell of the ends of flows."""

    workloads: Sequence[Workload]
    by_labels: Mapping[tuple[str, policy.Labels], Workload]
    by_name: Mapping[tuple[str, str, str], Workload]
    services: Mapping[tuple[str, str], services.Service]


def known(objects: pl.DataFrame) -> Known:
    """Return what a frame of tables.OBJECTS tells of the ends of flows, whenever they were there."""
    owned = (col("kind") == "Pod") & (col("workload_kind") != "Pod")
    ever = objects.with_columns(  # under the names that flows have them by
        pl.when(owned).then("workload_kind").otherwise("owner_kind").alias("owner_kind"),
        pl.when(owned).then("workload_name").otherwise("owner_name").alias("owner_name"),
        until=pl.lit(None, pl.Datetime("us", "UTC")),
    )
    held = workloads.read(ever)
    return Known(
        held,
        {(one.namespace, one.labels): one for one in held},
        {(one.namespace, one.kind, one.name): one for one in held},
        services.read(ever),
    )


def of(events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct connections of a batch of resolved flows (tables.FLOW), with how often and when."""
    opened = edges.opened(events)
    loose = [col(f"{side}_workload_name").is_null() & col(f"{side}_pod_name").is_null() for side in SIDES]
    plain = opened.with_columns(
        # Pods' addresses are many, and pass from one to another: only what is no pod is told by its own.
        *(pl.when(alone).then(f"{side}_ip").alias(f"{side}_ip") for side, alone in zip(SIDES, loose, strict=True)),
        *(_pod(side).alias(f"{side}_pod_name") for side in SIDES),
        *(col(f"{side}_labels").list.sort() for side in SIDES),
    )
    counted = plain.with_columns(
        col("count").fill_null(1), first="time", last="time", name=col("destination_names").list.first()
    )
    return counted.group_by(*KEYS).agg(*SUMS)


def _pod(side: str) -> pl.Expr:
    """Return a pod's name where nothing else says whose it is."""
    return pl.when(col(f"{side}_workload_name").is_null()).then(f"{side}_pod_name")


def added(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return connections that were counted in several places as if counted in one."""
    return pl.concat(list(parts)).group_by(*KEYS).agg(*SUMS)


def replayed(connections: pl.DataFrame, policies: PolicySet, told: Known) -> Replayed:
    """Return what these policies say of these connections (`of`)."""
    denied: dict[tuple[str, str, str, int, Verdict], list[tuple[int, Any, Any]]] = defaultdict(list)
    allowed, unjudged = 0, defaultdict[str, int](int)
    for row in connections.iter_rows(named=True):
        source, targets, why = _ends(row, told)
        if source is None or not targets:
            unjudged[why] += row["count"]
            continue
        verdict, destination = _worst(policies, row, source, targets)
        if verdict.allowed:
            allowed += row["count"]
            continue
        key = (source.text, destination.text, row["l4_protocol"], row["destination_port"], verdict)
        denied[key].append((row["count"], row["first"], row["last"]))
    found = [_added(key, parts) for key, parts in denied.items()]
    return Replayed(sorted(found, key=lambda one: (-one.times, one[:4])), allowed, dict(sorted(unjudged.items())))


def _added(key: tuple[str, str, str, int, Verdict], parts: Sequence[tuple[int, Any, Any]]) -> Denied:
    counts, firsts, lasts = zip(*parts, strict=True)
    return Denied(*key, sum(counts), min(firsts), max(lasts))


def ends(row: Mapping[str, Any], told: Known) -> tuple[End, list[Target]] | None:
    """Return who called and what, None where that cannot be said."""
    source, targets, _ = _ends(row, told)
    return None if source is None or not targets else (source, targets)


def closed(policies: PolicySet, row: Mapping[str, Any], source: End, target: Target) -> dict[policy.Way, Verdict]:
    """Return the ways that policies close to a connection, and what they say."""
    end, protocol, port = target
    if _is_free(row, source, end):
        return {}
    verdicts = {way: policies.judged(way, source, end, protocol, port) for way in policy.WAYS}
    return {way: verdict for way, verdict in verdicts.items() if not verdict.allowed}


Target = tuple[Workload | External, str, int]
"""An end that is called, and on which port."""


def _worst(policies: PolicySet, row: Mapping[str, Any], source: End, targets: Sequence[Target]) -> tuple[Verdict, End]:
    """Return the verdict of the first target that is denied."""
    for end, protocol, port in targets:
        if not _is_free(row, source, end):
            verdict = policies.allows(source, end, protocol, port)
            if not verdict.allowed:
                return verdict, end
    return network.ALLOWED, targets[0][0]


def _is_free(row: Mapping[str, Any], source: End, destination: End) -> bool:
    """Say whether no policy is asked: a node calls its own pods, or a pod itself, as far as can be told: it has no fellow."""
    from_node = row["source_identity"] in _NODES and row["source_workload_name"] is None
    return from_node or (isinstance(source, Workload) and source == destination and source.kind == "Pod")


def _ends(row: Mapping[str, Any], told: Known) -> tuple[End | None, list[Target], str]:
    """Return who called and what, or why that cannot be said."""
    source, why = _end(row, "source", told)
    if source is None:
        return None, [], why
    protocol, port = row["l4_protocol"], row["destination_port"]
    if row["destination_service"] and row["destination_workload_name"] is None and row["destination_pod_name"] is None:
        targets = _behind(row["destination_service"], protocol, port, told)
        return source, targets, f"no pods known behind the Service {row['destination_service']}"
    destination, why = _end(row, "destination", told)
    return source, [] if destination is None else [(destination, protocol, port)], why


def _end(row: Mapping[str, Any], side: str, told: Known) -> tuple[Workload | External | None, str]:
    namespace, kind, name, pod, listed, identity, ip = (row[column] for column in SIDES[side])
    if name is None and pod is None:
        number = addresses.address(ip or "")
        names = (row["name"].lower().rstrip("."),) if side == "destination" and row["name"] else ()
        found = None if number is None else External(((number, number),), names)
        return found, f"no address of {identity or 'an end'}"
    namespace = namespace or "default"
    by_name = told.by_name.get((namespace, kind or "Pod", name or pod))
    if listed is None:
        return by_name, f"labels of {namespace}/{kind or 'Pod'}/{name or pod} are not known"
    labels = policy.labels(network.mapping(listed))
    like = told.by_labels.get((namespace, labels)) or by_name
    end = Workload(namespace, kind or "Pod", name or pod, labels)
    return (end._replace(ports=like.ports, addresses=like.addresses) if like else end), ""


def _behind(service: str, protocol: str, port: int, told: Known) -> list[Target]:
    """Return what a Service's port leads to."""
    namespace, _, name = service.partition("/")
    found = told.services.get((namespace, name))
    if found is None:
        return []
    return [
        (end, protocol, number)
        for one in found.ports
        if (one.protocol, one.number) == (protocol, port)
        for end in services.behind(found, told.workloads)
        for number in services.numbers(one, end)
    ]
