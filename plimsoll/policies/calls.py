"""Edges on their way to policies: calls between ends that are known, those to a Service as calls to the pods behind it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from plimsoll.policies import blocks, services, templates
from plimsoll.policies.blocks import Address
from plimsoll.policies.drafts import Seen
from plimsoll.policies.edges import KEYS, SIDES
from plimsoll.policies.services import Service
from plimsoll.policies.templates import Cluster, Key, Workload


class Call(NamedTuple):
    """An edge between two ends that are known."""

    source: Key | Address
    destination: Key | Address
    protocol: str
    port: int
    seen: Seen
    name: str | None
    identity: tuple[str | None, str | None]


def attributed(edges: pl.DataFrame, cluster: Cluster) -> pl.DataFrame:
    """Return the edges without those of which an end is a pod's address that no pod had at the time."""
    reading = Reading(cluster)
    sound = [all(reading.end(row, side) is not None for side in SIDES) for row in edges.iter_rows(named=True)]
    return edges.filter(pl.Series(sound, dtype=pl.Boolean))


def whole(edges: pl.DataFrame) -> pl.DataFrame:
    """Return each edge once, over all its days, in one order whatever that of the flows was."""
    sums = (pl.col("count").sum(), pl.col("day").unique().sort().alias("days"), pl.col("last").max())
    return edges.group_by(KEYS).agg(*sums).sort(KEYS, nulls_last=True)


class Reading:
    """Edges of a cluster, as they are read; it counts what it has to leave out."""

    def __init__(self, cluster: Cluster) -> None:
        self.unattributed = 0
        self._cluster = cluster
        self._by_name = {(key.namespace, key.name): key for key in sorted(cluster.workloads, reverse=True)}
        networks = (templates.network(text) for text in cluster.pod_networks)
        self._pod_networks = [network for network in networks if network]

    def calls(self, row: Mapping[str, Any]) -> Iterator[Call]:
        """Yield the calls that an edge stands for: one to a Service is one to each workload behind it."""
        days, last = row["days"], row["last"]
        seen = Seen(_int(row["count"]), frozenset(days), last if isinstance(last, dt.datetime) else None)
        source = self.end(row, "source")
        if source is None:
            self.unattributed += seen.times
            return
        protocol, identity = (
            str(row["l4_protocol"]),
            (_text(row["source_identity"]), _text(row["destination_identity"])),
        )
        ends = [*self._destinations(row)]
        self.unattributed += 0 if ends else seen.times
        for end, port in ends:
            yield Call(source, end, protocol, port, seen, _text(row["name"]), identity)

    def _destinations(self, row: Mapping[str, object]) -> Iterator[tuple[Key | Address, int]]:
        port = _int(row["destination_port"])
        space, _, name = (_text(row["destination_service"]) or "").partition("/")
        service = self._cluster.services.get((space, name))
        behind = [*self._behind(service, str(row["l4_protocol"]), port)] if service else []
        if behind:
            yield from behind
        elif (end := self.end(row, "destination")) is not None:
            yield end, port

    def _behind(self, service: Service, protocol: str, port: int) -> Iterator[tuple[Key | Address, int]]:
        """Yield the workloads a Service leads to, at the port of theirs; its own port is translated on the way."""
        targets = _targets(service, protocol, port) or [port]
        if (service.namespace, service.name) == ("default", "kubernetes"):
            for text in sorted(self._cluster.apiserver):
                if (found := blocks.address(text)) and isinstance(targets[0], int):
                    yield found, targets[0]
            return
        for key, one in self._cluster.workloads.items():
            if key.namespace == service.namespace and _is_behind(one, service):
                yield from ((key, number) for target in targets for number in _numbers(one, protocol, target))

    def end(self, row: Mapping[str, object], side: str) -> Key | Address | None:
        """Return an end; None for a pod's address that no pod had then, which says nothing of anybody."""
        name = _text(row[f"{side}_workload_name"])
        if name:
            space = _text(row[f"{side}_namespace"]) or "default"
            key = Key(space, _text(row[f"{side}_workload_kind"]) or "Pod", name)
            return key if key in self._cluster.workloads else self._by_name.get((space, name), key)
        found = blocks.address(_text(row[f"{side}_ip"]))
        known = row[f"{side}_identity"] not in (None, "world", "unmanaged")
        return found if found is None or known or not self._of_a_pod(found) else None

    def _of_a_pod(self, one: Address) -> bool:
        return str(one) in self._cluster.pod_addresses or any(
            one in network for network in self._pod_networks if network.version == one.version
        )


def _targets(service: Service, protocol: str, port: int) -> list[int | str]:
    """Return the pods' ports that a Service's own leads to."""
    return [target for one in service.ports if one.number == port for target in _to(one, protocol)]


def _to(port: services.Port, protocol: str) -> list[int | str]:
    return [] if port.protocol != protocol else [port.number if port.target is None else port.target]


def _is_behind(one: Workload, service: Service) -> bool:
    return any(service.selector and {*service.selector} <= labels.items() for labels in one.variants)


def opened(cluster: Cluster, key: Key, protocol: str, number: int) -> Service | None:
    """Return the Service that opens this port of a workload to who comes from outside."""
    one = cluster.workloads.get(key)
    for (space, _), service in sorted(cluster.services.items()):
        if one is None or not service.public or space != key.namespace or not _is_behind(one, service):
            continue
        served = (number in _numbers(one, protocol, to) for own in service.ports for to in _to(own, protocol))
        if any(served):
            return service
    return None


def _numbers(one: Workload, protocol: str, target: int | str) -> set[int]:
    if isinstance(target, int):
        return {target}
    return {port.number for port in one.ports if (port.protocol, port.name) == (protocol, target)}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
