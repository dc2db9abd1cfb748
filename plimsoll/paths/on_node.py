"""What lies on a node: the containers, tokens and Secrets of the pods that run there, or could.

Each node has a set for each (`nodes.set_of`), so that who holds a node holds its set in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from plimsoll.paths import nodes, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model, referred
from plimsoll.paths.workloads import Workload
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import Object, at, listed, mapped, text

CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_PARTS = ("kube-apiserver", "etcd", "kube-controller-manager")


class Kept(NamedTuple):
    """Something that lies on the nodes of a placement."""

    name: str
    """The id of the set."""
    nodes: tuple[str, ...]
    """The names of the nodes; none: on whichever node there is."""
    members: tuple[tuple[str, Workload], ...]
    """What is in it, with the first workload that brought it there."""


class OnNodes:
    """What lies on each node of a cluster."""

    def __init__(self, model: Model) -> None:
        """Take the cluster."""
        self._where = model.where
        self.containers = _kept(model, "containers", "Container:*/*/*", _containers)
        self.tokens = _kept(model, "tokens", "SA:*", lambda one: _tokens(model, one))
        self.secrets = _kept(model, "secrets", "Secret:*", lambda one: _secrets(model, one))

    def sets(self) -> Iterator[Edge]:
        """Yield the ways from the sets to what is in them."""
        for kept in (*self.containers, *self.tokens, *self.secrets):
            for name, one in kept.members:
                yield Edge("", kept.name, name, f"of {one.end}")

    def near(self, workload: Workload, kind: list[Kept]) -> Iterator[str]:
        """Yield the sets of a kind that lie where a workload runs, or could run."""
        where = set(self._where[workload])
        for kept in kind:
            if where.intersection(kept.nodes) or not (where and kept.nodes):
                yield kept.name


@once
def of(model: Model) -> OnNodes:
    """Return what lies on each node of a cluster; the families of edges share the answer."""
    return OnNodes(model)


def _kept(model: Model, what: str, shown: str, members_of: Callable[[Workload], Iterable[str]]) -> list[Kept]:
    found = []
    told: dict[Workload, tuple[str, ...]] = {}
    for number, place in enumerate(model.placements):
        members: dict[str, Workload] = {}
        for one in place.workloads:
            if one not in told:
                told[one] = tuple(members_of(one))
            for name in told[one]:
                members.setdefault(name, one)
        if members:
            found.append(Kept(nodes.set_of(f"{what}-{number}", shown), place.nodes, tuple(members.items())))
    return found


def _containers(one: Workload) -> Iterable[str]:
    return (name for name, _ in one.containers)


def _tokens(model: Model, one: Workload) -> Iterable[str]:
    return (one.account,) if tokens.of_pod(model, one) else ()


def _secrets(model: Model, one: Workload) -> Iterable[str]:
    """Yield the Secrets that the kubelet fetches for a pod: what it refers to, and what its image is pulled with."""
    if tokens.is_static(one):
        return
    names = dict.fromkeys(referred(one.pod.spec))
    if not listed(one.pod.spec.get("imagePullSecrets")):
        account = model.accounts.get((one.namespace, one.pod.service_account))
        pulled = listed(account.body.get("imagePullSecrets")) if account else ()
        names |= dict.fromkeys(filter(None, (text(at(told, "name")) for told in pulled)))
    missing = _missing(model, one)
    yield from (nodes.secret(one.namespace, name) for name in names if name not in missing)


def _missing(model: Model, one: Workload) -> set[str]:
    """Return the Secrets that a pod may do without and that are not there."""
    told = [ref for container in one.pod.containers for ref in tokens.secrets(model, one, container) if ref.optional]
    return {ref.name for ref in told if model.secrets.get((one.namespace, ref.name)) is None}


def identities(model: Model, workload: Workload) -> list[str]:
    """Return the users that the nodes of a workload are to the API server."""
    return [nodes.user(f"system:node:{name}") for name in model.where[workload]]


def control_planes(model: Model) -> Mapping[str, str]:
    """Return the names of the nodes that run the cluster's own control plane, and what tells so."""
    found = {}
    for name, node in model.nodes.items():
        told = _is_labelled(node) if node else ""
        if told:
            found[name] = told
    for one in model.workloads:
        for name in one.nodes if is_part(one) else ():
            found.setdefault(name, f"{one.end} runs on it")
    return found


def _is_labelled(node: Object) -> str:
    taints = {text(at(one, "key")) for one in listed(node.spec.get("taints"))}
    for one in CONTROL_PLANE:
        if one in node.labels:
            return f"it has the label {one}"
        if one in taints:
            return f"it has the taint {one}"
    return ""


def is_part(workload: Workload) -> bool:
    """Say whether a workload is a part of the control plane: a pod that a kubelet runs of its own."""
    name = text(workload.pod.labels.get("component")) or workload.name
    return (
        workload.namespace == "kube-system"
        and name.startswith(_PARTS)
        and (tokens.is_static(workload) or text(workload.pod.labels.get("tier")) == "control-plane")
    )


def may_be_control_plane(model: Model, workload: Workload, known: Mapping[str, str]) -> bool:
    """Say whether a workload runs, or by its own word could run, on a node of the control plane."""
    names = model.where[workload]
    return any(name in known for name in names) if names else _seeks_control_plane(workload)


def _seeks_control_plane(workload: Workload) -> bool:
    spec = workload.pod.spec
    selector = mapped(spec.get("nodeSelector"))
    required = at(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    asked = [
        text(at(one, "key"))
        for term in listed(mapped(required).get("nodeSelectorTerms"))
        for one in listed(at(term, "matchExpressions"))
        if at(one, "operator") in ("Exists", "In")
    ]
    return any(one in selector or one in asked for one in CONTROL_PLANE)
