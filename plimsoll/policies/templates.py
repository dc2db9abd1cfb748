"""What the objects of a cluster say of its workloads, as far as policies need it: labels, ports, what is open to the world."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Labels = Mapping[str, str]
BROKEN = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)


class Key(NamedTuple):
    """Which workload."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        """Return it as subjects of facts are written."""
        return f"{self.namespace}/{self.kind}/{self.name}"


class Port(NamedTuple):
    """A port that a container declares."""

    protocol: str
    number: int
    name: str


class Workload(NamedTuple):
    """A workload and all forms that its pods have had."""

    key: Key
    variants: tuple[Labels, ...]
    """The distinct labels of its pods and templates."""
    selector: Labels | None
    """What it selects its own pods by: it cannot be changed."""
    ports: frozenset[Port]
    on_host: bool
    """Its pods use their node's network, and no policy rules them."""

    def port_name(self, protocol: str, number: int) -> str | None:
        """Return the name of a port where it means this port and no other, in every pod."""
        names = {one.name for one in self.ports if (one.protocol, one.number) == (protocol, number)}
        name = next(iter(names)) if len(names) == 1 else ""
        meant = {(one.protocol, one.number) for one in self.ports if one.name == name}
        return name if name and len(meant) == 1 else None


class Service(NamedTuple):
    """A Service: which pods it stands for, and which of its ports lead to which of theirs."""

    namespace: str
    name: str
    selector: Labels | None
    ports: tuple[tuple[str, int, int | str], ...]
    """Protocol, its own port, the pods' port."""
    public: bool
    """It is open to who comes from outside the cluster."""
    ranges: tuple[str, ...]
    """From where, if it says so."""


class Cluster(NamedTuple):
    """What is known of a cluster."""

    workloads: dict[Key, Workload]
    services: dict[tuple[str, str], Service]
    namespaces: frozenset[str]
    pod_addresses: frozenset[str]
    node_addresses: frozenset[str]
    apiserver: frozenset[str]
    """Addresses of the API server behind its Service."""
    pod_networks: tuple[str, ...]


class _Port(msgspec.Struct, frozen=True, rename="camel"):
    container_port: int = 0
    protocol: str | None = None
    name: str | None = None


class _Container(msgspec.Struct, frozen=True):
    ports: list[_Port] | None = None


class _Metadata(msgspec.Struct, frozen=True):
    labels: dict[str, str | int | float | bool | None] | None = None


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    containers: list[_Container] | None = None
    host_network: bool | None = None


class _Template(msgspec.Struct, frozen=True):
    metadata: _Metadata | None = None
    spec: _PodSpec | None = None


class _Selector(msgspec.Struct, frozen=True, rename="camel"):
    match_labels: dict[str, str | int | float | bool | None] | None = None
    match_expressions: list[msgspec.Raw] | None = None


class _Owner(msgspec.Struct, frozen=True):
    template: _Template | None = None
    selector: msgspec.Raw = msgspec.Raw()


class _Owning(msgspec.Struct, frozen=True):
    spec: _Owner | None = None


class _Cron(msgspec.Struct, frozen=True, rename="camel"):
    job_template: _Owning | None = None


class _Crons(msgspec.Struct, frozen=True):
    spec: _Cron | None = None


class _ServicePort(msgspec.Struct, frozen=True, rename="camel"):
    port: int
    target_port: int | str | None = None
    protocol: str | None = None


class _ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    type: str | None = None
    selector: dict[str, str | int | float | bool | None] | None = None
    ports: list[_ServicePort] | None = None
    load_balancer_source_ranges: list[str] | None = None
    external_ips: list[str] | None = msgspec.field(default=None, name="externalIPs")


class _Service(msgspec.Struct, frozen=True):
    spec: _ServiceSpec | None = None


class _NodeSpec(msgspec.Struct, frozen=True):
    cidr: str | None = msgspec.field(default=None, name="podCIDR")
    cidrs: list[str] | None = msgspec.field(default=None, name="podCIDRs")


class _Node(msgspec.Struct, frozen=True):
    spec: _NodeSpec | None = None


class _Status(msgspec.Struct, frozen=True):
    host: str | None = msgspec.field(default=None, name="hostIP")


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata | None = None
    spec: _PodSpec | None = None
    status: _Status | None = None


_pod = msgspec.json.Decoder(_Pod).decode
_owning = msgspec.json.Decoder(_Owning).decode
_crons = msgspec.json.Decoder(_Crons).decode
_service = msgspec.json.Decoder(_Service).decode
_node = msgspec.json.Decoder(_Node).decode
_selector = msgspec.json.Decoder(_Selector).decode
_TEMPLATED = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "DeploymentConfig",
    "Rollout",
)


class _Form(NamedTuple):
    """One form that a workload's pods had."""

    key: Key
    labels: Labels
    spec: _PodSpec
    selector: Labels | None


def cluster(objects: pl.DataFrame, told: pl.DataFrame) -> Cluster:
    """Return what objects (tables.OBJECTS) and the labels that flows told (edges.LABELS) say of a cluster."""
    forms = [form for row in objects.iter_rows(named=True) for form in _forms(row)]
    pods = objects.filter(col("kind") == "Pod")
    known = _workloads(forms)
    hosts = {address for row in pods["object"] for address in _host(row)}
    nodes = objects.filter(col("kind") == "Node")
    addresses = frozenset(pods["ips"].explode().drop_nulls()) - hosts
    return Cluster(
        _with_told(known, told),
        {(one.namespace, one.name): one for one in _services(objects)},
        frozenset(objects.filter(col("kind") == "Namespace")["name"].drop_nulls()),
        addresses,
        frozenset(nodes["ips"].explode().drop_nulls()) | hosts,
        frozenset(_apiserver(objects)),
        tuple(sorted({cidr for text in nodes["object"] for cidr in _cidrs(text)})),
    )


col = pl.col


def _forms(row: Mapping[str, str]) -> Iterator[_Form]:
    kind, text = row["kind"], row["object"]
    key = Key(
        row["namespace"] or "default", row["workload_kind"] or kind or "", row["workload_name"] or row["name"] or ""
    )
    try:
        if kind == "Pod":
            pod = _pod(text)
            yield _Form(key, _labels(pod.metadata), pod.spec or _PodSpec(), None)
        elif kind == "CronJob":
            cron = _crons(text).spec
            yield from _templated(key, (cron.job_template or _Owning()).spec if cron else None, selects=False)
        elif kind in _TEMPLATED:
            yield from _templated(key, _owning(text).spec, selects=kind != "Job" and key.kind == kind)
    except BROKEN:
        return  # what the API server would refuse is not in a cluster


def _templated(key: Key, owner: _Owner | None, *, selects: bool) -> Iterator[_Form]:
    template = owner.template if owner else None
    if owner is None or template is None:
        return
    yield _Form(key, _labels(template.metadata), template.spec or _PodSpec(), _selects(owner) if selects else None)


def _selects(owner: _Owner) -> Labels | None:
    """Return an owner's selector where it is made of labels alone."""
    if not bytes(owner.selector) or bytes(owner.selector) == b"null":
        return None
    found = _selector(owner.selector)
    return None if found.match_expressions or not found.match_labels else _texts(found.match_labels)


def _labels(metadata: _Metadata | None) -> Labels:
    return _texts((metadata.labels if metadata else None) or {})


def _texts(labels: Mapping[str, str | float | bool | None]) -> Labels:
    return {key: value for key, value in labels.items() if isinstance(value, str)}


def _workloads(forms: Iterable[_Form]) -> dict[Key, Workload]:
    by_key: dict[Key, list[_Form]] = defaultdict(list)
    for form in forms:
        by_key[form.key].append(form)
    return {key: _workload(key, forms) for key, forms in sorted(by_key.items())}


def _workload(key: Key, forms: Sequence[_Form]) -> Workload:
    selector = next((form.selector for form in reversed(forms) if form.selector), None)
    ports = frozenset(port for form in forms for port in _ports(form.spec))
    return Workload(
        key, _distinct(form.labels for form in forms), selector, ports, any(form.spec.host_network for form in forms)
    )


def _distinct(variants: Iterable[Labels]) -> tuple[Labels, ...]:
    found = {tuple(sorted(labels.items())) for labels in variants}
    return tuple(dict(items) for items in sorted(found))


def _ports(spec: _PodSpec) -> Iterator[Port]:
    for container in spec.containers or []:
        for port in container.ports or []:
            yield Port(port.protocol or "TCP", port.container_port, port.name or "")


def _with_told(known: dict[Key, Workload], told: pl.DataFrame) -> dict[Key, Workload]:
    """Return the workloads with those that only flows speak of."""
    names = {(key.namespace, key.name) for key in known}
    forms = [
        _Form(Key(namespace or "default", kind, name), _parted(labels), _PodSpec(), None)
        for namespace, kind, name, labels in told.sort("namespace", "workload_kind", "workload_name").iter_rows()
        if (namespace or "default", name) not in names
    ]
    return {**known, **_workloads(forms)}


def _parted(labels: Sequence[str]) -> Labels:
    parts = (label.partition("=") for label in labels)
    return {key: value for key, _, value in parts}


def _services(objects: pl.DataFrame) -> Iterator[Service]:
    for row in objects.filter(col("kind") == "Service").iter_rows(named=True):
        try:
            spec = _service(row["object"]).spec or _ServiceSpec()
        except BROKEN:
            continue
        yield Service(
            row["namespace"] or "default",
            row["name"] or "",
            _texts(spec.selector) if spec.selector else None,
            tuple((port.protocol or "TCP", port.port, _target(port)) for port in spec.ports or []),
            spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips),
            tuple(spec.load_balancer_source_ranges or ()),
        )


def _target(port: _ServicePort) -> int | str:
    text = port.target_port
    if isinstance(text, str) and text.isdigit():
        return int(text)
    return port.port if text in (None, "", 0) else text


def _host(text: str) -> Iterator[str]:
    try:
        status = _pod(text).status
    except BROKEN:
        return
    if status and status.host:
        yield status.host


def _cidrs(text: str) -> Iterator[str]:
    try:
        spec = _node(text).spec or _NodeSpec()
    except BROKEN:
        return
    yield from spec.cidrs or ([spec.cidr] if spec.cidr else [])


def _apiserver(objects: pl.DataFrame) -> Iterator[str]:
    """Yield the addresses behind the Service default/kubernetes."""
    own = (col("name") == "kubernetes") | col("labels").list.contains("kubernetes.io/service-name=kubernetes")
    ends = objects.filter(col("kind").is_in(["Endpoints", "EndpointSlice"]) & own & (col("namespace") == "default"))
    yield from ends["ips"].explode().drop_nulls()


def network(text: str) -> Network | None:
    """Return the network a text is.

    >>> network("10.1.2.3/16"), network("all")
    (IPv4Network('10.1.0.0/16'), None)
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
