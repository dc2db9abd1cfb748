"""The containers of this host as their runtimes wrote them down: OCI bundles and the state files beside them.

Nothing here asks a daemon. containerd and CRI-O write a container's bundle before its cgroup is made;
plain runc writes its state only after that, so the bundle is found through the process that makes the cgroup.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from plimsoll.sensor import hostfiles

_LONGEST = 4 << 20  # bytes of a bundle's configuration
_LONGEST_VALUE = 4096  # letters of an annotation
_APART = 0.25  # seconds between two looks at files that have told their cgroup already
_MOST = 4096  # containers, mounts, annotations
_KNOWN = ("io.kubernetes.", "io.container.manager", "plimsoll.dev/", "kubernetes.io/config.")

# `*` is containerd's namespace: k8s.io, moby, default.
_CONTAINERD = (
    "run/containerd/io.containerd.runtime.v2.task/*/",
    "run/k3s/containerd/io.containerd.runtime.v2.task/*/",
    "run/docker/containerd/daemon/io.containerd.runtime.v2.task/*/",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task/*/",
)
_STORAGE = ("run/containers/storage/overlay-containers/", "var/lib/containers/storage/overlay-containers/")
_STATES = (
    "run/runc/",
    "run/containerd/runc/*/",
    "run/docker/runtime-runc/*/",
    "run/k3s/containerd/runc/*/",
    "var/snap/microk8s/common/run/containerd/runc/*/",
    "run/crun/",
)
_STATE_FILES = ("state.json", "status")  # runc's and crun's
_DOCKER = "var/lib/docker/containers/"


class Mount(NamedTuple):
    """What a container sees of the host, and where."""

    source: str
    destination: str


class Container(msgspec.Struct, frozen=True):
    """A container as its runtime knows it."""

    id: str
    cgroup: str = ""
    """Its cgroup as the bundle asks for it, in the notation of the runtime's cgroup driver."""
    annotations: dict[str, str] = {}
    """Those that say who it is."""
    name: str = ""
    """What people call it, where the runtime lets them."""
    image: str = ""
    rootfs: str = ""
    mounts: tuple[Mount, ...] = ()
    pid: int = 0
    """Its first process as the host numbers it, 0 where not told."""
    outside: bool = False
    """Its annotations are an image's labels too, and so anybody's word."""

    def sits(self, path: str) -> bool:
        """Say whether the cgroup at a path is the one this container was to get.

        >>> Container("a", "kubepods-podu.slice:crio:a").sits("/kubepods.slice/kubepods-podu.slice/crio-a.scope")
        True
        >>> Container("a", "/pods/a").sits("/node/pods/a"), Container("a", "/pods/a").sits("/pods/b"), Container("a").sits("/a")
        (True, False, True)
        """
        if not self.cgroup:
            return path.rpartition("/")[2] == self.id
        if match := _UNIT.fullmatch(self.cgroup):
            unit = match["name"] if match["name"].endswith(".slice") else f"{match['prefix']}-{match['name']}.scope"
            asked = f"{match['slice']}/{unit}" if match["slice"] else unit
            return path.endswith(f"/{asked}")
        return path.endswith("/" + self.cgroup.strip("/"))


_UNIT = re.compile(r"(?P<slice>[^:/]*):(?P<prefix>[^:/]*):(?P<name>[^:/]+)")  # runc's systemd notation


class _Root(msgspec.Struct):
    path: str = ""


class _Mount(msgspec.Struct):
    destination: str = ""
    source: str = ""


class _Linux(msgspec.Struct, rename="camel"):
    cgroups_path: str = ""


class _Bundle(msgspec.Struct):
    """config.json (OCI runtime specification)."""

    annotations: dict[str, object] | None = None
    root: _Root | None = None
    mounts: list[_Mount] | None = None
    linux: _Linux | None = None


class _Cgroups(msgspec.Struct):
    path: str = ""


class _Config(msgspec.Struct):
    rootfs: str = ""
    labels: list[str] | None = None
    cgroups: _Cgroups | None = None


class _State(msgspec.Struct):
    """state.json of runc, or status of crun."""

    id: str = ""
    init_process_pid: int = 0
    config: _Config | None = None
    cgroup_paths: dict[str, str] | None = None
    pid: int = 0
    bundle: str = ""
    rootfs: str = ""
    cgroup: str = msgspec.field(default="", name="cgroup-path")


class _DockerConfig(msgspec.Struct):
    image: str = msgspec.field(default="", name="Image")
    labels: dict[str, object] | None = msgspec.field(default=None, name="Labels")


class _Docker(msgspec.Struct):
    """config.v2.json of Docker."""

    name: str = msgspec.field(default="", name="Name")
    config: _DockerConfig | None = msgspec.field(default=None, name="Config")


_bundle = msgspec.json.Decoder(_Bundle)
_state = msgspec.json.Decoder(_State)
_docker = msgspec.json.Decoder(_Docker)


class _Note(NamedTuple):
    """A state file when it was read, and the cgroups it named."""

    file: str
    signature: tuple[int, int, int] | None
    cgroups: tuple[str, ...]


class Runtimes:
    """The runtimes of the host whose root folder is `root`, with its processes in `proc`."""

    def __init__(self, root: Path = Path("/"), proc: Path = Path("/proc")) -> None:
        self._root, self._proc = root, proc
        self._read: dict[str, _Note] = {}
        self._checked = 0.0

    def find(self, container_id: str) -> Container | None:
        """Return the container of this id, None where no runtime has it."""
        if not hostfiles.is_name(container_id):
            return None
        bundles = (
            *(f"{folder}{container_id}" for folder in self._folders(_CONTAINERD)),
            *(f"{folder}{container_id}/userdata" for folder in _STORAGE),
        )
        found = next(filter(None, (self._of_bundle(self._root, bundle, container_id) for bundle in bundles)), None)
        named = self._of_docker(container_id)
        if found is None:
            states = (f"{folder}{container_id}/{file}" for folder in self._folders(_STATES) for file in _STATE_FILES)
            found = next(filter(None, map(self._of_state, states)), None)
        if found and named:
            labels = named.annotations if not found.annotations else found.annotations
            return msgspec.structs.replace(
                found, name=named.name, image=named.image, annotations=labels, outside=not found.annotations
            )
        return found or named

    def at(self, path: str) -> Container | None:
        """Return the container whose cgroup this is or contains this, by the states of the runtimes."""
        cgroups = self.cgroups()
        steps = path.strip("/").split("/")
        above = ("/" + "/".join(steps[:depth]) for depth in range(len(steps), 0, -1))
        file = next((cgroups[one] for one in above if one in cgroups), None)
        return self._of_state(file) if file else None

    def cgroups(self) -> dict[str, str]:
        """Return the cgroups that runtimes have made, each with the state file that says so."""
        now = time.monotonic()
        settled = now - self._checked < _APART
        self._checked = self._checked if settled else now
        before, self._read = self._read, {}
        for folder in self._containers():
            known = before.get(folder)
            self._read[folder] = known if known and known.cgroups and settled else self._noted(folder, known)
        return {cgroup: note.file for note in self._read.values() for cgroup in note.cgroups}

    def made_by(self, pid: int, path: str) -> Container | None:
        """Return the container that a process is creating, if the cgroup at this path is its.

        The process is a runtime: `runc … create --bundle FOLDER … ID`, and it runs as root.
        """
        words = self._command(pid)
        container_id = words[-1] if words else ""
        if not {"create", "run", "restore"} & set(words[1:-1]) or not hostfiles.is_name(container_id):
            return None
        bundle, folder = _option(words, ("--bundle", "-b")), self._link(pid, "cwd")
        # A runtime goes into its bundle early, so a relative name may be behind it already.
        bundles = (bundle,) if bundle.startswith("/") else (folder, f"{folder}/{bundle}")
        # Through the runtime's own root, as it may live in another mount namespace than ours.
        root = self._proc / str(pid) / "root"
        found = (self._of_bundle(root, one, container_id) for one in bundles)
        return next((one for one in found if one and one.sits(path)), None)

    def _command(self, pid: int) -> list[str]:
        try:
            folder = self._proc / str(pid)
            if folder.stat().st_uid not in (0, os.geteuid()):
                return []
            with (folder / "cmdline").open("rb") as file:
                return file.read(1 << 16).rstrip(b"\0").decode("utf-8", "replace").split("\0")
        except OSError:
            return []

    def _link(self, pid: int, name: str) -> str:
        try:
            return str((self._proc / str(pid) / name).readlink())
        except OSError:
            return ""

    def _folders(self, patterns: tuple[str, ...]) -> Iterator[str]:
        """Yield the folders that hold one folder for each container."""
        for pattern in patterns:
            before, star, after = pattern.partition("*")
            if star:
                yield from (f"{before}{name}{after}" for name in hostfiles.names(self._root, before, 64))
            else:
                yield pattern

    def _containers(self) -> Iterator[str]:
        """Yield the folders in which runtimes keep the state of one container."""
        for folder in self._folders(_STATES):
            yield from (f"{folder}{name}/" for name in hostfiles.names(self._root, folder, _MOST))

    def _noted(self, folder: str, known: _Note | None) -> _Note:
        """Return what a container's state file says, read anew only where it changed."""
        for name in _STATE_FILES:
            signature = hostfiles.signature(self._root, folder + name)
            if signature:
                if known and known.signature == signature:
                    return known
                state = self._decoded_state(folder + name)
                return _Note(folder + name, signature, tuple(_own_cgroups(state)) if state else ())
        return _Note("", None, ())

    def _decoded_state(self, file: str) -> _State | None:
        data = hostfiles.read(self._root, file, _LONGEST)
        try:
            return _state.decode(data) if data else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _of_state(self, file: str) -> Container | None:
        state = self._decoded_state(file)
        container_id = file.split("/")[-2]
        if state is None or not hostfiles.is_name(container_id):
            return None
        config = state.config or _Config()
        # runc keeps the annotations as `key=value` among its labels, and the bundle's folder too.
        labels = dict(_pair(label) for label in (config.labels or ())[:_MOST])
        folder = state.bundle or labels.get("bundle", "")
        found = self._of_bundle(self._root, folder, container_id) if folder else None
        found = found or Container(container_id, annotations=_telling(labels), rootfs=config.rootfs or state.rootfs)
        cgroup = found.cgroup or next(iter(_own_cgroups(state)), "")
        return msgspec.structs.replace(found, cgroup=cgroup, pid=state.init_process_pid or state.pid)

    def _of_bundle(self, root: Path, folder: str, container_id: str) -> Container | None:
        # /var/run is a link to /run everywhere, and no link is followed.
        data = hostfiles.read(root, f"{folder.replace('/var/run/', '/run/', 1)}/config.json", _LONGEST)
        try:
            told = _bundle.decode(data) if data else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if told is None:
            return None
        return Container(
            container_id,
            cgroup=told.linux.cgroups_path if told.linux else "",
            annotations=_telling(told.annotations or {}),
            rootfs=told.root.path if told.root else "",
            mounts=tuple(Mount(mount.source, mount.destination) for mount in (told.mounts or ())[:_MOST]),
        )

    def _of_docker(self, container_id: str) -> Container | None:
        data = hostfiles.read(self._root, f"{_DOCKER}{container_id}/config.v2.json", _LONGEST)
        try:
            told = _docker.decode(data) if data else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if told is None:
            return None
        config = told.config or _DockerConfig()
        name = told.name.strip("/")
        return Container(
            container_id,
            annotations=_telling(config.labels or {}),
            name=name if hostfiles.is_name(name) else "",
            image=config.image,
            outside=True,
        )


def _option(words: list[str], names: tuple[str, ...]) -> str:
    """Return the value of an option, `--bundle X` or `--bundle=X`."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return ""


def _pair(label: str) -> tuple[str, str]:
    key, _, value = label.partition("=")
    return key, value


def _telling(annotations: dict[str, str] | dict[str, object]) -> dict[str, str]:
    """Return the annotations that say who a container is, without those too long to be read."""
    return {
        key: value
        for key, value in annotations.items()
        if isinstance(value, str) and len(value) <= _LONGEST_VALUE and key.startswith(_KNOWN)
    }


def _own_cgroups(state: _State) -> Iterator[str]:
    """Yield the paths of a container's cgroup in the v2 and the pids hierarchy."""
    paths = state.cgroup_paths or {}
    for path in (paths.get("", ""), paths.get("pids", "")):
        for top in ("/sys/fs/cgroup/unified/", "/sys/fs/cgroup/pids/", "/sys/fs/cgroup/"):
            if path.startswith(top):
                yield "/" + path.removeprefix(top).strip("/")
                break
    if state.cgroup:
        yield "/" + state.cgroup.strip("/")
