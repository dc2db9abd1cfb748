"""How the outside gets to what listens inside: load balancers, ports of nodes, external addresses; and what answers."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import nodes, on_node, privileges, services
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model, Service
from plimsoll.paths.workloads import Workload
from plimsoll.policies import intervals, ports
from plimsoll.policies.intervals import Intervals
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Object, at, listed, text

_UNKNOWN = "whether the Internet reaches the nodes is not told"


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways in, and what stands behind each Service."""
    for service in model.services:
        yield from _entries(model, service)
        for workload in service.workloads:
            yield from _answering(service, workload)
    for workload in model.workloads:
        yield from _on_nodes(model, workload)


def _entries(model: Model, service: Service) -> Iterator[Edge]:
    if not is_open(model, service):
        return
    who, ref = f"Service {service.namespace}/{service.name}", (service.ref,)
    if services.is_balanced(service):
        why = f"{who} has a load balancer that takes calls from any address"
        yield Edge("ENTRY_LB", nodes.INTERNET, service.id, why, ref)
    if services.node_ports(service):
        public = public_nodes(model)
        if public or not _addresses_are_told(model):
            told = f"node {public[0]} has an external address" if public else _UNKNOWN
            why = f"{who} has a port on every node, and {told}"
            asked = service.object.spec.get("type") == "NodePort"
            yield Edge("ENTRY_NODEPORT", nodes.INTERNET, service.id, why, ref, conditional=not (public or asked))
    outer = [one for one in map(text, listed(service.object.spec.get("externalIPs"))) if one]
    if outer:
        why = f"{who} takes calls to the external address {outer[0][:60]}"
        inside = all(map(services.is_private, outer))
        yield Edge("ENTRY_EXTERNALIPS", nodes.INTERNET, service.id, why, ref, conditional=inside)


def is_open(model: Model, service: Service) -> bool:
    """Say whether policies let the Internet at large through to any pod behind a Service."""
    return any(
        intervals.intersection(model.reach.from_internet(one), services.targets(service, one))
        for one in service.workloads
    )


def _answering(service: Service, workload: Workload) -> Iterator[Edge]:
    for name, container in services.listening(service, workload):
        why = f"Service {service.namespace}/{service.name} leads to {container.name} of {workload.end}: a flaw in it is enough"
        yield Edge("ENDPOINT_EXPLOIT", service.id, name, why, (service.ref, workload.ref))


@once
def public_nodes(model: Model) -> list[str]:
    """Return the names of the nodes that have an address of the Internet."""
    return [name for name, node in model.nodes.items() if any(map(_is_public, _addresses(node)))]


def _is_public(told: tuple[str, str]) -> bool:
    kind, address = told
    return kind == "ExternalIP" and bool(address) and not services.is_private(address)


def _addresses(node: Object | None) -> Iterator[tuple[str, str]]:
    for one in listed(at(node.body, "status", "addresses")) if node else ():
        yield text(at(one, "type")), text(at(one, "address"))


def addresses_of(model: Model) -> list[str]:
    """Return the addresses of nodes inside the cluster's network."""
    return [address for node in model.nodes.values() for kind, address in _addresses(node) if kind == "InternalIP"]


@once
def _addresses_are_told(model: Model) -> bool:
    return any(True for node in model.nodes.values() for _ in _addresses(node))


def _on_nodes(model: Model, workload: Workload) -> Iterator[Edge]:
    """Yield the way to what listens at its node's own address, by hostPort or in the node's network."""
    opened = host_ports(workload)
    if not opened or on_node.is_part(workload):
        return
    reached = model.reach.from_internet(workload)
    public = set(public_nodes(model)) & set(workload.nodes or model.nodes)
    entry = nodes.endpoint(workload.namespace, workload.name)
    if intervals.intersection(reached, opened) and (public or not _addresses_are_told(model)):
        told = f"node {min(public)} has an external address" if public else _UNKNOWN
        why = f"{workload.end} listens at its node's address ({ports.written(opened)}), and {told}"
        yield Edge("ENTRY_NODEPORT", nodes.INTERNET, entry, why, (workload.ref,), conditional=not public)
    for name, container in workload.containers:
        if privileges.lasts(container) and listed(container.body.get("ports")):
            why = f"{container.name} of {workload.end} listens at its node's address: a flaw in it is enough"
            yield Edge("ENDPOINT_EXPLOIT", entry, name, why, (workload.ref,))


def host_ports(workload: Workload) -> Intervals:
    """Return the ports of its node that a workload tells it listens on."""
    on_host = workload.spec.get("hostNetwork") is True
    found = []
    for container in workload.pod.containers:
        for one in listed(container.body.get("ports")):
            number = at(one, "hostPort") or (at(one, "containerPort") if on_host else None)
            if isinstance(number, int):
                found.append(ports.spanning(text(at(one, "protocol")) or "TCP", number, number))
    return intervals.union(*found)
