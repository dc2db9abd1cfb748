"""What the sensor can see and stop here: this kernel, these rights, what is mounted and what is built."""

from __future__ import annotations

import ctypes.util
import os
import platform
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors
from plimsoll.sensor import cgroups, control
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Coverage

OBJECT = Path(__file__).with_name("sensor.bpf.o")
LEAST = (6, 2)
"""The oldest kernel whose verifier takes the programs."""
RIGHTS = {
    "CAP_BPF": (39, "load programs and keep maps"),
    "CAP_PERFMON": (38, "attach to tracepoints: programs, files, rare calls"),
    "CAP_NET_ADMIN": (12, "attach to the network of cgroups: connections, names, isolation"),
    "CAP_SYS_ADMIN": (21, "mount tracefs and the BPF file system where the node has not"),
    "CAP_SYS_PTRACE": (19, "find out whose a container is from its processes"),
}
"""The bit of each right (linux/capability.h), and what it is for."""
_DISPENSABLE = frozenset({"CAP_SYS_ADMIN"})


class Check(NamedTuple):
    """One thing looked at."""

    state: str
    """ok, missing (something will not work) or note."""
    name: str
    found: str
    mend: str


def examine(socket: Path = control.SOCKET) -> list[Check]:
    """Return what was found: first what the sensor needs, then what it can see with it."""
    return [*needs(), *_rights(), *_mounts(), *_coverage(socket)]


def needs() -> list[Check]:
    """Return whether this machine has what the programs take, whoever loads them."""
    return [_version(), _types(), _library(), _object()]


def _version() -> Check:
    release = platform.release()
    numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    fits = numbers >= LEAST
    return Check("ok" if fits else "missing", "kernel", release, "" if fits else "Linux 6.2 or newer")


def _types() -> Check:
    there = Path("/sys/kernel/btf/vmlinux").exists()
    mend = "" if there else "a kernel built with CONFIG_DEBUG_INFO_BTF=y"
    return Check("ok" if there else "missing", "kernel's types (BTF)", "there" if there else "absent", mend)


def _library() -> Check:
    found = ctypes.util.find_library("bpf")
    return Check("ok" if found else "missing", "libbpf", found or "absent", "" if found else "apt-get install libbpf1")


def _object() -> Check:
    there = OBJECT.exists()
    mend = "" if there else "make setup with clang (apt-get install clang), or install the wheel, which holds them"
    return Check("ok" if there else "missing", "sensor's programs", "built" if there else "not built", mend)


def _rights() -> list[Check]:
    held = _effective()
    return [
        Check(
            "ok" if held >> bit & 1 else "note" if name in _DISPENSABLE else "missing",
            name,
            f"{'held' if held >> bit & 1 else 'not held'}: {purpose}",
            "" if held >> bit & 1 else f"run as root, or with {name}",
        )
        for name, (bit, purpose) in RIGHTS.items()
    ]


def _effective() -> int:
    """The rights of this process, from proc_pid_status(5)."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)


def refusal() -> str:
    """Return why this process may not load the sensor's programs, empty where it may, be it with less to see."""
    held = _effective()
    lacking = [name for name in ("CAP_BPF", "CAP_PERFMON") if not held >> RIGHTS[name][0] & 1]
    return f"the sensor needs root, or {', '.join(lacking)}" if lacking else ""


_HIERARCHIES = {
    "v2": ("ok", "version 2: all of it works", ""),
    "hybrid": (
        "note",
        "hybrid: names and isolation only of containers that the runtime puts into version 2 too, as runc does",
        "systemd.unified_cgroup_hierarchy=1 on the kernel's command line",
    ),
    "v1": (
        "missing",
        "version 1 alone: no connections, names, isolation",
        "mount -t cgroup2 none /sys/fs/cgroup/unified, or systemd.unified_cgroup_hierarchy=1",
    ),
    "none": ("missing", "none: no container can be told from another", "mount -t cgroup2 none /sys/fs/cgroup"),
}


def _hierarchy(root: Path = Path("/")) -> Check:
    """Return which control groups there are, and what they cannot give."""
    state, found, mend = _HIERARCHIES[cgroups.hierarchy(root).kind]
    return Check(state, "control groups", found, mend)


def _mounts() -> list[Check]:
    return [
        _hierarchy(),
        _mounted("tracefs", "/sys/kernel/tracing/events", "mount -t tracefs tracefs /sys/kernel/tracing"),
        _mounted("BPF file system", "/sys/fs/bpf", "mount -t bpf bpf /sys/fs/bpf", must_be_mount=True),
    ]


def _mounted(name: str, place: str, mend: str, *, must_be_mount: bool = False) -> Check:
    there = os.path.ismount(place) if must_be_mount else Path(place).exists()
    return Check(
        "ok" if there else "note",
        name,
        "mounted" if there else "not mounted; the sensor will try to",
        "" if there else mend,
    )


def _coverage(socket: Path) -> list[Check]:
    """What can be seen: asked of the agent that runs, else found by loading the programs for a moment."""
    try:
        status = control.ask(control.Question("status"), socket)
        groups = [Coverage(one["name"], one["working"], one["reason"]) for one in status["coverage"]]
        return [Check("ok", "agent", "runs", ""), *map(_group, groups)]
    except errors.PlimsollError as absent:
        agent = Check("note", "agent", "none runs", str(absent))
    try:
        kernel = Kernel(pin=None)
    except errors.PlimsollError as refused:
        return [agent, Check("missing", "programs", "do not load", str(refused))]
    groups = [one for one in kernel.coverage if one.name != "pinning"]  # for a moment nothing is pinned
    kernel.close(unpin=True)
    return [agent, *map(_group, groups)]


def _group(one: Coverage) -> Check:
    state = "ok" if one.working else "missing"
    return Check(
        state, f"sees {one.name}", "works" if one.working else "does not work", "" if one.working else one.reason
    )
