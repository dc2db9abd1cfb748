"""The groups of programs and where they attach; each works by itself, and says why where it does not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from plimsoll.sensor import calls, libbpf, pins

TRACING = (Path("/sys/kernel/debug/tracing"), Path("/sys/kernel/tracing"))


class Group(NamedTuple):
    """Programs that watch one thing; `tracepoints` are the system calls that a program of it is attached to."""

    name: str
    programs: tuple[str, ...]
    tracepoints: dict[str, tuple[str, ...]]
    cgroup: bool = False


GROUPS = (
    Group("exec", ("on_exec", "on_fork"), {}),
    Group("containers", ("on_mkdir", "on_rmdir", "on_join"), {}),
    Group("files", (), {"on_open": calls.OPENS, "on_rare": tuple(call.name for call in calls.NAMES)}),
    Group("network", ("on_connect4", "on_connect6", "on_send4", "on_send6"), {}, cgroup=True),
    Group("listen", ("on_state",), {}),
    Group("accept", (), {"on_accept": calls.ACCEPTS}),
    Group("rare", (), {"on_rare": tuple(call.name for call in calls.RIGHTS)}),
    Group("uring", ("on_ring",), {}),
    Group("dns", ("on_egress", "on_ingress"), {}, cgroup=True),
    Group("isolation", ("on_egress", "on_ingress"), {}, cgroup=True),
)
SEED = "seed"
NAMES = (*(group.name for group in GROUPS), SEED)


def programs_of(names: set[str]) -> set[str]:
    """Return the programs that these groups need.

    >>> sorted(programs_of({"exec", "seed"}))
    ['on_exec', 'on_fork', 'seed']
    """
    found = {program for group in GROUPS if group.name in names for program in (*group.programs, *group.tracepoints)}
    return found | ({SEED} & names)


def attach(group: Group, programs: dict[str, libbpf.Program], done: set[str]) -> Iterator[tuple[str, libbpf.Link]]:
    """Attach a group; yield each link with its name. What is in `done` is attached already."""
    for name in group.programs:
        if name not in done:
            yield name, _on_cgroup(programs[name]) if group.cgroup else programs[name].attach()
    for name, events in group.tracepoints.items():
        for event in _offered(events):
            yield f"{name}-{event}", programs[name].attach_tracepoint("syscalls", f"sys_exit_{event}")


def _on_cgroup(program: libbpf.Program) -> libbpf.Link:
    root = cgroup_root()
    if root is None:
        raise libbpf.Refused("no cgroup v2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified", 2)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return program.attach_cgroup(descriptor)
    finally:
        os.close(descriptor)


def _offered(events: tuple[str, ...]) -> list[str]:
    """Return those of the system calls that this kernel has tracepoints for."""
    folder = tracing()
    if folder is None:
        lack = pins.mount("tracefs", TRACING[1])
        folder = tracing()
        if folder is None:
            raise libbpf.Refused(f"tracefs is not mounted and could not be: {lack}", 2)
    found = [event for event in events if (folder / "events/syscalls" / f"sys_exit_{event}").is_dir()]
    if not found:
        raise libbpf.Refused("this kernel has no tracepoints of system calls (CONFIG_FTRACE_SYSCALLS)", 2)
    return found


def tracing() -> Path | None:
    """Return where tracefs is mounted."""
    return next((folder for folder in TRACING if (folder / "events").is_dir()), None)


def cgroup_root(mounts: Callable[[], str] = Path("/proc/self/mounts").read_text) -> Path | None:
    """Return where cgroup v2 is mounted.

    >>> cgroup_root(lambda: "none /sys/fs/cgroup/unified cgroup2 rw 0 0")
    PosixPath('/sys/fs/cgroup/unified')
    """
    fields = (line.split() for line in mounts().splitlines())
    return next((Path(line[1]) for line in fields if len(line) > 2 and line[2] == "cgroup2"), None)
