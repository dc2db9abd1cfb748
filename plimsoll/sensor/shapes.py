"""What the kernel programs and Python hand to each other: the twin of `bpf/shapes.h`.

A raw event is a fixed head and five texts behind it. Whoever runs in a container chooses those texts,
so they are taken as bytes of any kind; the lengths are ours, but are checked all the same.
"""

from __future__ import annotations

import enum
import ipaddress
import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec


class Kind(enum.IntEnum):
    """What was done. Up to CHMOD the object is a path and patterns may match it."""

    NONE = 0
    EXEC = 1
    SPAWN = 2
    """A known program started by another one than ever before."""
    READ = 3
    WRITE = 4
    DELETE = 5
    RENAME = 6
    """As facts, a rename is a DELETE of the old path and a WRITE of the new one."""
    LINK = 7
    CHMOD = 8
    CONNECT = 16
    """This address and port."""
    CONNECT_NET = 17
    """Any address of this /24 or /64, and this port."""
    CONNECT_PORT = 18
    """Any address, and this port."""
    LISTEN = 19
    ACCEPT = 20
    DNS = 21
    """A name that was asked for."""
    DNS_ZONE = 22
    """Any name directly below this one."""
    ANSWER = 23
    """What a name server replied."""
    SYSCALL = 24
    """A rare and telling system call, with its first argument where that matters."""
    URING = 25
    """An operation through io_uring."""
    BORN = 32
    """A control group was made: perhaps a container, before its first process."""
    GONE = 33
    JOINED = 34
    """The first process was put into it."""


class Mode(enum.IntEnum):
    """What is done about what is not in the profile."""

    OFF = 0
    LEARN = 1
    ALERT = 2
    PREVENT = 3


class Flag(enum.IntFlag):
    """What else is known of an event."""

    NEW = 1 << 0
    """Not in the profile."""
    KILLED = 1 << 1
    DENIED = 1 << 2
    SUPPRESSED = 1 << 3
    """Would have been stopped, but the budget of its profile was spent."""
    WOULD_STOP = 1 << 4
    """Prevent mode would stop this; alert mode, break glass or a silent agent did not."""
    UPPER_LAYER = 1 << 5
    """The file was written after the container started: it is not of the image."""
    MEMFD = 1 << 6
    DELETED = 1 << 7
    ENTERED = 1 << 8
    """First program of a process that came from outside, as `kubectl exec` brings it."""
    TRUNCATED = 1 << 9
    SCRIPT = 1 << 10
    """`path` is a script, `exe` its interpreter."""
    CREATED = 1 << 11
    DIRECTORY = 1 << 12
    PROVISIONAL = 1 << 13
    """The container was not bound yet: told without judging."""
    FULL = 1 << 14
    """The profile holds as many facts as it may; this one was not added."""


class Option(enum.IntFlag):
    """What prevent mode stops beside unknown programs and connections."""

    KILL_SPAWN = 1 << 0
    KILL_WRITE = 1 << 1
    KILL_LISTEN = 1 << 2
    KILL_URING = 1 << 3
    HAS_JOINED = 1 << 29
    STARTED = 1 << 30
    """The container's first program has run; what comes from outside now is an entry."""
    PROVISIONAL = 1 << 31


class Loss(enum.IntEnum):
    """Why an event did not reach us."""

    OF_NODE = 0
    """It was of no container's act: one came, went or was joined."""
    OVER_SHARE = 1
    """Its container tells more than its share."""
    RING_FULL = 2
    RING_BUSY = 3
    """The ring's lock was not to be had, which takes two seconds."""
    NO_SLOT = 4
    """Its processor was busy with as many other acts as it can be."""


PATH, ARGS, COMM, ANCESTORS = 1024, 512, 16, 4
"""Longest path (with its closing byte), arguments and name of a process; ancestors that are told."""

RULES = 0xFFFFFFFF
"""The profile whose patterns are the paths that rules ask for."""

HEAD = struct.Struct("<4Q 12I iI Q 16s 4H 16s 64s 10H I")
"""struct event without its texts."""
BINDING = struct.Struct("<4I 7Q")
"""struct binding: profile, mode, options, gap; spoken, hits, misses, drops, kills, denies, suppressed."""
PROFILE = struct.Struct("<2I 2Q")
"""struct profile: budget, tokens; since, facts."""
CONTROL = struct.Struct("<2Q 6I 2Q")
"""struct control: heartbeat, max_silence; enforce, default_mode, host_mounts, isolating, wanted, gap; epoch, revision."""
FACT = struct.Struct("<2I Q")
"""struct fact: profile, kind, hash."""
EDGE = struct.Struct("<2I Q")
"""struct edge: profile, node, component."""
TARGET = struct.Struct("<I 2H")
"""struct target: node, here, below."""
RARE = struct.Struct("<8B")
"""struct rare: kind, path, folder, other, other_folder, argument, text, on."""
TASK = struct.Struct("<2Q 8I 16s 256s")
"""struct task_line: container, hash; pid, ppid, uid, mounts, network, inner_pid, length, gap; comm, path."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One act as the kernel told it."""

    time: datetime
    kind: Kind
    flags: Flag = Flag(0)
    container: int = 0
    profile: int = 0
    mode: Mode = Mode.OFF
    pid: int = 0
    tid: int = 0
    ppid: int = 0
    uid: int = 0
    tty: int = 0
    mntns: int = 0
    netns: int = 0
    pid_in_ns: int = 0
    comm: str = ""
    pcomm: str = ""
    ancestors: tuple[str, ...] = ()
    """Names of the ancestors, parent first."""
    exe: str = ""
    args: tuple[str, ...] = ()
    cwd: str = ""
    path: str = ""
    path2: str = ""
    """Target of a rename or link; the program that started it, where this is an exec."""
    address: str = ""
    port: int = 0
    local_port: int = 0
    protocol: str = ""
    number: int = 0
    """System call, io_uring operation, or flags of an open."""
    argument: int = 0
    result: int = 0
    hash: int = 0
    """With kind and profile the key of the fact."""
    parent: int = 0
    """Hash of the program that acts; for an exec, of the program that started it."""
    payload: bytes = b""
    """A DNS message."""


class Task(NamedTuple):
    """A process that already ran when the sensor came."""

    container: int
    pid: int
    ppid: int
    uid: int
    mntns: int
    netns: int
    pid_in_ns: int
    comm: str
    exe: str
    hash: int


class Counters(NamedTuple):
    """What happened in the containers of one profile."""

    facts: int = 0
    hits: int = 0
    misses: int = 0
    drops: int = 0
    kills: int = 0
    denies: int = 0
    suppressed: int = 0


class Binding(NamedTuple):
    """Which profile judges a container, and how."""

    profile: int
    mode: Mode
    options: Option
    counters: Counters
    provisional: bool


class Coverage(NamedTuple):
    """Whether a group of probes works here, and if not, why and how to mend it."""

    name: str
    working: bool
    reason: str


PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}
_BOOT = datetime(1970, 1, 1, tzinfo=UTC)


def event(raw: bytes, boot: int = 0) -> Event | None:
    """Return the event that these bytes tell; None where they are none. `boot`: the boot clock's zero since 1970, in ns.

    >>> event(b"too short") is None
    True
    """
    if len(raw) < HEAD.size:
        return None
    (time, container, hash_, parent, kind, flags, profile, mode, pid, tid, ppid, uid, tty, mounts, network, inner,
     result, number, argument, address, port, local_port, protocol, _, comm, line, *places) = HEAD.unpack_from(raw)  # fmt: skip
    try:
        kind, mode = Kind(kind), Mode(mode)
    except ValueError:
        return None
    path, other, exe, cwd, args = (_part(raw, *places[at : at + 2]) for at in range(0, 10, 2))
    ancestors = tuple(filter(None, (_name(line[at : at + COMM]) for at in range(0, len(line), COMM))))
    told = kind in (Kind.DNS, Kind.ANSWER)
    return Event(
        time=_BOOT + timedelta(microseconds=(boot + time) // 1000),
        kind=kind,
        flags=Flag(flags & _FLAGS),
        container=container,
        profile=profile,
        mode=mode,
        pid=pid,
        tid=tid,
        ppid=ppid,
        uid=uid,
        tty=tty,
        mntns=mounts,
        netns=network,
        pid_in_ns=inner,
        comm=_name(comm),
        pcomm=ancestors[0] if ancestors else "",
        ancestors=ancestors,
        exe=_text(exe),
        args=() if told else tuple(_text(part) for part in args.rstrip(b"\0").split(b"\0")) if args else (),
        cwd=_text(cwd),
        path=_text(path),
        path2=_text(other),
        address=_address(address),
        port=port,
        local_port=local_port,
        protocol=PROTOCOLS.get(protocol, str(protocol) if protocol else ""),
        number=number,
        argument=argument,
        result=result,
        hash=hash_,
        parent=parent,
        payload=args if told else b"",
    )


def task(raw: bytes) -> Task:
    """Return the process that a line of the seed tells."""
    container, hash_, pid, ppid, uid, mounts, network, inner, length, _, comm, path = TASK.unpack(raw)
    return Task(container, pid, ppid, uid, mounts, network, inner, _name(comm), _text(path[:length]), hash_)


_FLAGS = sum(Flag)


def _part(raw: bytes, at: int, length: int) -> bytes:
    return raw[HEAD.size + at : HEAD.size + at + length]


def _name(field: bytes) -> str:
    return _text(field.partition(b"\0")[0])


def _text(raw: bytes) -> str:
    """Return a name as text that can be written anywhere: bytes that are no UTF-8 are spelled out."""
    return raw.decode("utf-8", "backslashreplace")


def _address(packed: bytes) -> str:
    if not any(packed):
        return ""
    address = ipaddress.IPv6Address(packed)
    return str(address.ipv4_mapped or address)
