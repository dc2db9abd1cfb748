"""Who can reach whom: every pair of workloads, and every workload and the outside, with the ports that are open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from plimsoll.policies import addresses, intervals, ports
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import End, External, Workload

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
    reached: dict[tuple[str, str], Intervals] = {}
    classes = _classes(workloads, mark)
    for source in classes:
        for destination in classes:
            open_ports = policies.connections(source.end, destination.end)
            if open_ports:
                _add(reached, source.members, destination.members, open_ports)
    found = [Line(src, dst, open_ports) for (src, dst), open_ports in reached.items() if src != dst]
    if family:
        found += _outside(policies, classes, family)
    yield from sorted(found)


def _classes(workloads: Iterable[Workload], mark: str) -> list[_Class]:
    """Return the workloads by what policies can see of them."""
    alike: dict[Workload, list[str]] = defaultdict(list)
    for one in workloads:
        alike[one._replace(kind="", name="")].append(one.marked(mark))
    return [_Class(end, members) for end, members in alike.items()]


def _add(
    reached: dict[tuple[str, str], Intervals], sources: Iterable[str], destinations: Sequence[str], more: Intervals
) -> None:
    for source in sources:
        for destination in destinations:
            key = source, destination
            before = reached.get(key)
            reached[key] = more if before is None or before == more else intervals.union(before, more)


def _outside(policies: PolicySet, classes: Sequence[_Class], family: addresses.Family) -> Iterator[Line]:
    """Yield what the outside may reach and what may reach the outside, ranges that are treated alike as one."""
    atoms = [
        External(atom) for whole in addresses.FAMILIES[family] for atom in addresses.atoms(whole, policies.blocks())
    ]
    opened: dict[tuple[bool, str], dict[External, Intervals]] = defaultdict(dict)
    for one in classes:
        for atom in atoms:
            ways: tuple[tuple[bool, End, End], ...] = ((True, atom, one.end), (False, one.end, atom))
            for inward, source, destination in ways:
                found = policies.connections(source, destination)
                for member in one.members if found else ():
                    before = opened[inward, member].get(atom, ports.NO_PORTS)
                    opened[inward, member][atom] = intervals.union(before, found)
    for (inward, member), by_atom in opened.items():
        for span, open_ports in _joined(by_atom):
            text = External(span).text
            ends = (text, member) if inward else (member, text)
            yield Line(*ends, open_ports, span=span)


def _joined(by_atom: Mapping[External, Intervals]) -> Iterator[tuple[Intervals, Intervals]]:
    """Yield ranges with the ports that are open, as wide as they are alike."""
    alike: dict[Intervals, list[Intervals]] = defaultdict(list)
    for atom, open_ports in by_atom.items():
        alike[open_ports].append(atom.addresses)
    for open_ports, spans in alike.items():
        for whole in (addresses.IPV4, addresses.IPV6):
            for span in intervals.intersection(intervals.union(*spans), whole):
                yield (span,), open_ports
