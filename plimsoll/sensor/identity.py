"""Who a container is: from its cgroup's key to the workload that its behaviour is learned under.

What tells is, in this order, the Kubernetes API, the runtime's files, CRI. What none of them
confirms gets a name, but is never stopped: a cgroup is made by anybody who may, in any shape.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from plimsoll import normal
from plimsoll.sensor import cgroups, containers, cri, hostfiles, kube

PATIENCE = 2.0
"""Seconds in which a runtime writes down what it starts; after them a container is what its cgroup says."""
CLUSTER_PATIENCE = 0.5
"""Seconds that the API server or CRI may lag behind the runtime's files."""
_FIRST_LOOK, _LONGEST_PAUSE, _RARELY = 0.002, 0.05, 30.0
_MOST = 20_000  # containers known or waited for
_MOST_LABELS = 64
_MOST_MAKERS = 4

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123 label
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")  # RFC 1123 subdomain
_WORKLOAD = re.compile(rf"(?P<kind>[A-Z][A-Za-z0-9]{{0,62}})/(?P<name>{_NAME.pattern})")
_IMAGE = re.compile(r"[!-~]{1,512}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LABEL = re.compile(r"[0-9A-Za-z_./-]{0,317}")

_NAMESPACES = ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
_PODS = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
_UIDS = ("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid")
_CONTAINERS = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name")
_IMAGES = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
_SANDBOXES = (
    ("io.kubernetes.cri.container-type", "sandbox"),
    ("io.kubernetes.cri-o.ContainerType", "sandbox"),
    ("io.kubernetes.docker.type", "podsandbox"),
    ("io.kubernetes.container.name", "POD"),
)
SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces whose containers are never stopped."""
_PLUGINS = (
    "/opt/cni/bin",
    "/etc/cni/net.d",
    "/var/lib/cni",
    "/var/lib/kubelet/plugins",
    "/var/lib/kubelet/plugins_registry",
    "/var/lib/kubelet/device-plugins",
)
"""What a plugin for network, storage or devices mounts of the host, and nobody else."""
_KUBELET = frozenset({"/var/lib/kubelet", "/var/lib/kubelet/pods"})
"""What a plugin for storage mounts whole; other containers mount their own volumes from far below."""


class Identity(msgspec.Struct, frozen=True):
    """A container and whose it is. All names are checked: none holds a newline, a slash or a colon."""

    container_id: str
    namespace: str
    pod: str
    pod_uid: str
    container: str
    workload_kind: str
    workload_name: str
    labels: dict[str, str]
    image: str
    image_digest: str
    protected: bool
    """Whether it may never be stopped."""
    subject: str
    """In the notation of plimsoll.facts: `shop/Deployment/redis:redis`."""
    sandbox: bool = False
    """Whether it only holds a pod's namespaces, and is not judged."""
    reason: str = ""
    """Why it is protected."""


class Pods(Protocol):
    """The cluster's word on pods; plimsoll.sensor.kube has one."""

    ready: bool
    error: str

    def find(self, uid: str, /) -> kube.Pod | None:
        """Return the pod whose cgroup bears this uid."""

    def __len__(self) -> int: ...


class Runtime(Protocol):
    """The runtime's word over CRI; plimsoll.sensor.cri has one."""

    error: str

    def find(self, container_id: str, /) -> cri.Container | None:
        """Return what it says of a container."""


class Evidence(NamedTuple):
    """All that is known of one container."""

    path: str
    place: cgroups.Place | None = None
    container: containers.Container | None = None
    pod: kube.Pod | None = None
    told: cri.Container | None = None


class Host(NamedTuple):
    """What identities need to know of where they are."""

    node: str = ""
    namespace: str = "plimsoll"
    """Where our own pods are."""


HERE = Host()
_NO_POD = kube.Pod("", "", "")
_UNTOLD = cri.Container("", sandbox=False, namespace="", pod="", pod_uid="", name="", image="", image_digest="")


def identity(evidence: Evidence, host: Host = HERE) -> Identity:
    """Return whose a container is, by all that is known of it.

    >>> redis = {"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.name": "redis-0"}
    >>> identity(Evidence("/r", container=containers.Container("r", annotations=redis))).subject
    'shop/StatefulSet/redis:redis'
    >>> identity(Evidence("/r", container=containers.Container("r"))).subject
    'host/Container/r:r'
    """
    place = evidence.place or cgroups.Place(evidence.path, "", "")
    container = evidence.container or containers.Container(place.container_id)
    pod, told = evidence.pod or _NO_POD, evidence.told or _UNTOLD
    annotations = _annotations(evidence)
    labels = _labels(pod.labels or told.labels)
    name = _first(_NAME, pod.name, *_of(annotations, _PODS), told.pod)
    if name:
        space = _first(_NAMESPACE, pod.namespace, *_of(annotations, _NAMESPACES), told.namespace) or "default"
        kind, workload = _workload(name, labels, annotations, evidence.pod, host.node)
        inner = _first(_NAMESPACE, *_of(annotations, _CONTAINERS), pod.names.get(container.id), told.name) or workload
    else:
        space, kind, workload = "host", "Container", container.name or container.id
        inner = workload
    image, digest = pod.images.get(inner, ("", ""))
    sandbox = told.sandbox or any(annotations.get(key) == value for key, value in _SANDBOXES)
    reason = _protection(evidence, space, labels, annotations, host, sandbox=sandbox)
    return Identity(
        container.id,
        space,
        name,
        _first(hostfiles.NAME, pod.uid, place.pod_uid, *_of(annotations, _UIDS)),
        inner,
        kind,
        workload,
        labels,
        _first(_IMAGE, image, *_of(annotations, _IMAGES), container.image, told.image),
        _digest(digest, told.image_digest),
        bool(reason),
        f"{space}/{kind}/{workload}:{inner}",
        sandbox,
        reason,
    )


def _annotations(evidence: Evidence) -> Mapping[str, str]:
    """Return what may be believed of the annotations; the cluster's own come last and so win."""
    container, place, pod, told = evidence.container, evidence.place, evidence.pod, evidence.told
    own = container.annotations if container else {}
    if container and container.outside and not (place and place.pod_uid):
        own = {}  # the labels of an image that anybody built
    return {**own, **(told.annotations if told else {}), **(pod.annotations if pod else {})}


def _of(annotations: Mapping[str, str], keys: tuple[str, ...]) -> Iterator[str | None]:
    return map(annotations.get, keys)


def _first(shape: re.Pattern[str], *texts: str | None) -> str:
    """Return the first text that has the shape of a name."""
    return next((text for text in texts if text and shape.fullmatch(text)), "")


def _labels(told: Mapping[str, str]) -> dict[str, str]:
    kept = sorted((key, value) for key, value in told.items() if not key.startswith("io.kubernetes."))
    return {key: value for key, value in kept[:_MOST_LABELS] if _LABEL.fullmatch(key) and _LABEL.fullmatch(value)}


def _workload(
    name: str, labels: Mapping[str, str], annotations: Mapping[str, str], pod: kube.Pod | None, node: str
) -> tuple[str, str]:
    """Return the workload: its owner, else what the annotation says, else what the pod is called."""
    if pod and pod.owner_kind:
        owner = _WORKLOAD.fullmatch("/".join(kube.workload(pod)))
        if owner:
            return owner["kind"], owner["name"]
    told = _WORKLOAD.fullmatch(annotations.get("plimsoll.dev/workload", ""))
    if told:
        return told["kind"], told["name"]
    kind, base = kube.workload(pod) if pod else normal.workload_of_pod(name, labels, node)
    return kind, base if _NAME.fullmatch(base) else name


def _digest(*texts: str) -> str:
    return next((match[0] for text in texts if (match := _DIGEST.search(text[-512:]))), "")


def _protection(
    evidence: Evidence,
    namespace: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    host: Host,
    *,
    sandbox: bool,
) -> str:
    """Return why a container may never be stopped, empty where it may."""
    container, pod, told = evidence.container, evidence.pod, evidence.told
    if sandbox:
        return "it holds the pod's namespaces"
    if namespace in SYSTEM:
        return f"namespace {namespace}"
    if (pod and pod.static) or annotations.get("kubernetes.io/config.source", "api") != "api":
        return "static pod"
    if namespace == host.namespace and labels.get("app.kubernetes.io/part-of") == "plimsoll":
        return "Plimsoll's own"
    if annotations.get("plimsoll.dev/protect", "").lower() in ("true", "yes", "1"):
        return "annotation plimsoll.dev/protect"
    if plugin := next((one.source for one in (container.mounts if container else ()) if _is_plugin(one.source)), ""):
        return f"a plugin of the node: mounts {plugin}"
    listed = pod is not None and evidence.place is not None and evidence.place.container_id in pod.names
    return "" if container or told or listed else "no runtime knows it"


def _is_plugin(source: str) -> bool:
    return source.rstrip("/") in _KUBELET or any(
        source.rstrip("/") == folder or source.startswith(f"{folder}/") for folder in _PLUGINS
    )


class _Wait(msgspec.Struct):
    """A cgroup that nobody has told of yet."""

    told: str
    pids: list[int]
    """Who made it or moved somebody in; one of them is the runtime."""
    since: float
    again: float
    pause: float = _FIRST_LOOK

    def postpone(self, now: float) -> None:
        """Say when to look again: soon at first, ever more rarely at a cgroup of the host's own."""
        age = now - self.since
        self.again = now + (self.pause if age <= PATIENCE else min(age, _RARELY))
        self.pause = min(2 * self.pause, _LONGEST_PAUSE)


class Identities:
    """Who the containers of this host are. Nothing here blocks: what is not known yet is None."""

    def __init__(
        self,
        groups: cgroups.Cgroups,
        runtimes: containers.Runtimes,
        pods: Pods | None = None,
        runtime: Runtime | None = None,
        host: Host = HERE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.groups, self.pods, self.runtime = groups, pods, runtime
        self._runtimes, self._host, self._clock = runtimes, host, clock
        self._known: dict[int, tuple[Identity, str]] = {}
        """Identity and path by key."""
        self._waits: dict[int, _Wait] = {}

    @property
    def node(self) -> str:
        """The name of this host's node."""
        return self._host.node

    def look(self, key: int, path: str = "", pid: int = 0) -> Identity | None:
        """Return whose a cgroup is; None where it is no container's, or not known yet.

        `path` is what the kernel calls it and `pid` who made it, both as far as they are known. Asked
        again too early it answers at once; `waiting` says what is worth asking again.
        """
        found = self._known.get(key)
        if found:
            return found[0]
        now = self._clock()
        wait = self._wait(key, path, pid, now)
        if now < wait.again:
            return None
        wait.postpone(now)
        evidence = self._evidence(key, wait.told, wait.pids)
        if evidence is None or not self._enough(evidence, now - wait.since):
            return None
        return self._settled(key, evidence)

    def _wait(self, key: int, path: str, pid: int, now: float) -> _Wait:
        wait = self._waits.get(key)
        if wait is None:
            if len(self._waits) >= _MOST:
                self._waits.pop(next(iter(self._waits)))
            wait = self._waits[key] = _Wait(path, [], now, now)
        wait.told = path or wait.told
        if pid and pid not in wait.pids:
            wait.pids = [*wait.pids[: _MOST_MAKERS - 1], pid]
            wait.again = now  # who is new may know
        return wait

    def waiting(self) -> list[int]:
        """Return the cgroups that may still turn out to be containers."""
        now = self._clock()
        return [key for key, wait in self._waits.items() if now - wait.since <= PATIENCE + _LONGEST_PAUSE]

    def seed(self) -> dict[int, Identity]:
        """Look at every container that runs already, and return those known at once."""
        for key, path in self.groups.containers().items():
            self.look(key, path)
        for path in self._runtimes.cgroups():
            found = self.groups.key(path)
            if found:
                self.look(found, path)
        return self.all()

    def refresh(self) -> list[int]:
        """Ask again who the known containers are, and return those of which something else is told now.

        The subject stays: it is what the container is bound by.
        """
        changed = []
        for key, (known, path) in list(self._known.items()):
            evidence = self._evidence(key, path, ())
            if evidence is None or not (evidence.container or evidence.told or evidence.pod):
                continue
            now = identity(evidence, self._host)
            if now.subject == known.subject and now != known and (now.image_digest or not known.image_digest):
                self._known[key] = now, path
                changed.append(key)
        return changed

    def forget(self, key: int) -> None:
        """Forget a cgroup that is gone: its key may come back as another's."""
        self._known.pop(key, None)
        self._waits.pop(key, None)

    def all(self) -> dict[int, Identity]:
        """Return all that are known, by key."""
        return {key: known for key, (known, _) in self._known.items()}

    def _settled(self, key: int, evidence: Evidence) -> Identity:
        if len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        found = identity(evidence, self._host)
        self._known[key] = found, evidence.path
        self._waits.pop(key, None)
        return found

    def _evidence(self, key: int, told: str, pids: Sequence[int]) -> Evidence | None:
        """Gather what is known of a cgroup, None where it is not there."""
        path = self.groups.path(key, told)
        if path is None:
            return None
        place = cgroups.place(path)
        container = self._container(path, place, pids)
        container_id = container.id if container else place.container_id if place else ""
        asked = self.runtime.find(container_id) if self.runtime and place else None
        uid = (place.pod_uid if place else "") or (asked.pod_uid if asked else "")
        pod = self.pods.find(uid) if self.pods and uid else None
        return Evidence(path, place, container, pod, asked)

    def _container(self, path: str, place: cgroups.Place | None, pids: Sequence[int]) -> containers.Container | None:
        own = place.path if place else path
        found = self._runtimes.find(place.container_id) if place else None
        # A cgroup that bears another container's id is not that container.
        if found and not found.outside and not found.sits(own):
            found = None
        made = (self._runtimes.made_by(pid, own) for pid in pids)
        return found or next(filter(None, made), None) or self._runtimes.at(own)

    def _enough(self, evidence: Evidence, age: float) -> bool:
        """Say whether nothing more is to be waited for."""
        if evidence.container is None and evidence.told is None:
            return evidence.place is not None and age > PATIENCE
        if age > CLUSTER_PATIENCE or not (evidence.place and evidence.place.pod_uid):
            return True
        # A node without any pod is not this cluster's.
        pods = self.pods
        lags = pods is not None and not pods.error and evidence.pod is None and (not pods.ready or len(pods) > 0)
        silent = self.runtime is not None and not self.runtime.error and evidence.pod is None and evidence.told is None
        return not (lags or silent)


def host_root() -> Path:
    """Return the root folder of the host's own files, seen from a pod that shares its process ids too."""
    try:
        apart = os.readlink("/proc/1/ns/mnt") != os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
    except OSError:
        return Path("/")
    return Path("/proc/1/root") if apart and os.access("/proc/1/root/", os.X_OK) else Path("/")


def of_host(environ: Mapping[str, str] = os.environ) -> Identities:
    """Return the identities of this host, with all that it has to ask: files, CRI, the API."""
    root = host_root()
    node = environ.get("NODE_NAME", "") or socket.gethostname().lower()
    way, endpoint = kube.access(environ), cri.endpoint(environ, root)
    return Identities(
        cgroups.Cgroups(),
        containers.Runtimes(root),
        kube.Pods(way, node) if way else None,
        cri.Runtime(endpoint) if endpoint else None,
        Host(node, environ.get("POD_NAMESPACE", "plimsoll")),
    )
