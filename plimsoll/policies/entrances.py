"""What Ingress, Gateway and Route objects open: which ports of which workloads the ingress controller must reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.policies import intervals, network, ports, services
from plimsoll.policies.connectivity import Line
from plimsoll.policies.documents import Part
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import Workload

CONTROLLER = "{ingress-controller}"
ANYWHERE = Workload("", "Pod", "ingress-controller")
"""A pod of which nothing is known, neither labels nor namespace."""
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
_GROUPS = {
    "Ingress": ("networking.k8s.io", "extensions"),
    "Route": ("route.openshift.io",),
    **dict.fromkeys(ROUTES, ("gateway.networking.k8s.io",)),
}


class PortRef(Part, frozen=True):
    """A Service's port by number or name."""

    number: int | None = None
    name: str | None = None


class ServiceRef(Part, frozen=True):
    """A Service and its port."""

    name: str = ""
    port: PortRef | None = None


class Backend(Part, frozen=True):
    """What an Ingress, a Route or a Gateway's route leads to, in any of their spellings."""

    service: ServiceRef | None = None
    service_name: str | None = None
    service_port: int | str | None = None
    kind: str = "Service"
    name: str | None = None
    namespace: str | None = None
    port: int | None = None


class Path(Part, frozen=True):
    """A path of an Ingress."""

    backend: Backend | None = None


class Http(Part, frozen=True):
    """The paths of a host."""

    paths: list[Path] | None = None


class Rule(Part, frozen=True):
    """A rule of an Ingress or of a Gateway's route."""

    http: Http | None = None
    backend_refs: list[Backend] | None = None


class RoutePort(Part, frozen=True):
    """The port of a Route."""

    target_port: int | str | None = None


class Spec(Part, frozen=True):
    """The specs of all of them."""

    default_backend: Backend | None = None
    backend: Backend | None = None
    rules: list[Rule] | None = None
    to: Backend | None = None
    alternate_backends: list[Backend] | None = None
    port: RoutePort | None = None


class Document(Part, frozen=True):
    """An Ingress, a Route or a Gateway's route."""

    spec: Spec = Spec()


class Entrance(NamedTuple):
    """A Service's port that is open to the ingress controller."""

    namespace: str
    service: str
    port: int | str | None
    """Its number or name; None: all its ports."""
    by_target: bool = False
    """A number is that of the pods, as OpenShift's Routes have it."""


_document = msgspec.json.Decoder(Document).decode


def lines(objects: pl.DataFrame, policies: PolicySet, workloads: Sequence[Workload], mark: str = "") -> list[Line]:
    """Return what the ingress controller may reach of these workloads, in order."""
    known = services.read(objects)
    reached: dict[str, Intervals] = defaultdict(lambda: ports.NO_PORTS)
    for entrance in entrances(objects):
        service = known.get((entrance.namespace, entrance.service))
        if service is None:
            continue
        for end in services.behind(service, workloads):
            open_ports = intervals.intersection(_targets(entrance, service, end), policies.connections(ANYWHERE, end))
            text = end.marked(mark)
            reached[text] = intervals.union(reached[text], open_ports)
    return [Line(CONTROLLER, text, open_ports) for text, open_ports in sorted(reached.items()) if open_ports]


def entrances(objects: pl.DataFrame) -> list[Entrance]:
    """Return the ports of Services that objects open to the ingress controller, in order."""
    found: set[Entrance] = set()
    rows = network.present(objects).filter(pl.col("kind").is_in([*_GROUPS])).iter_rows(named=True)
    for row in rows:
        if row["apiVersion"].partition("/")[0] in _GROUPS[row["kind"]]:
            try:
                found |= {*_entrances(row["kind"], row["namespace"] or "default", _document(row["object"]).spec)}
            except errors.BROKEN:
                continue
    return sorted(found, key=lambda one: (one.namespace, one.service, str(one.port)))


def _entrances(kind: str, namespace: str, spec: Spec) -> Iterator[Entrance]:
    if kind == "Route":
        port = spec.port.target_port if spec.port else None
        for one in [spec.to, *(spec.alternate_backends or [])]:
            if one is not None and one.name and one.kind == "Service":
                yield Entrance(namespace, one.name, port, by_target=True)
        return
    for backend in _backends(spec):
        if backend.service is not None:
            told = backend.service.port or PortRef()
            yield Entrance(namespace, backend.service.name, told.name or told.number)
        elif backend.service_name:
            yield Entrance(namespace, backend.service_name, backend.service_port)
        elif backend.name and backend.kind == "Service":
            yield Entrance(backend.namespace or namespace, backend.name, backend.port)


def _backends(spec: Spec) -> Iterator[Backend]:
    yield from (one for one in (spec.default_backend, spec.backend) if one is not None)
    for rule in spec.rules or []:
        yield from (path.backend for path in (rule.http.paths if rule.http else None) or [] if path.backend)
        yield from rule.backend_refs or []


def _targets(entrance: Entrance, service: services.Service, end: Workload) -> Intervals:
    """Return the ports of a workload that an entrance leads to; where containers tell ports, no others."""
    meant = [one for one in service.ports if _is_meant(entrance, one)]
    found = intervals.union(*(services.target(one, end) for one in meant))
    if not meant and entrance.by_target and isinstance(entrance.port, int):
        found = ports.spanning("TCP", entrance.port, entrance.port)
    told = intervals.union(*(ports.spanning(one.protocol, one.number, one.number) for one in end.ports))
    return intervals.intersection(found, told) if told else found


def _is_meant(entrance: Entrance, port: services.Port) -> bool:
    if entrance.port is None:
        return True
    if entrance.by_target:
        target = port.number if port.target is None else port.target
        return entrance.port in (target, port.name)
    return entrance.port in (port.number, port.name)
