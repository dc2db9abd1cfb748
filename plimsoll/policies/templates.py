"""What the objects of a cluster say of its workloads, as far as policies need it: labels, ports, what is open to the world."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.policies import network as network_policies
from plimsoll.policies import selectors, services, workloads
from plimsoll.policies.documents import Part
from plimsoll.policies.policy import NamedPort
from plimsoll.policies.services import Service

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Labels = Mapping[str, str]

col = pl.col


class Key(NamedTuple):
    """Which workload."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        """Return it as subjects of facts are written."""
        return f"{self.namespace}/{self.kind}/{self.name}"


class Workload(NamedTuple):
    """A workload and all forms that its pods have had."""

    key: Key
    variants: tuple[Labels, ...]
    """The distinct labels of its pods and templates."""
    selector: Labels | None
    """What it selects its own pods by: it cannot be changed."""
    ports: frozenset[NamedPort]
    on_host: bool
    """Its pods use their node's network, and no policy rules them."""
    accounts: tuple[str, ...] = ()
    """The service accounts that its pods have had."""

    def port_name(self, protocol: str, number: int) -> str | None:
        """Return the name of a port where it means this port and no other, in every pod."""
        names = {one.name for one in self.ports if (one.protocol, one.number) == (protocol, number)}
        name = next(iter(names)) if len(names) == 1 else ""
        meant = {(one.protocol, one.number) for one in self.ports if one.name == name}
        return name if name and len(meant) == 1 else None


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


class Owner(Part, frozen=True):
    """What says whose pods are meant."""

    selector: msgspec.Raw = msgspec.Raw()


class Owning(Part, frozen=True):
    """A workload, as far as it selects its pods."""

    spec: Owner | None = None


class NodeSpec(Part, frozen=True):
    """The addresses of a node's pods."""

    cidr: str | None = msgspec.field(default=None, name="podCIDR")
    cidrs: list[str] | None = msgspec.field(default=None, name="podCIDRs")


class Node(Part, frozen=True):
    """A node."""

    spec: NodeSpec | None = None


_owning = msgspec.json.Decoder(Owning).decode
_node = msgspec.json.Decoder(Node).decode
_selector = msgspec.json.Decoder(selectors.Document).decode
_KINDS = (*workloads.TEMPLATED, "Pod")
_UNSELECTED = ("Pod", "Job", "CronJob")
"""Kinds that select none of their own, or by what changes with each run."""


class _Form(NamedTuple):
    """One form that a workload's pods had."""

    key: Key
    labels: Labels
    ports: tuple[NamedPort, ...]
    on_host: bool
    account: str
    selector: Labels | None


def cluster(objects: pl.DataFrame, told: pl.DataFrame) -> Cluster:
    """Return what objects (tables.OBJECTS) and the labels that flows told (edges.LABELS) say of a cluster."""
    forms = [form for row in objects.filter(col("kind").is_in(_KINDS)).iter_rows(named=True) for form in _forms(row)]
    ever = objects.with_columns(
        pl.col("namespace").replace("", "default"), until=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    pods, nodes = (objects.filter(col("kind") == kind) for kind in ("Pod", "Node"))
    hosts = frozenset(network_policies.hosts(pods).drop_nulls())
    return Cluster(
        _with_told(_workloads(forms), told),
        services.read(ever),
        frozenset(objects.filter(col("kind") == "Namespace")["name"].drop_nulls()),
        frozenset(pods["ips"].explode().drop_nulls()) - hosts,
        frozenset(nodes["ips"].explode().drop_nulls()) | hosts,
        frozenset(network_policies.apiserver(objects)),
        tuple(sorted({cidr for text in nodes["object"] for cidr in _cidrs(text)})),
    )


def _forms(row: Mapping[str, str]) -> Iterator[_Form]:
    """Yield the form of its pods that an object tells; what the API server would refuse is not in a cluster."""
    kind, text = row["kind"], row["object"]
    pod = workloads.pod_of(kind, text)
    if pod is None:
        return
    key = Key(row["namespace"] or "default", row["workload_kind"] or kind, row["workload_name"] or row["name"] or "")
    meta, spec = pod.metadata or workloads.Metadata(), pod.spec or workloads.Spec()
    owns = kind not in _UNSELECTED and key.kind == kind
    account = spec.service_account_name or "default"
    yield _Form(
        key,
        meta.texts(),
        workloads.named_ports(spec),
        bool(spec.host_network),
        account,
        _selects(text) if owns else None,
    )


def _selects(text: str) -> Labels | None:
    """Return an owner's selector where it is made of labels alone; ReplicationControllers write only those."""
    try:
        owner = _owning(text).spec or Owner()
        if bytes(owner.selector) in (b"", b"null"):
            return None
        found = _selector(owner.selector)
    except errors.BROKEN:
        return None
    return None if found.match_expressions else found.match_labels or None


def _workloads(forms: Iterable[_Form]) -> dict[Key, Workload]:
    by_key: dict[Key, list[_Form]] = defaultdict(list)
    for form in forms:
        by_key[form.key].append(form)
    return {key: _workload(key, forms) for key, forms in sorted(by_key.items())}


def _workload(key: Key, forms: Sequence[_Form]) -> Workload:
    return Workload(
        key,
        _distinct(form.labels for form in forms),
        next((form.selector for form in reversed(forms) if form.selector), None),
        frozenset(port for form in forms for port in form.ports),
        any(form.on_host for form in forms),
        tuple(sorted({form.account for form in forms if form.account})),
    )


def _distinct(variants: Iterable[Labels]) -> tuple[Labels, ...]:
    found = {tuple(sorted(labels.items())) for labels in variants}
    return tuple(dict(items) for items in sorted(found))


def _with_told(known: dict[Key, Workload], told: pl.DataFrame) -> dict[Key, Workload]:
    """Return the workloads with those that only flows speak of."""
    names = {(key.namespace, key.name) for key in known}
    forms = [
        _Form(Key(namespace or "default", kind, name), network_policies.mapping(labels), (), False, "", None)
        for namespace, kind, name, labels in told.sort("namespace", "workload_kind", "workload_name").iter_rows()
        if (namespace or "default", name) not in names
    ]
    return {**known, **_workloads(forms)}


def _cidrs(text: str) -> Iterator[str]:
    try:
        spec = _node(text).spec or NodeSpec()
    except errors.BROKEN:
        return
    yield from spec.cidrs or ([spec.cidr] if spec.cidr else [])


def network(text: str) -> Network | None:
    """Return the network a text is.

    >>> network("10.1.2.3/16"), network("all")
    (IPv4Network('10.1.0.0/16'), None)
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
