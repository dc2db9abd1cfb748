"""Where a Service leads: which ports of which containers, and from where it can be called."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from plimsoll.paths import known, privileges, reach
from plimsoll.paths.model import Port, Service
from plimsoll.paths.workloads import Workload
from plimsoll.policies import intervals, ports
from plimsoll.policies.intervals import Intervals
from plimsoll.posture.objects import Container, Object, at, listed, text

_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7"),
    )
)


def targets(service: Service, workload: Workload) -> Intervals:
    """Return the ports of a workload that a Service leads to; a name that no container tells leads nowhere."""
    return intervals.union(*(_spans(port, workload) for port in service.ports))


def _spans(port: Port, workload: Workload) -> Intervals:
    numbers = [port.target] if isinstance(port.target, int) else _named(workload, port.target, port.protocol)
    return intervals.union(*(ports.spanning(port.protocol, one, one) for one in numbers))


def _named(workload: Workload, name: str, protocol: str) -> list[int]:
    told = (one for container in workload.pod.containers for one in listed(container.body.get("ports")))
    return [
        at(one, "containerPort")
        for one in told
        if at(one, "name") == name
        and (text(at(one, "protocol")) or "TCP") == protocol
        and isinstance(at(one, "containerPort"), int)
    ]


def listening(service: Service, workload: Workload) -> Iterator[tuple[str, Container]]:
    """Yield the containers that answer a Service: those that tell its ports, else all that run on."""
    wanted = targets(service, workload)
    lasting = [
        (name, one) for name, one in workload.containers if privileges.lasts(one) and one.list != "ephemeralContainers"
    ]
    told = [(name, one) for name, one in lasting if intervals.intersection(wanted, _told(one))]
    if wanted:
        yield from told or lasting


def _told(container: Container) -> Intervals:
    found = [
        ports.spanning(text(at(one, "protocol")) or "TCP", at(one, "containerPort"), at(one, "containerPort"))
        for one in listed(container.body.get("ports"))
        if isinstance(at(one, "containerPort"), int)
    ]
    return intervals.union(*found)


def is_balanced(service: Service) -> bool:
    """Say whether the Internet at large reaches a Service's load balancer."""
    one = service.object
    if one.spec.get("type") != "LoadBalancer":
        return False
    if known.is_internal(one.annotations, text(one.spec.get("loadBalancerClass"))):
        return False
    return _lets_all_in(one) and not _only_private(listed(at(one.body, "status", "loadBalancer", "ingress")))


def _lets_all_in(one: Object) -> bool:
    told = [text(part) for part in listed(one.spec.get("loadBalancerSourceRanges"))]
    told = told or [part.strip() for part in text(one.annotations.get(_RANGES))[:4000].split(",") if part.strip()]
    return not told or any(map(reach.is_public, told))


def _only_private(ingress: Iterable[object]) -> bool:
    """Say whether a load balancer that is there has no address but private ones."""
    told = list(ingress)
    addresses = [text(at(one, "ip")) for one in told]
    return bool(told) and all(addresses) and all(map(is_private, addresses))


def is_private(address: str) -> bool:
    """Say whether an address is not of the Internet.

    >>> is_private("10.1.2.3"), is_private("203.0.113.7"), is_private("x")
    (True, False, False)
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in one for one in _PRIVATE if one.version == found.version)


def node_ports(service: Service) -> bool:
    """Say whether a Service has a port on every node: by its type, or beside its load balancer."""
    spec = service.object.spec
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)
