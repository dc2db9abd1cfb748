"""Who can reach whom: every pair of workloads, and every workload and the outside, with the ports that are open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from plimsoll.policies import addresses, intervals, policy, ports
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import External, Way, Workload
from plimsoll.policies.universe import Universe, bits

POD_NETWORK = "pod-network"
"""The cluster's own network."""


class Line(NamedTuple):
    """One end may reach ports of another."""

    src: str
    dst: str
    ports: Intervals
    network: str = POD_NETWORK
    """The network in which it may."""
    span: Intervals = ()
    """The addresses of the end that is outside."""

    def as_row(self) -> dict[str, object]:
        """Return the line as it is printed.

        >>> Line("a/web[Pod]", "a/db[Pod]", ports.spanning("TCP", 5432, 5432)).as_row()["allow"]
        [{'proto': 'TCP', 'ports': [[5432, 5432]]}]
        """
        allow = [
            {"proto": protocol, "ports": [list(one) for one in ranges]}
            for protocol, ranges in ports.by_protocol(self.ports).items()
        ]
        return {
            "src": self.src,
            "dst": self.dst,
            "conn": ports.written(self.ports),
            "allow": allow,
            "network": self.network,
        }


class _Class(NamedTuple):
    """Workloads that these policies treat alike."""

    end: Workload
    members: list[str]


def lines(
    policies: PolicySet, workloads: Sequence[Workload], family: addresses.Family | None = "ipv4", mark: str = ""
) -> Iterator[Line]:
    """Yield who can reach whom, in order; a pair that may not talk has no line, nor has a workload to itself.

    Without a family, nothing outside is reached or reaches in; the mark stands behind namespaces.
    """
    groups = Universe(policies, workloads).alike()
    classes = [_Class(group[0], [one.marked(mark) for one in group]) for group in groups]
    whole = addresses.FAMILIES[family] if family else ()
    outside = [External(atom) for one in whole for atom in addresses.atoms(one, policies.blocks())]
    universe = Universe(policies, [one.end for one in classes], outside)
    reached = _inside(policies, universe, classes)
    found = [Line(src, dst, open_ports) for (src, dst), open_ports in reached.items() if src != dst]
    yield from sorted([*found, *_outside(policies, universe, classes)])


def _inside(policies: PolicySet, universe: Universe, classes: Sequence[_Class]) -> dict[tuple[str, str], Intervals]:
    """Return what workloads may reach of each other; only pairs that both ends' policies name are looked at."""
    reached: dict[tuple[str, str], Intervals] = {}
    outward = [universe.possible(one.end, "egress") for one in classes]
    for place, destination in enumerate(classes):
        callers = universe.possible(destination.end, "ingress") & ~universe.outside
        for number in bits(callers):
            if outward[number] >> place & 1:
                source = classes[number]
                open_ports = policies.connections(source.end, destination.end)
                if open_ports:
                    _add(reached, source.members, destination.members, open_ports)
    return reached


def _add(
    reached: dict[tuple[str, str], Intervals], sources: Iterable[str], destinations: Sequence[str], more: Intervals
) -> None:
    for source in sources:
        for destination in destinations:
            key = source, destination
            before = reached.get(key)
            reached[key] = more if before is None or before == more else intervals.union(before, more)


def _outside(policies: PolicySet, universe: Universe, classes: Sequence[_Class]) -> Iterator[Line]:
    """Yield what the outside may reach and what may reach the outside, ranges that are treated alike as one."""
    opened: dict[tuple[Way, str], list[list[_Piece]]] = defaultdict(list)
    for one in classes if universe.outside else ():
        for way in policy.WAYS:
            pieces = [*_pieces(policies, universe, one.end, way)]
            for member in one.members:
                opened[way, member].append(pieces)
    for (way, member), parts in opened.items():
        for span, open_ports in _joined(parts[0] if len(parts) == 1 else _overlaid(parts)):
            text = External(span).text
            ends = (text, member) if way == "ingress" else (member, text)
            yield Line(*ends, open_ports, span=span)


_Piece = tuple[Intervals, Intervals]
"""Addresses, and the ports that are open for them."""


def _pieces(policies: PolicySet, universe: Universe, end: Workload, way: Way) -> Iterator[_Piece]:
    """Yield pieces of the outside with the ports that are open; those that no rule about the end names are alike."""
    named = [universe.ends[place] for place in bits(universe.named(end, way) & universe.outside)]
    spans = [one.addresses for one in named if isinstance(one, External)]
    rest = intervals.difference(universe.addresses, intervals.union(*spans))
    for span in [*spans, *([rest] if rest else [])]:
        outside = External(span)
        pair = (outside, end) if way == "ingress" else (end, outside)
        yield span, policies.opened(way, *pair)  # nothing but the end's own policies is asked


def _overlaid(parts: Sequence[Sequence[_Piece]]) -> Iterator[_Piece]:
    """Yield pieces with the ports that are open in any of the parts: those of pods that differ in their labels."""
    pieces = [piece for part in parts for piece in part]
    spans = [span for span, _ in pieces]
    for atom in addresses.atoms(intervals.union(*spans), spans):
        yield atom, intervals.union(*(found for span, found in pieces if intervals.covers(span, atom)))


def _joined(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """Yield ranges with the ports that are open, as wide as they are alike."""
    alike: dict[Intervals, list[Intervals]] = defaultdict(list)
    for span, open_ports in pieces:
        alike[open_ports].append(span)
    for open_ports, spans in alike.items():
        for whole in (addresses.IPV4, addresses.IPV6) if open_ports else ():
            for one in intervals.intersection(intervals.union(*spans), whole):
                yield (one,), open_ports
