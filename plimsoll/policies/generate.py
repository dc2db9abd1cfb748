"""From edges to least privilege: one policy for each workload, that allows what was seen and says why for each line."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from plimsoll.policies import calls, networkpolicy_yaml, separating
from plimsoll.policies.blocks import Address, Block
from plimsoll.policies.calls import Call
from plimsoll.policies.drafts import (
    DNS,
    NEVER,
    USUAL_DNS,
    Dialect,
    Entity,
    Generated,
    Name,
    Peer,
    Pods,
    Policy,
    Port,
    Rule,
    Seen,
    Source,
    often,
)
from plimsoll.policies.outside import Meeting, Outside, met_again, sum_of, total
from plimsoll.policies.policy import Way
from plimsoll.policies.separating import Selector
from plimsoll.policies.templates import Cluster, Key, Workload

SPREAD = 8
"""Ports from 1024 on, of one pair of ends, from which on they are taken for a range that is chosen from."""
_SYSTEM = 1024


def generate(edges: pl.DataFrame, cluster: Cluster, dialect: Dialect = networkpolicy_yaml.DIALECT) -> Generated:
    """Return the policies that allow these edges (edges.SCHEMA) and nothing else, as this dialect can say it."""
    reading = calls.Reading(cluster)
    found = [call for row in calls.whole(edges).iter_rows(named=True) for call in reading.calls(row)]
    selectors = _selectors(cluster)
    on_host = {key for key, one in cluster.workloads.items() if one.on_host}
    known = set(cluster.workloads)
    seen = {end for call in found for end in (call.source, call.destination) if isinstance(end, Key)}
    writer = _Writer(cluster, selectors, found, dialect)
    return Generated(
        tuple(writer.policy(key) for key in sorted(known & seen)),
        tuple(sorted({key.namespace for key in (known & seen) - on_host})),
        tuple(sorted(known - seen - on_host)),
        tuple(sorted(on_host)),
        reading.unattributed,
        len({(call.source, call.destination, call.protocol, call.port) for call in found if _inside(call)}),
    )


def _inside(call: Call) -> bool:
    return isinstance(call.source, Key) and isinstance(call.destination, Key)


def _selectors(cluster: Cluster) -> dict[Key, Selector]:
    near: dict[str, list[Workload]] = defaultdict(list)
    for one in cluster.workloads.values():
        near[one.key.namespace].append(one)
    return {key: found for members in near.values() for key, found in separating.Namespace(members).selectors().items()}


class _Writer:
    """Calls on their way to policies: for each workload and way the peers, and at which ports each was met."""

    def __init__(
        self, cluster: Cluster, selectors: Mapping[Key, Selector], calls: Sequence[Call], dialect: Dialect
    ) -> None:
        self._cluster, self._selectors, self._dialect = cluster, selectors, dialect
        self._calls: dict[tuple[Key, Way], list[Call]] = defaultdict(list)
        for call in calls:
            if isinstance(call.source, Key):
                self._calls[call.source, "egress"].append(call)
            if isinstance(call.destination, Key):
                self._calls[call.destination, "ingress"].append(call)
        self._outside = Outside(cluster, dialect)
        self._no_dns = not any(call.port == DNS for call in calls)

    def policy(self, key: Key) -> Policy:
        """Return the policy of a workload."""
        selector = self._selectors[key]
        egress, notes = self._rules(key, "egress"), list[str]()
        if egress and self._no_dns:
            egress = (*egress, USUAL_DNS)
        if self._cluster.workloads[key].on_host:
            notes.append("Its pods are in their node's network: most network plugins do not rule them.")
        notes += [f"selects {other} too: its pods have the same labels" for other in selector.also]
        accounts = self._cluster.workloads[key].accounts
        return Policy(key, _name(key), selector, self._rules(key, "ingress"), egress, tuple(notes), accounts)

    def _rules(self, key: Key, way: Way) -> tuple[Rule, ...]:
        ports: dict[Peer, set[Port]] = defaultdict(set)
        whys: dict[Peer, list[str]] = defaultdict(list)
        inside, outside = self._met(key, way)
        for peer_key, at in sorted(inside.items()):
            callee = self._callee(peer_key if way == "egress" else key)
            peer = self._pods(peer_key)
            ports[peer] |= set(_ports(at, callee))
            whys[peer].append(f"{peer_key}: {often(total(at.values()))}")
        for (protocol, number), addresses in sorted(outside.items()):
            callee = self._callee(key) if way == "ingress" else None
            met = self._outside.peers(key, way, (protocol, number), addresses, asks=self._asks(key))
            for other, why in met:
                ports[other] |= set(_ports({(protocol, number): sum_of(addresses)}, callee))
                whys[other].append(why)
        return tuple(_grouped(ports, whys))

    def _callee(self, key: Key) -> Workload | None:
        return self._cluster.workloads.get(key) if self._dialect.port_names else None

    def _met(
        self, key: Key, way: Way
    ) -> tuple[dict[Key, dict[tuple[str, int], Seen]], dict[tuple[str, int], dict[Address, Meeting]]]:
        inside: dict[Key, dict[tuple[str, int], Seen]] = defaultdict(dict)
        outside: dict[tuple[str, int], dict[Address, Meeting]] = defaultdict(dict)
        for call in self._calls[key, way]:
            other = call.destination if way == "egress" else call.source
            at = (call.protocol, call.port)
            if isinstance(other, Key) and other in self._selectors:
                inside[other][at] = inside[other].get(at, NEVER) + call.seen
            for one in self._addresses(other):
                before = outside[at].get(one, Meeting(NEVER, frozenset(), frozenset()))
                outside[at][one] = met_again(before, call, way)
        return inside, outside

    def _addresses(self, other: Key | Address) -> Iterable[Address]:
        """Return the addresses of an end; what is in its node's network has those of any node, with most plugins."""
        if isinstance(other, Key):
            one = self._cluster.workloads.get(other)
            return self._outside.nodes if one is not None and one.on_host else ()
        return () if other.is_loopback else (other,)

    def _asks(self, key: Key) -> bool:
        """Say whether a workload asks a DNS that policies can listen to: only so is it known what a name leads to."""
        return self._no_dns or any(call.port == DNS for call in self._calls[key, "egress"])

    def _pods(self, key: Key) -> Pods:
        return Pods(key.namespace, self._selectors[key], str(key))


def _ports(at: Mapping[tuple[str, int], Seen], callee: Workload | None) -> Iterator[Port]:
    """Yield the ports of a peer as rules write them: DNS over both transports, many high ones as a range."""
    high: dict[str, list[int]] = defaultdict(list)
    for protocol, number in at:
        if number >= _SYSTEM:
            high[protocol].append(number)
    ranges = {protocol: numbers for protocol, numbers in high.items() if len(numbers) >= SPREAD}
    yield from (Port(protocol, min(numbers), max(numbers)) for protocol, numbers in ranges.items())
    wanted = {(protocol, number) for protocol, number in at if number < _SYSTEM or protocol not in ranges}
    if ("UDP", DNS) in wanted:
        wanted.add(("TCP", DNS))  # an answer that does not fit is asked for again over TCP (RFC 7766)
    for protocol, number in wanted:
        yield Port(protocol, number, None, callee.port_name(protocol, number) if callee else None)


def _grouped(ports: Mapping[Peer, Iterable[Port]], whys: Mapping[Peer, Sequence[str]]) -> Iterator[Rule]:
    """Yield rules: peers that are met at the same ports are one, in an order that new peers do not change."""
    by_ports: dict[tuple[Port, ...], list[Source]] = defaultdict(list)
    for peer, met in ports.items():
        written = {(port.protocol, port.name or port.number, port.last): port for port in sorted(met, key=_order)}
        told = tuple(port._replace(number=0) if port.name else port for port in written.values())
        by_ports[told].append(Source(peer, "; ".join(dict.fromkeys(whys[peer]))))
    for told, sources in sorted(by_ports.items(), key=lambda item: [*map(_order, item[0])]):
        yield Rule(tuple(sorted(sources, key=_place)), told)


def _order(port: Port) -> tuple[str, int, str, int]:
    return port.protocol, port.number, port.name or "", port.last or 0


def _place(source: Source) -> tuple[int, str, str]:
    match source.peer:
        case Pods(namespace, _, workload):
            return 0, namespace, workload
        case Entity(name):
            return 1, name, ""
        case Name(name):
            return 2, name, ""
        case Block(cidr):
            return 3, cidr, ""


def _name(key: Key) -> str:
    """Return the name of a workload's policy, which no other's has.

    >>> _name(Key("shop", "Deployment", "web"))
    'deployment-web'
    """
    name = f"{key.kind.lower()}-{key.name}"
    if len(name) <= 200 and re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        return name
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:180]
    return f"{plain}-{hashlib.sha256(str(key).encode()).hexdigest()[:12]}"
