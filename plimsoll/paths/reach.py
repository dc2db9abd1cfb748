"""Who reaches whom over the network: what NetworkPolicies say of pods, asked once for all that they treat alike."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import frames, tables
from plimsoll.paths.workloads import Workload
from plimsoll.policies import addresses, intervals, network, policy, ports
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.policy import External
from plimsoll.policies.universe import Universe, bits
from plimsoll.posture.objects import Cluster, Object, at, listed, mapped, text

_KINDS = (*network.CLUSTER_KINDS, "Namespace")
_PRIVATE = intervals.union(
    *(addresses.network(one) for one in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")),
    *(addresses.network(one) for one in ("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3")),
)
_PUBLIC = intervals.difference(addresses.IPV4, _PRIVATE)


class Group(NamedTuple):
    """Workloads that network policies treat alike."""

    number: int
    workloads: tuple[Workload, ...]


class Pair(NamedTuple):
    """One group may reach these ports of another."""

    source: Group
    target: Group
    ports: Intervals


class Reach:
    """The network of a cluster, as far as policies tell it."""

    def __init__(self, cluster: Cluster, workloads: Sequence[Workload]) -> None:
        """Take the workloads that are the ends, and the policies of the cluster."""
        self.policies = network.read(_frame(cluster.of(*_KINDS)))
        self.ends = {one: _end(one) for one in workloads}
        self._of_end: dict[policy.Workload, list[Workload]] = {}
        for one, end in self.ends.items():
            self._of_end.setdefault(end, []).append(one)

    @cached_property
    def groups(self) -> list[Group]:
        """The workloads by what policies see of them; all are one group where there are no policies."""
        return [group for group, _ in self._classes]

    def pairs(self) -> Iterator[Pair]:
        """Yield which groups may reach each other, a group itself included, with the ports that are open."""
        classes = self._classes
        universe = Universe(self.policies, [end for _, end in classes])
        outward = [universe.possible(end, "egress") for _, end in classes]
        on_host = sum(1 << place for place, (_, end) in enumerate(classes) if end.on_host)
        for place, (target, end) in enumerate(classes):
            for number in bits(universe.possible(end, "ingress") | on_host):
                if outward[number] >> place & 1:
                    source = classes[number]
                    found = self._connections(source[1], end)
                    if found:
                        yield Pair(source[0], target, found)

    def _connections(self, source: policy.Workload, target: policy.Workload) -> Intervals:
        """Return the open ports; what comes from a pod's own node is always let in, and who is on nodes' network is that."""
        return ports.ALL_PORTS if source.on_host else self.policies.connections(source, target)

    @cached_property
    def _classes(self) -> list[tuple[Group, policy.Workload]]:
        if not self.policies.policies:
            everybody = tuple(self.ends)
            return [(Group(0, everybody), next(iter(self.ends.values())))] if everybody else []
        alike = Universe(self.policies, list(self._of_end)).alike()
        return [
            (Group(number, tuple(one for end in ends for one in self._of_end[end])), ends[0])
            for number, ends in enumerate(alike)
        ]

    def allows(self, source: Workload, target: Workload) -> Intervals:
        """Return the ports of one workload that another may reach."""
        return self._connections(self.ends[source], self.ends[target])

    def from_internet(self, target: Workload) -> Intervals:
        """Return the ports of a workload that policies leave open to the Internet at large."""
        return self.policies.opened("ingress", self._internet, self.ends[target])

    def to_internet(self, source: Workload) -> Intervals:
        """Return the ports of the Internet at large that policies let a workload reach."""
        return self.policies.opened("egress", self.ends[source], self._internet)

    def to_address(self, source: Workload, address: str, protocol: str, port: int) -> bool:
        """Say whether policies let a workload reach a port of an address outside the pods, such as 169.254.169.254."""
        number = addresses.address(address)
        if number is None:
            return False
        outside = External(((number, number),))
        return ports.allows(self.policies.opened("egress", self.ends[source], outside), protocol, port)

    @cached_property
    def _internet(self) -> External:
        """The greater part of the public addresses: what policies name more closely is not the Internet at large."""
        pieces = [one for span in _PUBLIC for one in addresses.atoms((span,), self.policies.blocks())]
        alike: dict[tuple[bool, ...], list[Intervals]] = {}
        blocks = self.policies.blocks()
        for one in pieces:
            alike.setdefault(tuple(intervals.covers(block, one) for block in blocks), []).append(one)
        sizes = ((intervals.union(*found)) for found in alike.values())
        return External(max(sizes, key=intervals.size))


def is_public(cidr: str) -> bool:
    """Say whether a range of addresses lets the Internet at large in: one of at most 8 bits that is not private.

    >>> is_public("0.0.0.0/0"), is_public("10.0.0.0/8"), is_public("203.0.113.0/24"), is_public("::/0")
    (True, False, False, True)
    """
    try:
        found = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return found.prefixlen <= 8 and not (found.version == 4 and intervals.covers(_PRIVATE, addresses.network(cidr)))


def _end(one: Workload) -> policy.Workload:
    spec = one.pod.spec
    labels = {key: value for key, value in one.pod.labels.items() if isinstance(key, str) and isinstance(value, str)}
    named = {port for container in one.pod.containers for port in _ports(listed(container.body.get("ports")))}
    return policy.Workload(
        one.namespace,
        one.kind,
        one.name,
        policy.labels(labels),
        tuple(sorted(named)),
        on_host=spec.get("hostNetwork") is True,
    )


def _ports(told: Sequence[object]) -> Iterator[policy.NamedPort]:
    for one in told:
        number = at(one, "containerPort")
        if isinstance(number, int) and 0 < number <= ports.LAST:
            yield policy.NamedPort(text(at(one, "name")), text(at(one, "protocol")) or "TCP", number)


def _frame(objects: Iterable[Object]) -> pl.DataFrame:
    """Return objects as a frame of tables.OBJECTS; what cannot be written down is no object of the API."""
    rows = [row for row in map(as_row, objects) if row]
    return frames.of_rows(tables.OBJECTS, rows)


def as_row(one: Object) -> Mapping[str, object]:
    """Return an object as a row of tables.OBJECTS; nothing where it cannot be written down."""
    try:
        whole = msgspec.json.encode(one.body).decode()
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return {}
    labels = [f"{key}={value}" for key, value in mapped(one.labels).items() if isinstance(value, str)]
    version = text(one.body.get("apiVersion"))
    return {
        "apiVersion": version,
        "kind": one.kind,
        "namespace": one.namespace,
        "name": one.name,
        "labels": labels,
        "object": whole,
    }
