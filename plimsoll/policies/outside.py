"""Peers that are no workloads: names, nodes, the API server and blocks of addresses, each with the reason why it is there."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from plimsoll.policies import blocks, calls, templates
from plimsoll.policies.blocks import Address, Block
from plimsoll.policies.calls import Call
from plimsoll.policies.drafts import NEVER, Dialect, Entity, Name, Peer, Seen, often
from plimsoll.policies.policy import Way
from plimsoll.policies.services import Service
from plimsoll.policies.templates import Cluster, Key

_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
_LONGEST_DOMAIN = 253
_INSIDE = (".cluster.local", ".svc")
"""Endings of the cluster's own names, which lead to Services."""
_Entities = tuple[Literal["host", "remote-node", "kube-apiserver"], ...]


class Meeting(NamedTuple):
    """What was seen of a peer at a port."""

    seen: Seen
    names: frozenset[str]
    identities: frozenset[str]


class Outside:
    """What is outside of workloads, as a cluster's objects tell it and a dialect can say it."""

    def __init__(self, cluster: Cluster, dialect: Dialect) -> None:
        self._cluster, self._dialect = cluster, dialect
        told = (*cluster.pod_addresses, *cluster.node_addresses, *cluster.apiserver)
        self._reserved = _addresses(told)
        self._apiserver = _addresses(cluster.apiserver)
        self.nodes = _addresses(cluster.node_addresses)

    def peers(
        self, key: Key, way: Way, at: tuple[str, int], met: Mapping[Address, Meeting], *, asks: bool
    ) -> Iterator[tuple[Peer, str]]:
        """Yield the peers outside of workloads that were met at a port, and why each is there.

        `asks`: the workload asks a DNS that policies can listen to; only so is it known what a name leads to.
        """
        left = dict(met)
        if self._dialect.entities:
            for entities, held, who in self._entities(way, left):
                yield from ((Entity(one), f"{who}: {often(sum_of(held))}") for one in entities)
                left = _but(left, held)
        if self._dialect.domain_names and way == "egress" and asks:
            for name, held in _by_name(left).items():
                yield Name(name), often(sum_of(held))
            left = {one: meeting for one, meeting in left.items() if not _domains(meeting)}
        yield from self._blocks(key, way, at, left)

    def _entities(
        self, way: Way, met: Mapping[Address, Meeting]
    ) -> Iterator[tuple[_Entities, dict[Address, Meeting], str]]:
        """Yield what is nodes and what is the API server, which may be one of them: who calls is a node first."""
        nodes, servers = (
            {one: meeting for one, meeting in met.items() if one in known or meeting.identities & identities}
            for known, identities in ((self.nodes, {"host", "remote-node"}), (self._apiserver, {"kube-apiserver"}))
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

    def _blocks(
        self, key: Key, way: Way, at: tuple[str, int], met: Mapping[Address, Meeting]
    ) -> Iterator[tuple[Block, str]]:
        """Yield the blocks that hold the addresses met at a port, and why each is there."""
        left = dict(met)
        if way == "ingress":
            nodes = {one: meeting for one, meeting in met.items() if one in self.nodes}
            if nodes:
                why = f"nodes, the kubelet's probes among them: {often(sum_of(nodes))}"
                yield from ((block, why) for block in blocks.cover(dict.fromkeys(self.nodes, blocks.OFTEN), ()))
                left = _but(left, nodes)
            public = {one: meeting for one, meeting in left.items() if blocks.is_public(one)}
            opened = calls.opened(self._cluster, key, *at)
            if public and opened:
                why = f"whom Service {opened.namespace}/{opened.name} is open to: {often(sum_of(public))}"
                yield from ((block, why) for block in _world(opened, public))
                left = _but(left, public)
        covered = blocks.cover({one: meeting.seen.times for one, meeting in left.items()}, self._reserved)
        crowd = [block for block in covered if _is_public(block)]
        if len(crowd) > blocks.MANY:
            public = {one: meeting for one, meeting in left.items() if blocks.is_public(one)}
            why = f"{len(public):,} addresses of the Internet: {often(sum_of(public))}"
            yield from ((blocks.everybody(version), why) for version in sorted({one.version for one in public}))
            covered = [block for block in covered if not _is_public(block)]
        for block in covered:
            yield block, _outside(block, left)


def _addresses(texts: Iterable[str]) -> frozenset[Address]:
    return frozenset(found for text in texts if (found := blocks.address(text)))


def _but(met: Mapping[Address, Meeting], held: Mapping[Address, Meeting]) -> dict[Address, Meeting]:
    return {one: meeting for one, meeting in met.items() if one not in held}


def _domains(meeting: Meeting) -> list[str]:
    """Return the names an address was met by that a policy can write."""
    told = (name.lower().rstrip(".") for name in meeting.names if len(name) <= _LONGEST_DOMAIN)
    return sorted({name for name in told if _DOMAIN.fullmatch(name) and not name.endswith(_INSIDE)})


def _by_name(met: Mapping[Address, Meeting]) -> dict[str, dict[Address, Meeting]]:
    found: dict[str, dict[Address, Meeting]] = defaultdict(dict)
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


def met_again(before: Meeting, call: Call, way: Way) -> Meeting:
    """Return what was seen of an address after one more call to it or from it."""
    identity = call.identity[0 if way == "ingress" else 1]
    names = {call.name} if call.name and way == "egress" else set()
    return Meeting(
        before.seen + call.seen, before.names | names, before.identities | ({identity} if identity else set())
    )


def _outside(block: Block, met: Mapping[Address, Meeting]) -> str:
    """Say whose addresses a block holds."""
    network = templates.network(block.cidr)
    held = {
        one: meeting for one, meeting in met.items() if network and one.version == network.version and one in network
    }
    names = sorted({name for meeting in held.values() for name in meeting.names})
    known = sorted({name for meeting in held.values() for name in meeting.identities} - {"world"})
    who = ", ".join([*names[:3], *(["…"] if names[3:] else []), *known]) or "outside the cluster"
    wider = f", {len(held)} of its addresses" if network and network.num_addresses > 1 else ""
    return f"{who}{wider}: {often(sum_of(held))}"


def total(seen: Iterable[Seen]) -> Seen:
    """Return all sightings together."""
    return functools.reduce(Seen.__add__, seen, NEVER)


def sum_of(met: Mapping[Address, Meeting]) -> Seen:
    """Return the sightings of all these addresses together."""
    return total(meeting.seen for meeting in met.values())
