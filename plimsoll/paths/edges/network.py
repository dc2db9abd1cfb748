"""Who can call whom: from containers to Services that lead where policies let them, and out to the Internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model, Service
from plimsoll.paths.reach import Group
from plimsoll.paths.services import targets
from plimsoll.paths.workloads import Workload
from plimsoll.policies import intervals, ports
from plimsoll.policies.intervals import Intervals

_NO_POLICY = "no policy keeps it from"


def edges(model: Model) -> Iterator[Edge]:
    """Yield whom containers reach."""
    led = _led_to(model)
    called: dict[int, set[str]] = {}
    near: dict[int, list[Group]] = {}
    for pair in model.reach.pairs():
        near.setdefault(pair.source.number, []).append(pair.target)
        found = called.setdefault(pair.source.number, set())
        for target in pair.target.workloads:
            for service, wanted in led.get(target, ()):
                if intervals.intersection(wanted, pair.ports):
                    found.add(service.id)
    for group in model.reach.groups:
        yield from _of_group(group, called.get(group.number, set()), near.get(group.number, []))
    yield from _members(model)
    yield from _outward(model)


def _of_group(group: Group, called: set[str], near: list[Group]) -> Iterator[Edge]:
    services = nodes.set_of(f"called-{group.number}", nodes.endpoint("*", "*"))
    for one in sorted(called):
        yield Edge("", services, one, "")
    pods = nodes.set_of(f"near-{group.number}", nodes.container("*", "*", "*"))
    for target in near:
        yield Edge("", pods, _pods(target.number), "", walk=False)
    for workload in group.workloads:
        for name, _ in workload.containers:
            if called:
                yield Edge("NET_REACH", name, services, f"{workload.end}: {_NO_POLICY} calling these Services")
            if near:
                yield Edge("NET_REACH", name, pods, f"{workload.end}: {_NO_POLICY} reaching these pods", walk=False)


def _pods(number: int) -> str:
    return nodes.set_of(f"pods-{number}", nodes.container("*", "*", "*"))


def _members(model: Model) -> Iterator[Edge]:
    for group in model.reach.groups:
        for workload in group.workloads:
            for name, _ in workload.containers:
                yield Edge("", _pods(group.number), name, "", walk=False)


def _led_to(model: Model) -> Mapping[Workload, list[tuple[Service, Intervals]]]:
    """Return for each workload the Services that lead to it, and to which of its ports."""
    found: dict[Workload, list[tuple[Service, Intervals]]] = {}
    for service in model.services:
        for workload in service.workloads:
            wanted = targets(service, workload)
            if wanted:
                found.setdefault(workload, []).append((service, wanted))
    return found


def _outward(model: Model) -> Iterator[Edge]:
    """Yield who may call out to the Internet, which takes what is stolen and sends what to do."""
    for workload in model.workloads:
        if ports.allows(model.reach.to_internet(workload), "TCP", 443):
            for name, _ in workload.containers:
                why = f"{workload.end}: {_NO_POLICY} calling the Internet"
                yield Edge("EGRESS_INTERNET", name, nodes.INTERNET, why, walk=False)
