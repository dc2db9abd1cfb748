"""From edges to least privilege: one policy for each workload, that allows what was seen and says why for each line."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from plimsoll.policies import blocks, networkpolicy_yaml, separating, services, templates
from plimsoll.policies.blocks import Address, Block
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
from plimsoll.policies.edges import SIDES
from plimsoll.policies.separating import Selector
from plimsoll.policies.services import Service
from plimsoll.policies.templates import Cluster, Key, Workload

Way = Literal["ingress", "egress"]
SPREAD = 8
"""Ports from 1024 on, of one pair of ends, from which on they are taken for a range that is chosen from."""
_SYSTEM = 1024
_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_LONGEST_DOMAIN = 253
_INSIDE = (".cluster.local", ".svc")
"""Endings of the cluster's own names, which lead to Services."""


class _Call(NamedTuple):
    """An edge between two ends that are known."""

    source: Key | Address
    destination: Key | Address
    protocol: str
    port: int
    seen: Seen
    name: str | None
    identity: tuple[str | None, str | None]


def generate(edges: pl.DataFrame, cluster: Cluster, dialect: Dialect = networkpolicy_yaml.DIALECT) -> Generated:
    """Return the policies that allow these edges (edges.SCHEMA) and nothing else, as this dialect can say it."""
    reading = _Reading(cluster)
    calls = [call for row in _whole(edges).iter_rows(named=True) for call in reading.calls(row)]
    selectors = _selectors(cluster)
    on_host = {key for key, one in cluster.workloads.items() if one.on_host}
    known = set(cluster.workloads)
    seen = {end for call in calls for end in (call.source, call.destination) if isinstance(end, Key)}
    writer = _Writer(cluster, selectors, calls, dialect)
    return Generated(
        tuple(writer.policy(key) for key in sorted(known & seen)),
        tuple(sorted({key.namespace for key in (known & seen) - on_host})),
        tuple(sorted(known - seen - on_host)),
        tuple(sorted(on_host)),
        reading.unattributed,
        len({(call.source, call.destination, call.protocol, call.port) for call in calls if _inside(call)}),
    )


def attributed(edges: pl.DataFrame, cluster: Cluster) -> pl.DataFrame:
    """Return the edges without those of which an end is a pod's address that no pod had at the time."""
    reading = _Reading(cluster)
    sound = [all(reading.end(row, side) is not None for side in SIDES) for row in edges.iter_rows(named=True)]
    return edges.filter(pl.Series(sound, dtype=pl.Boolean))


def _inside(call: _Call) -> bool:
    return isinstance(call.source, Key) and isinstance(call.destination, Key)


def _whole(edges: pl.DataFrame) -> pl.DataFrame:
    """Return each edge once, over all its days, in one order whatever that of the flows was."""
    keys = [name for name in edges.columns if name not in ("day", "count", "first", "last")]
    sums = (pl.col("count").sum(), pl.col("day").unique().sort().alias("days"), pl.col("last").max())
    return edges.group_by(keys).agg(*sums).sort(keys, nulls_last=True)


def _selectors(cluster: Cluster) -> dict[Key, Selector]:
    near: dict[str, list[Workload]] = defaultdict(list)
    for one in cluster.workloads.values():
        near[one.key.namespace].append(one)
    return {key: found for members in near.values() for key, found in separating.Namespace(members).selectors().items()}


class _Reading:
    """Edges on their way to calls between ends that are known."""

    def __init__(self, cluster: Cluster) -> None:
        self.unattributed = 0
        self._cluster = cluster
        self._by_name = {(key.namespace, key.name): key for key in sorted(cluster.workloads, reverse=True)}
        networks = (templates.network(text) for text in cluster.pod_networks)
        self._pod_networks = [network for network in networks if network]

    def calls(self, row: Mapping[str, Any]) -> Iterator[_Call]:
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
            yield _Call(source, end, protocol, port, seen, _text(row["name"]), identity)

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


def _numbers(one: Workload, protocol: str, target: int | str) -> set[int]:
    if isinstance(target, int):
        return {target}
    return {port.number for port in one.ports if (port.protocol, port.name) == (protocol, target)}


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


class _Meeting(NamedTuple):
    """What was seen of a peer at a port."""

    seen: Seen
    names: frozenset[str]
    identities: frozenset[str]


class _Writer:
    """Calls on their way to policies: for each workload and way the peers, and at which ports each was met."""

    def __init__(
        self, cluster: Cluster, selectors: Mapping[Key, Selector], calls: Sequence[_Call], dialect: Dialect
    ) -> None:
        self._cluster, self._selectors, self._dialect = cluster, selectors, dialect
        self._calls: dict[tuple[Key, Way], list[_Call]] = defaultdict(list)
        for call in calls:
            if isinstance(call.source, Key):
                self._calls[call.source, "egress"].append(call)
            if isinstance(call.destination, Key):
                self._calls[call.destination, "ingress"].append(call)
        told = (*cluster.pod_addresses, *cluster.node_addresses, *cluster.apiserver)
        self._reserved = frozenset(found for text in told if (found := blocks.address(text)))
        self._nodes = frozenset(found for text in cluster.node_addresses if (found := blocks.address(text)))
        self._apiserver = frozenset(found for text in cluster.apiserver if (found := blocks.address(text)))
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
            whys[peer].append(f"{peer_key}: {often(_sum(at.values()))}")
        for (protocol, number), addresses in sorted(outside.items()):
            callee = self._callee(key) if way == "ingress" else None
            for other, why in self._outer(key, way, protocol, number, addresses):
                ports[other] |= set(_ports({(protocol, number): _sum_of(addresses)}, callee))
                whys[other].append(why)
        return tuple(_grouped(ports, whys))

    def _callee(self, key: Key) -> Workload | None:
        return self._cluster.workloads.get(key) if self._dialect.port_names else None

    def _met(
        self, key: Key, way: Way
    ) -> tuple[dict[Key, dict[tuple[str, int], Seen]], dict[tuple[str, int], dict[Address, _Meeting]]]:
        inside: dict[Key, dict[tuple[str, int], Seen]] = defaultdict(dict)
        outside: dict[tuple[str, int], dict[Address, _Meeting]] = defaultdict(dict)
        for call in self._calls[key, way]:
            other = call.destination if way == "egress" else call.source
            at = (call.protocol, call.port)
            if isinstance(other, Key) and other in self._selectors:
                inside[other][at] = inside[other].get(at, NEVER) + call.seen
            for one in self._addresses(other):
                before = outside[at].get(one, _Meeting(NEVER, frozenset(), frozenset()))
                outside[at][one] = _met_again(before, call, way)
        return inside, outside

    def _addresses(self, other: Key | Address) -> Iterable[Address]:
        """Return the addresses of an end; what is in its node's network has those of any node, with most plugins."""
        if isinstance(other, Key):
            one = self._cluster.workloads.get(other)
            return self._nodes if one is not None and one.on_host else ()
        return () if other.is_loopback else (other,)

    def _pods(self, key: Key) -> Pods:
        return Pods(key.namespace, self._selectors[key], str(key))

    def _outer(
        self, key: Key, way: Way, protocol: str, number: int, met: Mapping[Address, _Meeting]
    ) -> Iterator[tuple[Peer, str]]:
        """Yield the peers outside of workloads that were met at a port, and why each is there."""
        left = dict(met)
        if self._dialect.entities:
            for entities, held, who in self._entities(way, left):
                yield from ((Entity(one), f"{who}: {often(_sum_of(held))}") for one in entities)
                left = _but(left, held)
        if self._dialect.domain_names and way == "egress" and self._asks(key):
            for name, held in _by_name(left).items():
                yield Name(name), often(_sum_of(held))
            left = {one: meeting for one, meeting in left.items() if not _domains(meeting)}
        yield from self._blocks(key, way, protocol, number, left)

    def _entities(
        self, way: Way, met: Mapping[Address, _Meeting]
    ) -> Iterator[tuple[tuple[Literal["host", "remote-node", "kube-apiserver"], ...], dict[Address, _Meeting], str]]:
        """Yield what is nodes and what is the API server, which may be one of them: who calls is a node first."""
        nodes, servers = (
            {one: meeting for one, meeting in met.items() if one in known or meeting.identities & identities}
            for known, identities in ((self._nodes, {"host", "remote-node"}), (self._apiserver, {"kube-apiserver"}))
        )
        nodes, servers = (nodes, _but(servers, nodes)) if way == "ingress" else (_but(nodes, servers), servers)
        if nodes:
            yield (
                ("host", "remote-node"),
                nodes,
                "nodes, the kubelet's probes among them" if way == "ingress" else "nodes",
            )
        if servers:
            yield ("kube-apiserver",), servers, "the API server"

    def _asks(self, key: Key) -> bool:
        """Say whether a workload asks a DNS that policies can listen to: only so is it known what a name leads to."""
        return self._no_dns or any(call.port == DNS for call in self._calls[key, "egress"])

    def _blocks(
        self, key: Key, way: Way, protocol: str, number: int, met: Mapping[Address, _Meeting]
    ) -> Iterator[tuple[Block, str]]:
        """Yield the blocks that hold the addresses met at a port, and why each is there."""
        left = dict(met)
        if way == "ingress":
            nodes = {one: meeting for one, meeting in met.items() if one in self._nodes}
            if nodes:
                why = f"nodes, the kubelet's probes among them: {often(_sum_of(nodes))}"
                yield from ((block, why) for block in blocks.cover(dict.fromkeys(self._nodes, blocks.OFTEN), ()))
                left = _but(left, nodes)
            public = {one: meeting for one, meeting in left.items() if blocks.is_public(one)}
            opened = self._opened(key, protocol, number)
            if public and opened:
                why = f"whom Service {opened.namespace}/{opened.name} is open to: {often(_sum_of(public))}"
                yield from ((block, why) for block in _world(opened, public))
                left = _but(left, public)
        covered = blocks.cover({one: meeting.seen.times for one, meeting in left.items()}, self._reserved)
        crowd = [block for block in covered if _is_public(block)]
        if len(crowd) > blocks.MANY:
            public = {one: meeting for one, meeting in left.items() if blocks.is_public(one)}
            why = f"{len(public):,} addresses of the Internet: {often(_sum_of(public))}"
            yield from ((blocks.everybody(version), why) for version in sorted({one.version for one in public}))
            covered = [block for block in covered if not _is_public(block)]
        for block in covered:
            yield block, _outside(block, left)

    def _opened(self, key: Key, protocol: str, number: int) -> Service | None:
        """Return the Service that opens this port of a workload to who comes from outside."""
        one = self._cluster.workloads.get(key)
        for (space, _), service in sorted(self._cluster.services.items()):
            if one is None or not service.public or space != key.namespace or not _is_behind(one, service):
                continue
            served = (number in _numbers(one, protocol, to) for own in service.ports for to in _to(own, protocol))
            if any(served):
                return service
        return None


def _but(met: Mapping[Address, _Meeting], held: Mapping[Address, _Meeting]) -> dict[Address, _Meeting]:
    return {one: meeting for one, meeting in met.items() if one not in held}


def _domains(meeting: _Meeting) -> list[str]:
    """Return the names an address was met by that a policy can write."""
    told = (name.lower().rstrip(".") for name in meeting.names if len(name) <= _LONGEST_DOMAIN)
    return sorted({name for name in told if _DOMAIN.fullmatch(name) and not name.endswith(_INSIDE)})


def _by_name(met: Mapping[Address, _Meeting]) -> dict[str, dict[Address, _Meeting]]:
    found: dict[str, dict[Address, _Meeting]] = defaultdict(dict)
    for one, meeting in met.items():
        for name in _domains(meeting):
            found[name][one] = meeting
    return dict(sorted(found.items()))


def _world(service: Service, met: Iterable[Address]) -> Iterator[Block]:
    ranges = [network for text in service.ranges if (network := templates.network(text))]
    if ranges:
        yield from (Block(str(network)) for network in sorted(set(ranges), key=lambda one: (one.version, one)))
    else:
        yield from map(blocks.everybody, sorted({one.version for one in met}))


def _is_public(block: Block) -> bool:
    network = templates.network(block.cidr)
    return network is not None and blocks.is_public(network.network_address)


def _met_again(before: _Meeting, call: _Call, way: Way) -> _Meeting:
    identity = call.identity[0 if way == "ingress" else 1]
    names = {call.name} if call.name and way == "egress" else set()
    return _Meeting(
        before.seen + call.seen, before.names | names, before.identities | ({identity} if identity else set())
    )


def _outside(block: Block, met: Mapping[Address, _Meeting]) -> str:
    """Say whose addresses a block holds."""
    network = templates.network(block.cidr)
    held = {
        one: meeting for one, meeting in met.items() if network and one.version == network.version and one in network
    }
    names = sorted({name for meeting in held.values() for name in meeting.names})
    known = sorted({name for meeting in held.values() for name in meeting.identities} - {"world"})
    who = ", ".join([*names[:3], *(["…"] if names[3:] else []), *known]) or "outside the cluster"
    wider = f", {len(held)} of its addresses" if network and network.num_addresses > 1 else ""
    return f"{who}{wider}: {often(_sum_of(held))}"


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


def _sum(seen: Iterable[Seen]) -> Seen:
    total = NEVER
    for one in seen:
        total += one
    return total


def _sum_of(met: Mapping[Address, _Meeting]) -> Seen:
    return _sum(meeting.seen for meeting in met.values())


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
