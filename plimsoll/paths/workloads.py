"""Pods by what an attacker can tell apart: replicas are one, pods that differ in what they are or where it matters are not."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import msgspec

from plimsoll.paths import nodes
from plimsoll.posture.objects import CONTAINERS, Cluster, Container, Object, Pod, at, listed, mapped, text

_HIGHEST = 8
_FINISHED = ("Succeeded", "Failed")
_OF_ONE_POD = ("nodeName", "hostname", "subdomain")
"""What a pod's spec says that its template did not."""
_TOKEN_VOLUME = re.compile(rb"kube-api-access-[a-z0-9]{5}\b")
_HOST_FIELDS = ("hostPID", "hostNetwork", "hostIPC")
_CONFINED = frozenset({"emptyDir", "configMap", "secret", "projected", "downwardAPI", "csi", "ephemeral"})
_Key = tuple[str, str, str]


@dataclasses.dataclass(frozen=True, eq=False)
class Workload:
    """Pods that are alike: replicas of one owner, or what a template would make."""

    namespace: str
    kind: str
    name: str
    """Kind and name at the top of the owners."""
    pods: tuple[str, ...]
    """Their names; empty where there is only a template."""
    nodes: tuple[str, ...]
    """Names of the nodes they run on; empty where they have none yet."""
    pod: Pod
    ref: str
    """The object to change: what is at the top of the owners."""

    @property
    def id(self) -> str:
        """The id of what makes the pods."""
        return nodes.workload(self.namespace, self.kind, self.name)

    @property
    def account(self) -> str:
        """The id of the ServiceAccount they run as."""
        return nodes.account(self.namespace, self.pod.service_account)

    @property
    def spec(self) -> Mapping[str, object]:
        """The pods' spec."""
        return self.pod.spec

    def container(self, one: Container) -> str:
        """Return the id of a container: that of the first pod, or of the template."""
        return nodes.container(self.namespace, self.pods[0] if self.pods else self.name, one.name)

    @cached_property
    def containers(self) -> tuple[tuple[str, Container], ...]:
        """Its containers with their ids, in Kubernetes' order."""
        return tuple((self.container(one), one) for one in self.pod.containers)

    @cached_property
    def end(self) -> str:
        """What it is called in sentences: `Deployment shop/web`."""
        return f"{self.kind} {self.namespace}/{self.name}"


def namespace_of(one: Object) -> str:
    """Return the namespace an object of a namespace is in."""
    return one.namespace or "default"


def controller(one: Object) -> tuple[str, str] | None:
    """Return kind and name of what controls an object."""
    for owner in listed(one.metadata.get("ownerReferences")):
        if at(owner, "controller") is True:
            return text(at(owner, "kind")), text(at(owner, "name"))
    return None


def read(cluster: Cluster) -> list[Workload]:
    """Return what runs: pods where there are pods, templates where nothing has been made of them."""
    known = {(one.kind, namespace_of(one), one.name): one for one in cluster.workloads}
    alike: dict[tuple[object, ...], list[Object]] = defaultdict(list)
    made: set[_Key] = set()
    for one in cluster.of("Pod"):
        top = _top(one, known)
        made.add((top[0], namespace_of(one), top[1]))
        if at(one.body, "status", "phase") not in _FINISHED and one.name:
            alike[_alike(one, top)].append(one)
    found = [_of_pods(pods, _top(pods[0], known), known) for pods in alike.values()]
    return [*found, *(_of_template(one) for one in _standing(cluster, known) if _runs(one, made))]


def templates(cluster: Cluster) -> list[Object]:
    """Return what makes pods and is made by nothing else that is known, scaled to nothing or not."""
    known = {(one.kind, namespace_of(one), one.name): one for one in cluster.workloads}
    return [*_standing(cluster, known)]


def _standing(cluster: Cluster, known: Mapping[_Key, Object]) -> Iterator[Object]:
    for one in cluster.workloads:
        owner = controller(one)
        owned = owner is not None and (owner[0], namespace_of(one), owner[1]) in known
        if one.kind not in ("Pod", "PodTemplate") and one.name and not owned:
            yield one


def _runs(one: Object, made: set[_Key]) -> bool:
    return (one.kind, namespace_of(one), one.name) not in made and one.spec.get("replicas") != 0


def _top(one: Object, known: Mapping[_Key, Object]) -> tuple[str, str]:
    """Return kind and name of what an object belongs to in the end, as far up as objects or a template's hash tell."""
    kind, name, labels = one.kind, one.name, one.labels
    here: Object | None = one
    for _ in range(_HIGHEST):
        owner = controller(here) if here else None
        if owner is None or owner[0] == "Node":
            break
        kind, name = owner
        here = known.get((kind, namespace_of(one), name))
    digest = text(labels.get("pod-template-hash"))
    if kind == "ReplicaSet" and digest and name.endswith(f"-{digest}"):
        return "Deployment", name.removesuffix(f"-{digest}")
    return kind, name


def _alike(one: Object, top: tuple[str, str]) -> tuple[object, ...]:
    """Return what a pod's replicas have in common with it; where it can touch its node, the node too."""
    spec = mapped(one.body.get("spec"))
    place = spec.get("nodeName") if touches_host(spec) else None
    return (namespace_of(one), top, controller(one), _printed(spec), _printed(one.labels), str(place))


def _printed(body: Mapping[str, object]) -> bytes:
    told = {key: value for key, value in body.items() if key not in _OF_ONE_POD}
    try:
        return _TOKEN_VOLUME.sub(b"kube-api-access", msgspec.json.encode(told, order="sorted"))
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return repr(id(body)).encode()  # alike to none


def touches_host(spec: Mapping[str, object]) -> bool:
    """Say whether pods of this spec have any part of their node, so that it matters on which they run.

    >>> touches_host({"hostPID": True}), touches_host({"containers": [{"name": "app"}]})
    (True, False)
    """
    if any(spec.get(field) for field in _HOST_FIELDS) or at(spec, "securityContext", "windowsOptions"):
        return True
    if any(not _CONFINED & mapped(one).keys() for one in listed(spec.get("volumes"))):
        return True
    held = (one for name in CONTAINERS for one in listed(spec.get(name)))
    return any(_has_host_rights(mapped(at(one, "securityContext"))) for one in held)


def _has_host_rights(context: Mapping[str, object]) -> bool:
    added = listed(at(context, "capabilities", "add"))
    return bool(context.get("privileged") or added or context.get("procMount") or context.get("windowsOptions"))


def _of_pods(pods: Sequence[Object], top: tuple[str, str], known: Mapping[_Key, Object]) -> Workload:
    first = pods[0]
    namespace = namespace_of(first)
    placed = dict.fromkeys(text(at(one.body, "spec", "nodeName")) for one in pods)
    holder = known.get((top[0], namespace, top[1]))
    kind, name = (holder.kind, holder.name) if holder else top
    names = tuple(one.name for one in pods)
    pod = first.pod or Pod({}, {}, "spec", ())
    where = tuple(name for name in placed if name)
    return Workload(namespace, *top, names, where, pod, nodes.ref(kind, name, namespace))


def _of_template(one: Object) -> Workload:
    pod = one.pod or Pod({}, {}, "spec", ())
    space = namespace_of(one)
    where = text(pod.spec.get("nodeName"))
    return Workload(space, one.kind, one.name, (), (where,) if where else (), pod, nodes.ref(one.kind, one.name, space))
