"""The normal form of an activity row: the same act has the same columns, whatever sensor told of it.

The meaning is Falco's: `execve` speaks of the new program, `connect` of a client's end (fd_cip) and a
server's (fd_sip) whoever looked, `openat` of a path and flags. Sensors say these things differently;
here are the small translations they share.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from datetime import datetime

from plimsoll.sources import records

Value = str | int | bool | datetime | list[str] | None
Row = dict[str, Value]
End = tuple[str | None, int | None]
"""Address and port."""
NOBODY: End = (None, None)

SYSCALLS = {"open": "openat", "openat2": "openat", "accept4": "accept", "execveat": "execve", "sendmsg": "sendto"}
"""Calls that are the same act as another."""

_BOOT_CLOCK = 10**18
"""Nanoseconds since 1970 passed this in September 2001; what is below counts from the node's start."""

_MODES = ("O_RDONLY", "O_WRONLY", "O_RDWR")
_FLAGS = {
    "O_CREAT": 0o100,
    "O_EXCL": 0o200,
    "O_TRUNC": 0o1000,
    "O_APPEND": 0o2000,
    "O_NONBLOCK": 0o4000,
    "O_DIRECTORY": 0o200000,
    "O_CLOEXEC": 0o2000000,
}
"""Values of asm-generic/fcntl.h; O_DIRECTORY has another on arm64, where it only loses its name."""


def filled(row: Row) -> Row:
    """Return the row without what was left empty: sensors write an unknown name as an empty string.

    >>> filled({"proc_name": "nginx", "k8s_ns_name": "", "proc_pid": None, "user_uid": 0})
    {'proc_name': 'nginx', 'user_uid': 0}
    """
    return {name: value for name, value in row.items() if value is not None and value not in ("", [])}


def short(path: str | None) -> str | None:
    """Return the last part of a program's path.

    >>> short("/usr/bin/nginx"), short("sh"), short(None)
    ('nginx', 'sh', None)
    """
    return path.rpartition("/")[2] or path if path else None


def cmdline(program: str | None, arguments: str | Sequence[str] | None) -> str | None:
    """Return a program's short name and its arguments.

    >>> cmdline("/bin/cat", ["-n", "/etc/passwd"])
    'cat -n /etc/passwd'
    """
    rest = arguments if isinstance(arguments, str) else " ".join(arguments or ())
    return f"{short(program) or ''} {rest}".strip() or None


def after_first(arguments: Sequence[str]) -> str:
    """Return the arguments of an argv, which begins with the program's own name."""
    return " ".join(arguments[1:])


def at(moment: datetime | int | None) -> datetime | int | None:
    """Return a sensor's time, given with its zone or in nanoseconds; None where the sensor had no clock.

    >>> at(1700000000000000000), at(8772942863578)
    (1700000000000000, None)
    """
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return None if moment.year == 1 else moment  # Go writes no time as the year 1
    if moment < 0:
        raise records.Unreadable("the time is negative")
    return moment // 1000 if moment >= _BOOT_CLOCK else None


def container_id(text: str | None) -> str | None:
    """Return a container's id without its runtime.

    >>> container_id("containerd://6b742e38ee3a")
    '6b742e38ee3a'
    """
    return text.rpartition("://")[2] if text else None


def image(reference: str | None, digest: str | None = None) -> Row:
    """Return the columns of an image reference, its digest split off.

    >>> image("docker.io/library/nginx:1.27@sha256:0a1b")
    {'container_image': 'docker.io/library/nginx:1.27', 'container_image_digest': 'sha256:0a1b'}
    """
    name, _, pinned = (reference or "").partition("@")
    found = digest or pinned
    return {"container_image": name, "container_image_digest": found[found.find("@") + 1 :]}


def workload(kind: str | None, name: str | None) -> Row:
    """Return the columns of a pod's workload; a ReplicaSet's name is a rollout's and names none.

    >>> workload("Deployment", "web"), workload("ReplicaSet", "web-5d4f8"), workload(None, "web")
    ({'k8s_workload_kind': 'Deployment', 'k8s_workload_name': 'web'}, {}, {})
    """
    if not (kind and name) or kind.lower() == "replicaset":
        return {}
    return {"k8s_workload_kind": kind, "k8s_workload_name": name}


def connection(client: End, server: End, protocol: str | None) -> Row:
    """Return the columns of a connection's two ends. Port 0 is a port that is not chosen yet.

    >>> connection(("10.0.0.1", 4242), ("::ffff:10.0.0.2", 80), "IPPROTO_TCP")["fd_name"]
    '10.0.0.1:4242->10.0.0.2:80'
    """
    (cip, cport), (sip, sport) = (_plain(client), _plain(server))
    sides = [f"{ip}:{port}" for ip, port in ((cip, cport), (sip, sport)) if ip and port]
    if not (cip or sip or cport or sport):
        return {}
    return {
        "fd_name": "->".join(sides),
        "fd_l4proto": (protocol or "").lower().removeprefix("ipproto_").replace("icmpv6", "icmp"),
        "fd_cip": cip,
        "fd_cport": cport,
        "fd_sip": sip,
        "fd_sport": sport,
    }


def _plain(end: End) -> End:
    address, port = end
    if address and address.startswith("::ffff:") and "." in address:
        address = address[7:]
    return address or None, port or None


def open_flags(number: int) -> str:
    """Return the flags of open(2) in Falco's notation.

    >>> open_flags(0), open_flags(0o1101)
    ('O_RDONLY', 'O_WRONLY|O_CREAT|O_TRUNC')
    """
    mode = _MODES[number & 3] if number & 3 < 3 else "O_RDWR"
    return "|".join([mode, *(name for name, bits in _FLAGS.items() if number & bits == bits)])


def result(code: int | None) -> str | None:
    """Return what a system call gave back: SUCCESS, or the error's name.

    >>> result(3), result(-2), result(None)
    ('SUCCESS', 'ENOENT', None)
    """
    if code is None:
        return None
    return "SUCCESS" if code >= 0 else errno.errorcode.get(-code, str(code))
