"""How the outside gets to the cluster's own parts: the API without credentials, kubelets, etcd, credentials at large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import yaml

from plimsoll.paths import known, nodes, on_node
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.entry import addresses_of, public_nodes
from plimsoll.paths.model import Model
from plimsoll.paths.rights import AUTHENTICATED, UNAUTHENTICATED
from plimsoll.paths.workloads import Workload, namespace_of
from plimsoll.posture.objects import Body, Object, at, mapped, text
from plimsoll.rbac.grants import Binding

_DEFAULT = (
    "system:public-info-viewer",
    "system:discovery",
    "system:basic-user",
    "kubeadm:bootstrap-signer-clusterinfo",
)
_KUBELET, _ETCD = 10250, 2379
_LONGEST = 200_000
_LOOPBACK = ("127.", "localhost", "[::1]")
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type's name
_ADMINS = ("system:", "kube-")


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways to the cluster's own parts."""
    yield from _anonymous(model)
    yield from _kubelets(model)
    for workload in model.workloads:
        if on_node.is_part(workload):
            yield from _etcd(model, workload)
            yield from _api_server(model, workload)
    yield from _at_large(model)


def _anonymous(model: Model) -> Iterator[Edge]:
    """Yield whom the API server takes callers without credentials for, where a binding gives them anything."""
    for one in _bound(model, nodes.ANYONE):
        why = f"{one.kind} {one.name} gives {one.role} to callers without credentials"
        ref = (nodes.ref(one.kind, one.name, one.namespace),)
        yield Edge("ENTRY_ANON_RBAC", nodes.INTERNET, nodes.ANYONE, why, ref)
        yield Edge("ENTRY_ANON_RBAC", nodes.ANYONE, nodes.group(UNAUTHENTICATED), why, ref)
    everybody, certain = nodes.group(AUTHENTICATED), _is_gke(model)
    for one in _bound(model, everybody) if certain or not model.nodes else ():
        where = "on GKE, to every Google account" if certain else "on GKE, that is every Google account"
        why = f"{one.kind} {one.name} gives {one.role} to {AUTHENTICATED}: {where}"
        ref = (nodes.ref(one.kind, one.name, one.namespace),)
        yield Edge("ENTRY_ANON_RBAC", nodes.INTERNET, everybody, why, ref, conditional=not certain)


def _bound(model: Model, identity: str) -> list[Binding]:
    return [one for one in model.rights.bound(identity) if one.role not in _DEFAULT and one.name not in _DEFAULT]


def _is_gke(model: Model) -> bool:
    told = [one for one in model.nodes.values() if one is not None]
    versions = [text(at(one.body, "status", "nodeInfo", "kubeletVersion")) for one in told]
    return any("-gke." in one for one in versions) or any("cloud.google.com/gke-nodepool" in one.labels for one in told)


def _kubelets(model: Model) -> Iterator[Edge]:
    """Yield who may run commands through kubelets that ask nobody's permission."""
    for one, configuration in _configurations(model):
        if text(at(configuration, "authorization", "mode")) != "AlwaysAllow":
            continue
        ref = (nodes.ref(one.kind, one.name, namespace_of(one)),)
        told = f"{one.kind} {one.name} has kubelets allow everything (authorization.mode AlwaysAllow)"
        everything = nodes.set_of("kubelets", nodes.container("*", "*", "*"))
        if at(configuration, "authentication", "anonymous", "enabled") is True:
            yield from _from_anywhere(model, everything, f"{told} to callers without credentials", ref)
        for identity in model.identities:
            if nodes.kind(identity) in ("SA", "User"):
                yield Edge("ENTRY_KUBELET_ANON", identity, everything, f"{told} to whoever has credentials", ref)
        for workload in model.workloads:
            yield from (Edge("", everything, name, "") for name, _ in workload.containers)


def _from_anywhere(model: Model, everything: str, why: str, ref: tuple[str, ...]) -> Iterator[Edge]:
    for number, name in enumerate(public_nodes(model)):
        yield from (
            Edge("ENTRY_KUBELET_ANON", nodes.INTERNET, one, f"{why}, and {name} has an external address", ref)
            for workload in model.workloads
            if name in workload.nodes or (not workload.nodes and number == 0)
            for one, _ in workload.containers
        )
    inside = addresses_of(model)[:1] or ["10.0.0.1"]
    for workload in model.workloads:
        if model.reach.to_address(workload, inside[0], "TCP", _KUBELET):
            for one, _ in workload.containers:
                yield Edge("ENTRY_KUBELET_ANON", one, everything, f"{why}, and {workload.end} reaches nodes", ref)


def _configurations(model: Model) -> Iterator[tuple[Object, Body]]:
    for one in model.cluster.of("KubeletConfiguration"):
        yield one, one.body
    for (namespace, name), one in model.config_maps.items():
        if namespace == "kube-system" and name.startswith("kubelet-config"):
            told = text(at(one.body, "data", "kubelet"))
            if told and len(told) <= _LONGEST and "&" not in told:
                yield one, _decoded(told)


def _decoded(told: str) -> Body:
    try:
        return mapped(yaml.load(told, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def _flags(workload: Workload) -> dict[str, str]:
    """Return the flags that a part of the control plane is started with, without their dashes."""
    told = (word for one in workload.pod.containers for word in known.words(one).split())
    pairs = (word.lstrip("-").partition("=") for word in told if word.startswith("--"))
    return {name: value or "true" for name, _, value in pairs}


def _etcd(model: Model, workload: Workload) -> Iterator[Edge]:
    told = _flags(workload)
    listens = [one for one in told.get("listen-client-urls", "").split(",") if one]
    outside = [one for one in listens if not one.partition("://")[2].startswith(_LOOPBACK)]
    bare = [one for one in outside if one.startswith("http://")]
    asks = told.get("client-cert-auth") == "true"
    if not outside or (asks and not bare):
        return
    why = f"{workload.end}: etcd listens at {(bare or outside)[0][:80]} and asks for no client certificate"
    yield from _into_the_cluster(model, workload, "ENTRY_ETCD", why, _ETCD)


def _api_server(model: Model, workload: Workload) -> Iterator[Edge]:
    """Yield the way in where the API itself asks nobody who he is, or what he may."""
    if not any("kube-apiserver" in known.words(one) for one in workload.pod.containers):
        return
    told = _flags(workload)
    modes = told.get("authorization-mode", "").split(",")
    if "AlwaysAllow" in modes and told.get("anonymous-auth") != "false":
        why = f"{workload.end}: the API server allows everything to everybody (authorization-mode AlwaysAllow)"
        yield Edge("ENTRY_API_NOAUTH", nodes.INTERNET, nodes.CLUSTER_ADMIN, why, (workload.ref,))
        yield Edge("ENTRY_API_NOAUTH", nodes.ANYONE, nodes.CLUSTER_ADMIN, why, (workload.ref,))
    version = max((known.version(known.image(one)) for one in workload.pod.containers), default=())
    bare = told.get("insecure-bind-address", "127.0.0.1")
    if () < version < (1, 20) and told.get("insecure-port", "8080") != "0" and not bare.startswith(_LOOPBACK):
        why = f"{workload.end}: the API server serves without any check at {bare}:{told.get('insecure-port', '8080')}"
        yield from _into_the_cluster(model, workload, "ENTRY_API_NOAUTH", why, 8080)


def _into_the_cluster(model: Model, workload: Workload, kind: str, why: str, port: int) -> Iterator[Edge]:
    """Yield the ways to a port of the control plane's node: from outside, and from every pod that reaches it."""
    if set(public_nodes(model)) & set(workload.nodes):
        told = f"{why}, and its node has an external address"
        yield Edge(kind, nodes.INTERNET, nodes.CLUSTER_ADMIN, told, (workload.ref,))
    inside = addresses_of(model)[:1] or ["10.0.0.1"]
    for other in model.workloads:
        if other is not workload and model.reach.to_address(other, inside[0], "TCP", port):
            for name, _ in other.containers:
                told = f"{why}, and {other.end} reaches nodes"
                yield Edge(kind, name, nodes.CLUSTER_ADMIN, told, (workload.ref,))


def _at_large(model: Model) -> Iterator[Edge]:
    """Yield credentials that live outside the cluster: each may be lost, none is known to be."""
    for (namespace, name), one in model.secrets.items():
        account = text(one.annotations.get("kubernetes.io/service-account.name")) if one else ""
        if one is not None and one.body.get("type") == _TOKEN and account:
            why = f"Secret {namespace}/{name} is a token that never ends: wherever it was copied to, it opens"
            ref = (nodes.ref("Secret", name, namespace),)
            yield Edge("ENTRY_IDENTITY", nodes.INTERNET, nodes.account(namespace, account), why, ref, conditional=True)
    for identity in model.people:
        if nodes.kind(identity) == "User" and not identity.startswith("User:system:"):
            why = f"{identity.partition(':')[2]} has credentials outside the cluster"
            yield Edge("ENTRY_IDENTITY", nodes.INTERNET, identity, why, conditional=True)
    for identity, binding in _residual(model):
        why = f"{binding.kind} {binding.name} is named like one of the system's and is none of them"
        ref = (nodes.ref(binding.kind, binding.name, binding.namespace),)
        yield Edge("PERSIST_IDENTITY", nodes.INTERNET, identity, why, ref, conditional=True)


def _residual(model: Model) -> Iterator[tuple[str, Binding]]:
    """Yield who holds everything through a binding that poses as one of the system's."""
    for namespace, name in model.accounts:
        identity = nodes.account(namespace, name)
        for one in model.rights.bound(identity):
            if one.kind == "ClusterRoleBinding" and one.name.startswith(_ADMINS) and not one.builtin and _writes(one):
                yield identity, one


def _writes(one: Binding) -> bool:
    writing: Iterable[str] = ("*", "create", "update", "patch", "bind", "escalate", "impersonate")
    return any(set(rule.verbs) & set(writing) and "*" in rule.resources for rule in one.rules or ())
