"""From the files of its node that a container has, to the node: what it may write, read there, or call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from plimsoll.paths import known, nodes, on_node, privileges, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.node_files import Mount, NodeFiles, is_below
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import Container

SHADOW = "/etc/shadow"
MANIFESTS = "/etc/kubernetes/manifests"
KUBELET = "/var/lib/kubelet"
POD_FILES = f"{KUBELET}/pods"
LOGS = "/var/log"
POD_LOGS = f"{LOGS}/pods"
CORE_PATTERN = "/proc/sys/kernel/core_pattern"
HELPERS = ("/sys/kernel/uevent_helper", "/proc/sys/fs/binfmt_misc/register")
_OF_CONTROL_PLANE = ("/etc/kubernetes", "/var/lib/etcd", "/etc/rancher", "/var/lib/rancher")
_OF_A_HOME = re.compile(r"/(?:root|home/[^/]+)(?:/\.[^/]+(?:/.*)?)?")


class _Cluster:
    """What the edges ask of a cluster."""

    def __init__(self, model: Model) -> None:
        self.model, self.files = model, NodeFiles(model.cluster)
        self.kept = on_node.of(model)
        self.control_planes = on_node.control_planes(model)


class _Holder(NamedTuple):
    """A container and a part of its node's files that it has."""

    name: str
    container: Container
    workload: Workload
    mount: Mount
    node: str

    def edge(self, kind: str, target: str, gives: str, *, conditional: bool = False) -> Edge:
        """Return what the container gains by this mount."""
        way = " read-only" if self.mount.read_only else ""
        why = f"{self.workload.end}: container {self.container.name} mounts {self.mount.field}{way}: {gives}"
        return Edge(kind, self.name, target, why, (self.workload.ref, *self.mount.objects), conditional)

    @property
    def is_root(self) -> bool:
        """Whether it may do with the files what the node's root may."""
        return privileges.may_be_root(self.workload.pod, self.container)


def edges(model: Model) -> Iterator[Edge]:
    """Yield what containers gain through the files of their nodes that they mount."""
    cluster = _Cluster(model)
    for workload in model.workloads:
        for name, container in workload.containers:
            for mount in cluster.files.mounts(workload.pod, container, workload.namespace):
                held = _Holder(name, container, workload, mount, model.node_of[workload])
                yield from _called(held)
                if held.is_root:
                    yield from _through(held, cluster)


def _through(held: _Holder, cluster: _Cluster) -> Iterator[Edge]:
    found = [
        *_written(held),
        *_kernel(held),
        *_read(held, cluster),
        *_control_plane(held, cluster),
        *_logs(held, cluster),
    ]
    yield from found
    certain = next((one for one in found if one.target == held.node and not one.conditional), None)
    if held.mount.by_claim and certain is not None:
        yield certain._replace(kind="PV_HOSTPATH")


def _called(held: _Holder) -> Iterator[Edge]:
    """Yield the edge through a socket: a read-only mount does not keep anyone from connecting."""
    socket = next((one for one in known.table().sockets if held.mount.covers(one)), None)
    if socket is None:
        return
    gives = f"it can call the container runtime ({socket}), which starts any container on the node"
    if held.is_root:
        yield held.edge("CE_RUNTIME_SOCKET", held.node, gives)
    elif privileges.groups(held.workload.pod, held.container):
        yield held.edge("CE_RUNTIME_SOCKET", held.node, f"{gives}, if its group may", conditional=True)


def _written(held: _Holder) -> Iterator[Edge]:
    mount = held.mount
    if mount.read_only:
        return
    place = next((one for one in known.table().obeyed if mount.touches(one)), None) or _home(mount)
    if place and not any(is_below(mount.path, one) for one in known.table().harmless):
        within = mount.path if is_below(mount.path, place) else place
        yield held.edge("HOSTPATH_WRITE", held.node, f"as root it can write {within}, and the node acts on it")
    if mount.touches(MANIFESTS):
        gives = f"as root it can put a pod of its own into {MANIFESTS}, and the kubelet runs it"
        yield held.edge("STATIC_POD", held.node, gives)
    plugin = next((one for one in known.table().plugins if _holds_plugins(mount, one)), None)
    if plugin:
        gives = f"it can pose as a plugin of the kubelet in {plugin}"
        yield held.edge("CE_KUBELET_PLUGIN", held.node, gives, conditional=plugin.endswith("pod-resources"))


def _home(mount: Mount) -> str:
    """Return the home folder of which a mount holds what opens doors: keys, and what a login runs."""
    whole = next((one for one in ("/root", "/home") if mount.covers(one)), "")
    return whole or (mount.path if _OF_A_HOME.fullmatch(mount.path) else "")


def _holds_plugins(mount: Mount, place: str) -> bool:
    """Say whether all plugins of a folder are in reach; a plugin's own folder is its own."""
    return mount.path == place or (mount.covers(place) and is_below(mount.path, KUBELET))


def _kernel(held: _Holder) -> Iterator[Edge]:
    """Yield the edges through settings and devices of the kernel; in a user namespace such a mount is refused."""
    mount, pod = held.mount, held.workload.pod
    if not mount.read_only and not pod.has_own_users:
        if mount.covers(CORE_PATTERN):
            gives = "as root it can name a program of its own that the kernel runs at a crash (core_pattern)"
            yield held.edge("CE_CORE_PATTERN", held.node, gives)
        helper = next((one for one in HELPERS if mount.covers(one)), None)
        if helper:
            yield held.edge(
                "CE_SYSFS_HELPER", held.node, f"as root it can name a program that the kernel runs ({helper})"
            )
    raw = "SYS_RAWIO" in privileges.effective(pod, held.container) and mount.touches("/dev")
    if raw or mount.path.startswith(known.table().devices):
        gives = "it has the node's devices, if the rules for its devices let it open them"
        yield held.edge("CE_RAWIO", held.node, gives, conditional=True)


def _read(held: _Holder, cluster: _Cluster) -> Iterator[Edge]:
    """Yield the edges through what lies about on the node; read-only is enough."""
    mount, kind = held.mount, "HOSTPATH_READ_SECRET"
    login = _home(mount) or (SHADOW if mount.covers(SHADOW) else "")
    if login:
        yield held.edge(kind, held.node, f"as root it reads {login}, where the keys to log in to nodes are")
    key = next((one for one in known.table().node_keys if mount.touches(one)), None)
    if key:
        for name in on_node.identities(cluster.model, held.workload):
            yield held.edge(kind, name, f"as root it reads {key}, the credentials of the node")
    if mount.touches(POD_FILES) or mount.covers("/proc"):
        place = POD_FILES if mount.touches(POD_FILES) else "/proc, and through it the files of other containers"
        for lying in (cluster.kept.tokens, cluster.kept.secrets):
            for target in cluster.kept.near(held.workload, lying):
                yield held.edge(kind, target, f"as root it reads {place}: tokens and Secrets of the pods of its node")
    maybe = next((one for one in known.table().maybe_keys if mount.touches(one)), None)
    if maybe and not login:
        gives = f"as root it reads {maybe}, where keys to the node may lie"
        yield held.edge(kind, held.node, gives, conditional=True)


def _control_plane(held: _Holder, cluster: _Cluster) -> Iterator[Edge]:
    """Yield the edges through keys of the whole cluster; only nodes of the control plane have them."""
    mount = held.mount
    certain = on_node.may_be_control_plane(cluster.model, held.workload, cluster.control_planes)
    key = next((one for one in known.table().cluster_keys if mount.touches(one)), None)
    if key and (certain or any(is_below(mount.path, one) for one in _OF_CONTROL_PLANE)):
        gives = f"as root it has {key}, which is the whole cluster"
        yield held.edge("HOSTPATH_READ_SECRET", nodes.CLUSTER_ADMIN, gives, conditional=not certain)


def _logs(held: _Holder, cluster: _Cluster) -> Iterator[Edge]:
    """Yield the edge through the log folder: the kubelet follows links there, and shows what they lead to as a log."""
    mount, workload = held.mount, held.workload
    if mount.read_only or not mount.touches(LOGS) or not tokens.of_container(cluster.model, workload, held.container):
        return
    powers = cluster.model.powers(workload.account)
    of_pods = powers.of(("get",), "", "pods/log") if mount.touches(POD_LOGS) else []
    of_nodes = (powers.of(("get",), "", one, scoped=True) for one in ("nodes/log", "nodes/proxy"))
    grant = next((one for found in (of_pods, *of_nodes) for one in found), None)
    if grant is not None:
        gives = f"it can plant links in {LOGS} and read what they lead to as logs ({grant.why})"
        one = held.edge("CE_VAR_LOG_SYMLINK", held.node, gives)
        yield one._replace(objects=(*one.objects, *grant.objects))
