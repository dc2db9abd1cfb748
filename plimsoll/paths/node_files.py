"""Which files of its node a container has: host paths and local volumes, as far as it mounts them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from plimsoll.paths import nodes
from plimsoll.posture.objects import Body, Cluster, Container, Object, Pod, at, listed, mapped, text

_LINKS = (
    ("/var/run", "/run"),
    ("/bin", "/usr/bin"),
    ("/sbin", "/usr/sbin"),
    ("/lib64", "/usr/lib64"),
    ("/lib", "/usr/lib"),
)
"""What is a link on the nodes' distributions."""
_VARIABLE = re.compile(r"\$\([^)]*\)")
_LONGEST = 4096


class Mount(NamedTuple):
    """A part of the node's files, as one container has it."""

    path: str
    """Where it is on the node: absolute, without links, `.` or `..`, the subPath included."""
    read_only: bool
    field: str
    """The volume: `volumes[2].hostPath /etc`, `PersistentVolume data (hostPath /etc)`."""
    objects: tuple[str, ...] = ()
    """What else than the pod makes it so: the claim and the volume."""
    by_claim: bool = False
    """It comes by a PersistentVolumeClaim, which Pod Security does not look into."""

    def covers(self, path: str) -> bool:
        """Say whether a file or folder of the node is in it, the whole of it.

        >>> Mount("/var", False, "").covers("/var/lib/kubelet"), Mount("/var/log", False, "").covers("/var")
        (True, False)
        """
        return is_below(path, self.path)

    def touches(self, path: str) -> bool:
        """Say whether it has any part of a folder of the node: the folder is in it, or it is in the folder."""
        return is_below(path, self.path) or is_below(self.path, path)


def is_below(path: str, folder: str) -> bool:
    """Say whether a path is a folder or is in it.

    >>> is_below("/etc/cron.d", "/etc"), is_below("/etcd", "/etc"), is_below("/x", "/")
    (True, False, True)
    """
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def cleaned(path: str) -> str:
    """Return a path of the node as the kernel would find it.

    >>> cleaned("/var/lib/../run/docker.sock"), cleaned("//etc/"), cleaned("")
    ('/run/docker.sock', '/etc', '/')
    """
    told = posixpath.normpath("/" + path[:_LONGEST].lstrip("/"))
    for link, real in _LINKS:
        if is_below(told, link):
            return real + told[len(link) :]
    return told


class NodeFiles:
    """What containers of a cluster have of their nodes' files."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the cluster: claims and volumes are looked up there."""
        self._cluster = cluster
        self._local = [(kind, path, one) for one in cluster.of("PersistentVolume") for kind, path in _paths(one)]

    def mounts(self, pod: Pod, container: Container, namespace: str) -> list[Mount]:
        """Return what a container has of its node's files; a volume that it does not mount gives it nothing."""
        volumes = [mapped(one) for one in listed(pod.spec.get("volumes"))]
        named = {text(one.get("name")): place for place, one in enumerate(volumes)}
        found: list[Mount] = []
        for mount in map(mapped, listed(container.body.get("volumeMounts"))):
            place = named.get(text(mount.get("name")))
            if place is not None:
                found += self._mounted(mount, volumes[place], f"volumes[{place}]", namespace)
        return found

    def _mounted(self, mount: Body, volume: Body, field: str, namespace: str) -> Iterator[Mount]:
        path = at(volume, "hostPath", "path")
        read_only = mount.get("readOnly") is True
        if isinstance(path, str):
            yield Mount(_narrowed(path, mount), read_only, f"{field}.hostPath {path[:200]}")
            return
        claim = text(at(volume, "persistentVolumeClaim", "claimName"))
        read_only = read_only or at(volume, "persistentVolumeClaim", "readOnly") is True
        asked = self._cluster.get("PersistentVolumeClaim", namespace, claim) if claim and self._local else None
        for kind, local, one in self._local if claim else ():
            if _is_bound(one, claim, namespace, asked):
                refs = (nodes.ref("PersistentVolumeClaim", claim, namespace), nodes.ref("PersistentVolume", one.name))
                told = f"PersistentVolume {one.name} ({kind} {local[:200]}) through claim {claim}"
                yield Mount(_narrowed(local, mount), read_only, told, refs, by_claim=True)


def _paths(volume: Object) -> Iterator[tuple[str, str]]:
    for kind in ("hostPath", "local"):
        path = at(volume.spec, kind, "path")
        if isinstance(path, str) and path:
            yield kind, path


def _narrowed(path: str, mount: Body) -> str:
    """Return the path with what subPath leaves of it; what a variable stands for is not known, but it is a name."""
    told = text(mount.get("subPath")) or _VARIABLE.sub("?", text(mount.get("subPathExpr"))[:_LONGEST])
    inside = posixpath.normpath("/" + told) if told else ""
    return cleaned(path.rstrip("/") + inside)


def _is_bound(volume: Object, claim: str, namespace: str, asked: Object | None) -> bool:
    wanted = text(at(asked.spec if asked else None, "volumeName"))
    holder = mapped(volume.spec.get("claimRef"))
    if holder:
        return (text(holder.get("namespace")) or "default", text(holder.get("name"))) == (namespace, claim)
    if wanted or asked is None:
        return wanted == volume.name
    return _fits(asked, volume)


def _fits(asked: Object, volume: Object) -> bool:
    """Say whether the binder could choose a volume for a claim that names none: same class, its modes, its labels."""
    of_class = asked.spec.get("storageClassName")
    if of_class is None or text(of_class) != text(volume.spec.get("storageClassName")):
        return False
    modes = {str(one) for one in listed(asked.spec.get("accessModes"))}
    labels = mapped(at(asked.spec, "selector", "matchLabels"))
    offered = {str(one) for one in listed(volume.spec.get("accessModes"))}
    return modes <= offered and all(volume.labels.get(key) == value for key, value in labels.items())
