"""What an event says as a fact, in the words of `plimsoll.facts`: so that the sensor's profile reads as any other."""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import NamedTuple

from plimsoll import normal
from plimsoll.sensor import calls, dns
from plimsoll.sensor.shapes import Event, Kind

_TELLING = (
    "/etc/", "/root/", "/home/", "/proc/", "/var/run/secrets/", "/run/secrets/", "/dev/", "/boot/", "/sys/", "/host",
)  # fmt: skip
"""Where the very file matters and not only its folder; as in `plimsoll.facts`."""


class Fact(NamedTuple):
    """One thing a workload does."""

    verb: str
    given: str
    object: str
    text: str
    """The same before it was made comparable: the path, address or name as it was."""


def said(event: Event) -> Fact | None:
    """Return the fact an event states, or None where it states none.

    >>> from datetime import UTC, datetime
    >>> now = datetime(2026, 3, 2, tzinfo=UTC)
    >>> said(Event(time=now, kind=Kind.WRITE, path="/data/temp-13.rdb"))
    Fact(verb='write', given='', object='/data/*', text='/data/temp-13.rdb')
    >>> said(Event(time=now, kind=Kind.LISTEN, local_port=6379, protocol="tcp"))[:3]
    ('listen', '', '6379/tcp')
    """
    path = event.path
    match event.kind:
        case Kind.EXEC:
            return Fact("exec", "", _program(path), path)
        case Kind.SPAWN:
            return Fact("spawn", _program(event.path2), _program(path), path)
        case Kind.READ:
            return Fact("read", "", _shown(path), path)
        case Kind.DELETE:
            return Fact("delete", "", normal.directory(path), path)
        case Kind.WRITE | Kind.CHMOD:
            return Fact("write", "", normal.directory(path), path)
        case Kind.RENAME | Kind.LINK:
            return Fact("write", "", normal.directory(event.path2 or path), event.path2 or path)
        case _:
            return _beyond_files(event)


def _beyond_files(event: Event) -> Fact | None:
    port = f"{event.port}/{event.protocol or 'tcp'}"
    match event.kind:
        case Kind.CONNECT:
            return Fact("connect", "", f"{normal.network(event.address)}:{port}", ends(event))
        case Kind.LISTEN:
            served = f"{event.local_port or event.port}/{event.protocol or 'tcp'}"
            return Fact("listen", "", served, served)
        case Kind.ACCEPT:
            served = f"{event.local_port}/{event.protocol or 'tcp'}"
            return Fact("accept", served, normal.network(event.address), event.address)
        case Kind.DNS:
            name = dns.question(event.payload)
            return Fact("resolve", "", name, name) if name else None
        case Kind.SYSCALL:
            name = calls.name(event.number)
            return Fact("syscall", "", name, f"{name} {event.argument}")
        case Kind.URING:
            return Fact("syscall", "io_uring", f"io_uring operation {event.number}", str(event.number))
        case _:
            return None


def ends(event: Event) -> str:
    """Return the far end of a connection: address:port/protocol.

    >>> from datetime import UTC, datetime
    >>> ends(Event(time=datetime(2026, 3, 2, tzinfo=UTC), kind=Kind.CONNECT, address="::1", port=80, protocol="tcp"))
    '[::1]:80/tcp'
    """
    address = f"[{event.address}]" if ":" in event.address else event.address
    return f"{address}:{event.port}/{event.protocol or 'tcp'}"


def number_of(protocol: str) -> int:
    """Return the number of a transport protocol.

    >>> number_of("tcp"), number_of("udp"), number_of("")
    (6, 17, 6)
    """
    return {"udp": socket.IPPROTO_UDP, "icmp": socket.IPPROTO_ICMP, "sctp": 132}.get(protocol, socket.IPPROTO_TCP)


@lru_cache(4096)
def _program(path: str) -> str:
    return normal.path(path)


@lru_cache(4096)
def _shown(path: str) -> str:
    return normal.path(path) if path.startswith(_TELLING) else normal.directory(path)
