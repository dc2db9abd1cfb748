"""A cluster as an attacker sees it: what runs where, who may do what, who reaches whom, each found by its name.

Built once; the families of edges (`plimsoll.paths.edges`) ask it and change nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from plimsoll.paths import nodes, placement, workloads
from plimsoll.paths.edge import Edge
from plimsoll.paths.placement import Placement
from plimsoll.paths.reach import Reach
from plimsoll.paths.rights import Powers, Rights
from plimsoll.paths.workloads import Workload, namespace_of
from plimsoll.policies import selectors
from plimsoll.posture.objects import CONTAINERS, Cluster, Object, at, listed, mapped, text

_ENFORCE = "pod-security.kubernetes.io/enforce"
_LEVELS = ("privileged", "baseline", "restricted")
_Named = tuple[str, str]
"""Namespace and name."""


class Namespace(NamedTuple):
    """A namespace that is an object or that objects are in."""

    name: str
    object: Object | None
    labels: Mapping[str, str]

    @property
    def enforces(self) -> str:
        """The level of Pod Security that it holds pods to: `privileged`, `baseline` or `restricted`."""
        level = self.labels.get(_ENFORCE, "privileged")
        return level if level in _LEVELS else "restricted"

    def is_selected(self, selector: Any) -> bool:
        """Say whether a selector of namespaces means it: an empty one means all, one the API would refuse none."""
        try:
            wanted = selectors.selector(msgspec.convert(selector or {}, selectors.Document))
        except (msgspec.MsgspecError, ValueError):
            return False
        return selectors.selects(wanted, self.labels)

    @property
    def id(self) -> str:
        """Its id."""
        return nodes.namespace(self.name)

    @property
    def ref(self) -> str:
        """What to change."""
        return nodes.ref("Namespace", self.name)


class Port(NamedTuple):
    """A port of a Service."""

    number: int
    name: str
    protocol: str
    target: int | str


class Service(NamedTuple):
    """A Service and what stands behind it."""

    namespace: str
    name: str
    object: Object
    workloads: tuple[Workload, ...]
    ports: tuple[Port, ...]

    @property
    def id(self) -> str:
        """Its id."""
        return nodes.endpoint(self.namespace, self.name)

    @property
    def ref(self) -> str:
        """What to change."""
        return nodes.ref("Service", self.name, self.namespace)


class Model:
    """The objects of a cluster, by what an attacker asks of them."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the objects."""
        self.cluster = cluster
        self.workloads: tuple[Workload, ...] = tuple(workloads.read(cluster))
        """What runs; what is scaled to nothing does not."""
        self.nodes: dict[str, Object | None] = {one.name: one for one in cluster.of("Node") if one.name}
        """Nodes by name, those that pods only name included."""
        for one in self.workloads:
            self.nodes |= {name: None for name in one.nodes if name not in self.nodes}
        self.rights = Rights(cluster)

    @cached_property
    def templates(self) -> list[Object]:
        """What makes pods (Deployments, CronJobs, …), also where it is scaled to nothing."""
        return workloads.templates(self.cluster)

    @cached_property
    def in_namespace(self) -> Mapping[str, list[Workload]]:
        """What runs in each namespace."""
        return _grouped((one.namespace, one) for one in self.workloads)

    @cached_property
    def by_account(self) -> Mapping[str, list[Workload]]:
        """What runs as each ServiceAccount, by its id."""
        return _grouped((one.account, one) for one in self.workloads)

    @cached_property
    def containers(self) -> Mapping[str, Workload]:
        """The workload of each container's id."""
        return {name: one for one in self.workloads for name, _ in one.containers}

    @cached_property
    def where(self) -> Mapping[Workload, tuple[str, ...]]:
        """The names of the nodes that each workload runs on, or could where it has none yet; none: nothing is known."""
        alike: dict[tuple[str, ...], tuple[str, ...]] = {}
        told = ((one, one.nodes or placement.possible(one, self.nodes)) for one in self.workloads)
        return {one: alike.setdefault(names, names) for one, names in told}

    @cached_property
    def placements(self) -> list[Placement]:
        """What runs on each node, and what could run on which."""
        return placement.placements(self.where, self.nodes)

    @cached_property
    def node_of(self) -> Mapping[Workload, str]:
        """The node, or set of nodes, that is behind a workload: where an escape from it leads."""
        found: dict[Workload, str] = {}
        for one, names in self.where.items():
            found[one] = nodes.node(names[0]) if len(names) == 1 else self._any_of(names)
        return found

    @cached_property
    def _sets_of_nodes(self) -> dict[tuple[str, ...], str]:
        return {}

    def _any_of(self, names: tuple[str, ...]) -> str:
        if not names:
            return nodes.ANY_NODE
        if len(names) == len(self.nodes):
            return self.any_node
        number = len(self._sets_of_nodes)
        return self._sets_of_nodes.setdefault(names, nodes.set_of(f"nodes-{number}", nodes.ANY_NODE))

    @property
    def any_node(self) -> str:
        """All nodes as one set: where a pod of the attacker's own can be placed; `Node:*` where none is known."""
        return nodes.set_of("nodes", nodes.ANY_NODE) if self.nodes else nodes.ANY_NODE

    def sets(self) -> Iterator[Edge]:
        """Yield the way from the sets of nodes to their members."""
        if not self.nodes:
            return
        sets = {tuple(self.nodes): self.any_node}
        _ = self.node_of  # which fills the sets
        sets |= {names: one for names, one in self._sets_of_nodes.items() if one != self.any_node}
        for names, one in sets.items():
            for name in names:
                yield Edge("", one, nodes.node(name), "")

    @cached_property
    def namespaces(self) -> Mapping[str, Namespace]:
        """Namespaces, those without an object included."""
        found = {one.name: one for one in self.cluster.of("Namespace") if one.name}
        names = dict.fromkeys([*found, *(one.namespace for one in self.cluster.objects if one.namespace)])
        names |= dict.fromkeys(one.namespace for one in self.workloads)
        return {name: Namespace(name, found.get(name), _labels(found.get(name), name)) for name in names}

    @cached_property
    def accounts(self) -> Mapping[_Named, Object | None]:
        """ServiceAccounts: objects, those that pods run as, and those that bindings name."""
        found: dict[_Named, Object | None] = {}
        for one in self.cluster.of("ServiceAccount"):
            if one.name:
                found[namespace_of(one), one.name] = one
        for workload in self.workloads:
            found.setdefault((workload.namespace, workload.pod.service_account), None)
        for subject in self.rights.subjects():
            if subject.startswith("SA:"):
                namespace, _, name = subject.removeprefix("SA:").partition("/")
                found.setdefault((namespace, name), None)
        return found

    @cached_property
    def people(self) -> tuple[str, ...]:
        """The users and groups that bindings name, by id."""
        return tuple(dict.fromkeys(one for one in self.rights.subjects() if nodes.kind(one) in ("User", "Group")))

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """All that may ask something of the API: ServiceAccounts, users, groups, nodes, and anyone."""
        own = (nodes.user(f"system:node:{name}") for name in self.nodes or ("*",))
        told = (*(nodes.account(*one) for one in self.accounts), *self.people, *own, nodes.ANYONE)
        return tuple(dict.fromkeys(told))

    def powers(self, identity: str) -> Powers:
        """Return what an identity may do."""
        return self.rights.of(identity)

    @cached_property
    def secrets(self) -> Mapping[_Named, Object | None]:
        """Secrets: objects, and those that pods refer to."""
        found: dict[_Named, Object | None] = {
            (one.namespace, name): None for one in self.workloads for name in referred(one.pod.spec)
        }
        return found | {(namespace_of(one), one.name): one for one in self.cluster.of("Secret") if one.name}

    def places(self, kind: str, namespace: str, name: str) -> list[str]:
        """Return the namespaces where something of this name can be: the one that is told, else all where it is.

        Kinds: `accounts`, `secrets`, `services`, `pods`, `config_maps`.
        """
        return [namespace] if namespace else self._places[kind].get(name, [])

    @cached_property
    def _places(self) -> Mapping[str, Mapping[str, list[str]]]:
        pods = ((one.namespace, name) for one in self.workloads for name in one.pods)
        services = ((one.namespace, one.name) for one in self.services)
        kinds = {"accounts": self.accounts, "secrets": self.secrets, "config_maps": self.config_maps}
        pairs: dict[str, Iterable[_Named]] = {**kinds, "pods": pods, "services": services}
        found: dict[str, dict[str, list[str]]] = {}
        for kind, named in pairs.items():
            by_name: dict[str, list[str]] = defaultdict(list)
            for namespace, name in named:
                by_name[name].append(namespace)
            found[kind] = by_name
        return found

    @cached_property
    def by_pod(self) -> Mapping[_Named, Workload]:
        """The workload of each pod, by namespace and name."""
        return {(one.namespace, name): one for one in self.workloads for name in one.pods}

    @cached_property
    def config_maps(self) -> Mapping[_Named, Object]:
        """ConfigMaps."""
        return {(namespace_of(one), one.name): one for one in self.cluster.of("ConfigMap") if one.name}

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Services with the workloads they select; one without a selector leads to nothing that is known."""
        return tuple(self._service(one) for one in self.cluster.of("Service") if one.name)

    @cached_property
    def by_endpoint(self) -> Mapping[str, Service]:
        """The Service of each endpoint's id."""
        return {one.id: one for one in self.services}

    def _service(self, one: Object) -> Service:
        wanted = mapped(one.spec.get("selector")).items()
        space = namespace_of(one)
        found = [found for found in self.in_namespace.get(space, ()) if wanted and wanted <= found.pod.labels.items()]
        return Service(space, one.name, one, tuple(found), tuple(_service_ports(one)))

    @cached_property
    def reach(self) -> Reach:
        """The network."""
        return Reach(self.cluster, self.workloads)


def referred(spec: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of the Secrets that a pod's spec refers to: volumes, environment, image pulls.

    >>> list(referred({"volumes": [{"name": "v", "secret": {"secretName": "tls"}}], "imagePullSecrets": [{"name": "reg"}]}))
    ['tls', 'reg']
    """
    for volume in listed(spec.get("volumes")):
        yield from _nonempty(at(volume, "secret", "secretName"))
        for source in listed(at(volume, "projected", "sources")):
            yield from _nonempty(at(source, "secret", "name"))
        for driver in ("csi", "flexVolume", "cephfs", "rbd", "iscsi", "scaleIO", "storageos", "azureFile"):
            place = at(volume, driver, "nodePublishSecretRef", "name") or at(volume, driver, "secretRef", "name")
            yield from _nonempty(place or at(volume, driver, "secretName"))
    for name in CONTAINERS:
        for container in listed(spec.get(name)):
            yield from _of_environment(container)
    for one in listed(spec.get("imagePullSecrets")):
        yield from _nonempty(at(one, "name"))


def _of_environment(container: object) -> Iterator[str]:
    for one in listed(at(container, "env")):
        yield from _nonempty(at(one, "valueFrom", "secretKeyRef", "name"))
    for one in listed(at(container, "envFrom")):
        yield from _nonempty(at(one, "secretRef", "name"))


def _nonempty(value: object) -> Iterator[str]:
    if text(value):
        yield text(value)


def _grouped(pairs: Iterable[tuple[str, Workload]]) -> Mapping[str, list[Workload]]:
    found: dict[str, list[Workload]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _labels(one: Object | None, name: str) -> dict[str, str]:
    told = one.labels if one else {}
    return {"kubernetes.io/metadata.name": name} | {k: v for k, v in told.items() if isinstance(v, str)}


def _service_ports(one: Object) -> Iterator[Port]:
    for told in listed(one.spec.get("ports")):
        number = at(told, "port")
        if not isinstance(number, int):
            continue
        target = at(told, "targetPort")
        yield Port(
            number,
            text(at(told, "name")),
            text(at(told, "protocol")) or "TCP",
            target if isinstance(target, int | str) and target not in ("", 0) else number,
        )
