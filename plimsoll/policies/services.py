"""Services: which workloads they stand for, and which of those workloads' ports they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.policies import intervals, network, ports
from plimsoll.policies.documents import Part
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.policy import Labels, Workload, labels


class Port(NamedTuple):
    """A port of a Service."""

    number: int
    name: str
    protocol: str
    target: int | str | None
    """The number or name of the pods' port; None: the same number."""


class Service(NamedTuple):
    """A Service."""

    namespace: str
    name: str
    selector: Labels
    """Empty: nobody here knows where it leads."""
    ports: tuple[Port, ...]
    public: bool = False
    """It is open to who comes from outside the cluster."""
    ranges: tuple[str, ...] = ()
    """From where, if it says so."""


class PortDocument(Part, frozen=True):
    """A port as the API writes it."""

    port: int
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None


class Spec(Part, frozen=True):
    """The spec of a Service."""

    selector: dict[str, str] | None = None
    ports: list[PortDocument] | None = None
    type: str | None = None
    load_balancer_source_ranges: list[str] | None = None
    external_ips: list[str] | None = msgspec.field(default=None, name="externalIPs")


class Document(Part, frozen=True):
    """A Service as the API writes it."""

    spec: Spec = Spec()


_document = msgspec.json.Decoder(Document).decode


def read(objects: pl.DataFrame) -> dict[tuple[str, str], Service]:
    """Return the Services of a frame of tables.OBJECTS by namespace and name."""
    rows = network.present(objects).filter((pl.col("kind") == "Service") & (pl.col("apiVersion") == "v1"))
    found = {}
    for row in rows.iter_rows(named=True):
        try:
            spec = _document(row["object"]).spec
        except errors.BROKEN:
            continue
        found[row["namespace"], row["name"]] = _service(row["namespace"], row["name"], spec)
    return found


def _service(namespace: str, name: str, spec: Spec) -> Service:
    return Service(
        namespace,
        name,
        labels(spec.selector or {}),
        tuple(Port(one.port, one.name or "", one.protocol or "TCP", _target(one)) for one in spec.ports or []),
        spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips),
        tuple(spec.load_balancer_source_ranges or ()),
    )


def _target(port: PortDocument) -> int | str | None:
    """Return the pods' port; a number that is written as a text is one, and nothing is the same number."""
    told = port.target_port
    return int(told) if isinstance(told, str) and re.fullmatch("[0-9]{1,5}", told) else told or None


def behind(service: Service, workloads: Iterable[Workload]) -> list[Workload]:
    """Return the workloads that a Service stands for; none where it has no selector."""
    wanted = set(service.selector)
    return [one for one in workloads if wanted and one.namespace == service.namespace and wanted <= {*one.labels}]


def target(port: Port, end: Workload) -> Intervals:
    """Return the ports of a workload that a Service's port leads to.

    >>> ports.written(target(Port(80, "", "TCP", 8080), Workload("shop", "Pod", "web")))
    'TCP 8080'
    """
    meant = port.number if port.target is None else port.target
    if isinstance(meant, int):
        return ports.spanning(port.protocol, meant, meant)
    named = (one for one in end.ports if (one.name, one.protocol) == (meant, port.protocol))
    return intervals.union(*(ports.spanning(one.protocol, one.number, one.number) for one in named))


def numbers(port: Port, end: Workload) -> list[int]:
    """Return the numbers of these ports.

    >>> numbers(Port(80, "", "TCP", None), Workload("shop", "Pod", "web"))
    [80]
    """
    spans = ports.by_protocol(target(port, end)).get(port.protocol, [])
    return [number for low, high in spans for number in range(low, high + 1)]
