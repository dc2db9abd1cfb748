"""The cgroups of this host: which of them are containers, and by which key the kernel side knows each.

A key is the inode number of the cgroup's directory in the v2 hierarchy. Where a container is in the
v1 hierarchies alone, it is that of its directory under the pids controller with the highest bit set.
Paths are relative to the hierarchy and begin with a slash, as in /proc/PID/cgroup.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

V1 = 1 << 63
"""The bit of a key that is of the pids controller."""
_MOST = 100_000  # cgroups looked at in one walk
_DEEPEST = 32
_POD = re.compile(r"(?:kubepods(?:-[a-z]+)?-)?pod(?P<uid>[0-9A-Za-z_-]{1,64}?)(?:\.slice)?")
_CONTAINER = re.compile(r"(?!.*conmon)(?:[0-9A-Za-z_.:-]{0,64}-)?(?P<id>[0-9a-f]{64})(?:\.scope)?")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Hierarchy(NamedTuple):
    """Where this host keeps its cgroups."""

    kind: Literal["v2", "hybrid", "v1", "none"]
    unified: Path | None
    """Where the v2 hierarchy is mounted."""
    pids: Path | None
    """Where the v1 hierarchy of the pids controller is."""


class Place(NamedTuple):
    """What the path of a cgroup says."""

    path: str
    """The container's own cgroup, above those that it made for itself."""
    pod_uid: str
    """Empty outside Kubernetes."""
    container_id: str


def hierarchy(root: Path = Path("/")) -> Hierarchy:
    """Return the hierarchies that are mounted here, by /proc/self/mountinfo.

    >>> hierarchy(Path("/nowhere")).kind
    'none'
    """
    unified: Path | None = None
    pids: Path | None = None
    v1 = False
    for point, system, options in _mounts(root):
        if system == "cgroup2":
            unified = unified or root / point.lstrip("/")
        elif system == "cgroup":
            v1 = True
            pids = pids or (root / point.lstrip("/") if "pids" in options.split(",") else None)
    if unified:
        return Hierarchy("hybrid" if v1 else "v2", unified, pids)
    return Hierarchy("v1" if pids else "none", None, pids)


def _mounts(root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield point, file system and its options of each mount (proc_pid_mountinfo(5))."""
    try:
        text = (root / "proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        head, tail = before.split(" "), after.split(" ")
        if len(head) >= 6 and len(tail) >= 3:
            yield _ESCAPED.sub(lambda match: chr(int(match[1], 8)), head[4]), tail[0], tail[2]


def place(path: str) -> Place | None:
    """Return which pod and container the path of a cgroup names; None for no container's.

    The outermost container counts: what a container makes below its own cgroup is its own.

    >>> place("/kubepods/besteffort/pod11-22/" + "a" * 64).pod_uid
    '11-22'
    >>> unit = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11_22.slice/crio-" + "b" * 64 + ".scope"
    >>> place(unit + "/container") == Place(unit, "11-22", "b" * 64), place("/system.slice/ssh.service")
    (True, None)
    """
    uid, orchestrated, steps = "", False, path.strip("/").split("/")
    for depth, step in enumerate(steps[:_DEEPEST], 1):
        if match := _CONTAINER.fullmatch(step):
            return Place("/" + "/".join(steps[:depth]), uid, match["id"])
        if orchestrated and (match := _POD.fullmatch(step)):
            # systemd's slices nest at every `-`, so the kubelet writes `_` instead.
            uid = match["uid"].replace("_", "-") if step.endswith(".slice") else match["uid"]
        orchestrated = orchestrated or step in ("kubepods", "kubepods.slice")
    return None


class Cgroups:
    """The cgroups as they are at this moment."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.hierarchy = hierarchy(root)

    def key(self, path: str) -> int | None:
        """Return the key of the cgroup at a path, None where there is none."""
        for top, bit in self._tops():
            inode = _inode(top, path)
            if inode:
                return inode | bit
        return None

    def path(self, key: int, told: str = "") -> str | None:
        """Return the path of a key; `told` is what the kernel called it.

        Inside a cgroup namespace the kernel's path has more in front than is to be seen here, so
        its endings are tried too, and the inode decides.
        """
        for top, bit in self._tops():
            if key & V1 == bit:
                for tail in _endings(told):
                    if _inode(top, tail) == key ^ bit:
                        return tail
                return None if told else next((path for path, inode in _walk(top) if inode == key ^ bit), None)
        return None

    def containers(self) -> dict[int, str]:
        """Return key and path of every cgroup that looks like a container's or is inside of one."""
        found: dict[int, str] = {}
        paths: set[str] = set()
        for top, bit in self._tops():
            for path, inode in _walk(top):
                if path not in paths and place(path):
                    paths.add(path)
                    found[inode | bit] = path
        return found

    def _tops(self) -> Iterator[tuple[Path, int]]:
        """Yield the v2 hierarchy first: who is in both has the key of v2."""
        if self.hierarchy.unified:
            yield self.hierarchy.unified, 0
        if self.hierarchy.pids:
            yield self.hierarchy.pids, V1


def _endings(path: str) -> Iterator[str]:
    steps = [step for step in path.split("/") if step]
    if ".." not in steps and "\0" not in path:
        for start in range(min(len(steps), _DEEPEST)):
            yield "/" + "/".join(steps[start:])


def _inode(top: Path, path: str) -> int | None:
    try:
        told = os.lstat(f"{top}/{path.strip('/')}")
    except (OSError, ValueError):
        return None
    return told.st_ino if stat.S_ISDIR(told.st_mode) and ".." not in path.split("/") else None


def _walk(top: Path) -> Iterator[tuple[str, int]]:
    """Yield path and inode of the cgroups below a hierarchy's root."""
    left, below = _MOST, [""]
    while below and left:
        path = below.pop()
        for name, inode in _folders(f"{top}{path}"):
            left -= 1
            if not left:
                return
            yield f"{path}/{name}", inode
            if path.count("/") < _DEEPEST:
                below.append(f"{path}/{name}")


def _folders(path: str) -> list[tuple[str, int]]:
    try:
        with os.scandir(path) as inside:
            return [(entry.name, entry.inode()) for entry in inside if entry.is_dir(follow_symlinks=False)]
    except OSError:  # removed meanwhile
        return []
