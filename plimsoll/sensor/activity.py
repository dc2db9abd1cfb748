"""Events as rows of `activity`, with Falco's names: what `learn`, `detect` and `rules run` read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from plimsoll.sensor import calls, dns
from plimsoll.sensor.shapes import Event, Flag, Kind

Value = str | int | bool | datetime | list[str] | None
Row = dict[str, Value]

_SAME = {"open": "openat", "openat2": "openat", "creat": "openat"}
_MODES = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR")
_FLAGS = {
    "O_CREAT": 0o100,
    "O_EXCL": 0o200,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000,
    "O_CLOEXEC": 0o2000000,
}
_RING = {
    1: "readv", 2: "writev", 9: "sendmsg", 10: "recvmsg", 13: "accept", 16: "connect", 18: "openat", 19: "close",
    22: "read", 23: "write", 26: "send", 27: "recv", 28: "openat2", 34: "shutdown", 35: "renameat", 36: "unlinkat",
    37: "mkdirat", 38: "symlinkat", 39: "linkat", 45: "socket", 56: "bind", 57: "listen",
}  # fmt: skip
"""Operations of io_uring (include/uapi/linux/io_uring.h) that have a system call's name."""


def row(event: Event, known: Mapping[str, Value] | None = None) -> Row | None:
    """Return the event's row, with what is known of its container; None for what is no act of a container.

    >>> from datetime import UTC
    >>> event = Event(time=datetime(2026, 1, 1, tzinfo=UTC), kind=Kind.LISTEN, comm="redis-server", local_port=6379, protocol="tcp")
    >>> told = row(event, {"container_id": "abc"})
    >>> told["evt_type"], told["fd_sport"], told["proc_name"], told["container_id"]
    ('listen', 6379, 'redis-server', 'abc')
    """
    special = _OF_KIND.get(event.kind)
    if special is None:
        return None
    return _filled({**_process(event), **special(event), **(known or {})})


def _process(event: Event) -> Row:
    return {
        "time": event.time,
        "evt_source": "plimsoll",
        "evt_res": "SUCCESS" if event.result >= 0 and not event.flags & (Flag.KILLED | Flag.DENIED) else "EPERM",
        "proc_name": event.comm,
        "proc_exepath": event.exe,
        "proc_pid": event.pid,
        "proc_ppid": event.ppid,
        "proc_pname": event.pcomm,
        "proc_aname": list(event.ancestors),
        "proc_cwd": event.cwd,
        "proc_tty": event.tty,
        "user_uid": event.uid,
    }


def _exec(event: Event) -> Row:
    name = event.path.rpartition("/")[2]
    return {
        "evt_type": "execve",
        "proc_name": event.comm if event.comm and not event.flags & Flag.MEMFD else name,
        "proc_exepath": event.path,
        "proc_pexepath": event.path2,
        "proc_cmdline": f"{_called(event, name)} {' '.join(event.args[1:])}".strip(),
        "proc_is_exe_upper_layer": bool(event.flags & Flag.UPPER_LAYER),
        "proc_is_exe_from_memfd": bool(event.flags & Flag.MEMFD),
        "proc_is_entered": bool(event.flags & Flag.ENTERED),
    }


def _called(event: Event, name: str) -> str:
    """Return what a program goes by: one file may hold many, which tell by the name they are called by who they are.

    >>> applet = Event(time=datetime(2026, 1, 1), kind=Kind.EXEC, comm="exe", args=("/bin/cat", "/etc/shadow"))
    >>> _called(applet, "busybox"), _called(applet, "python3.11")
    ('cat', 'python3.11')
    """
    called = event.args[0].rpartition("/")[2].removeprefix("-") if event.args else ""
    return called if name in _BOXES and called else name


_BOXES = frozenset(("busybox", "toybox", "coreutils", "exe"))
"""Files that are many programs."""


def _file(event: Event) -> Row:
    call = calls.name(event.number)
    told: Row = {"evt_type": _SAME.get(call, call), "fd_name": event.path}
    if call in calls.OPENS:
        return told | {"evt_arg_flags": open_flags(event.argument, made=bool(event.flags & Flag.CREATED))}
    if event.path2 and event.kind == Kind.WRITE:  # the new name of a rename or link; path2 is the old one
        return told | {"fd_name": event.path2, "fs_path_target": event.path}
    return told | {"fs_path_target": event.path2}


def open_flags(number: int, *, made: bool = False) -> str:
    """Return the flags of an open in Falco's notation.

    >>> open_flags(0o1101), open_flags(0, made=True)
    ('O_WRONLY|O_CREAT|O_TRUNC', 'O_RDONLY|O_CREAT')
    """
    bits = number | (_FLAGS["O_CREAT"] if made else 0)
    return "|".join([_MODES[number & 3], *(name for name, value in _FLAGS.items() if bits & value == value)])


def _connect(event: Event) -> Row:
    server = f"[{event.address}]:{event.port}" if ":" in event.address else f"{event.address}:{event.port}"
    return {
        "evt_type": "connect",
        "fd_name": f"->{server}",
        "fd_l4proto": event.protocol,
        "fd_sip": event.address,
        "fd_sport": event.port or None,
    }


def _listen(event: Event) -> Row:
    return {"evt_type": "listen", "fd_l4proto": event.protocol, "fd_sport": event.local_port}


def _accept(event: Event) -> Row:
    return {
        "evt_type": "accept",
        "fd_l4proto": event.protocol,
        "fd_cip": event.address,
        "fd_cport": event.port,
        "fd_sport": event.local_port,
    }


def _dns(event: Event) -> Row:
    asked: Row = {"evt_type": "dns", "dns_name": dns.question(event.payload), "fd_sip": event.address}
    return asked | {"fd_sport": event.port, "fd_l4proto": event.protocol}


def _call(event: Event) -> Row:
    return {"evt_type": calls.name(event.number), "fd_name": event.path}


def _ring(event: Event) -> Row:
    return {"evt_type": f"io_uring_{_RING.get(event.number, event.number)}"}


_OF_KIND: dict[Kind, Callable[[Event], Row]] = {
    Kind.EXEC: _exec,
    Kind.SPAWN: _exec,
    Kind.READ: _file,
    Kind.WRITE: _file,
    Kind.DELETE: _file,
    Kind.LINK: _file,
    Kind.CHMOD: _file,
    Kind.CONNECT: _connect,
    Kind.LISTEN: _listen,
    Kind.ACCEPT: _accept,
    Kind.DNS: _dns,
    Kind.SYSCALL: _call,
    Kind.URING: _ring,
}


def _filled(told: Row) -> Row:
    return {name: value for name, value in told.items() if value is not None and value not in ("", [])}
