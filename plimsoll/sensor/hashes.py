"""The hashes by which the kernel knows names and addresses: the twin of `bpf/hash.h`.

A path's hash folds those of its components from the root, so that a walk over a directory tree and a
pattern can be matched component by component without ever spelling the path.
"""

from __future__ import annotations

import ipaddress

_MASK = (1 << 64) - 1
_K1, _K2 = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F


def mix(state: int, value: int) -> int:
    """Fold a 64-bit value into a state.

    >>> mix(0, 0), mix(0, 1) != mix(1, 0)
    (0, True)
    """
    state ^= (value * _K2) & _MASK
    state = ((state << 31) | (state >> 33)) & _MASK
    return (state * _K1) & _MASK


def component(name: bytes) -> int:
    """Hash one name of a path: its bytes in words of eight, then its length.

    >>> component(b"etc") == mix(mix(0, int.from_bytes(b"etc", "little")), 3)
    True
    """
    state = 0
    for at in range(0, len(name), 8):
        state = mix(state, int.from_bytes(name[at : at + 8], "little"))
    return mix(state, len(name))


def path(text: str | bytes) -> int:
    """Hash an absolute path without `.` and `..`; `/` itself is 0.

    >>> path("/etc/passwd") == mix(mix(0, component(b"etc")), component(b"passwd"))
    True
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    state = 0
    for name in raw.split(b"/"):
        if name:
            state = mix(state, component(name))
    return state


def spawn(parent: int, exe: int) -> int:
    """Hash the pair of a program and the one that started it.

    >>> spawn(0, 7) == mix(0, 7)
    True
    """
    return mix(parent, exe)


def port(number: int, protocol: int = 6) -> int:
    """Hash a port of a protocol: the fact LISTEN, or CONNECT_PORT.

    >>> port(6379) == mix(0, 6 << 32 | 6379)
    True
    """
    return mix(0, protocol << 32 | number)


def end(address: str, number: int, protocol: int = 6) -> int:
    """Hash an address and port: the fact CONNECT. IPv4 counts as its IPv4-mapped IPv6 form.

    >>> end("10.0.0.1", 80) == end("::ffff:10.0.0.1", 80)
    True
    """
    return _addressed(_packed(address), number, protocol)


def network(address: str, number: int, protocol: int = 6) -> int:
    """Hash an address's /24 or /64 and a port: the facts CONNECT_NET and ACCEPT.

    >>> network("10.0.0.1", 80) == network("10.0.0.77", 80) != network("10.0.1.1", 80)
    True
    """
    packed = _packed(address)
    kept = 15 if packed.startswith(bytes(10) + b"\xff\xff") else 8
    return _addressed(packed[:kept].ljust(16, b"\0"), number, protocol)


def name(text: str | bytes) -> int:
    """Hash a DNS name, in small letters and without a last dot: the facts DNS and DNS_ZONE.

    >>> name("Example.com.") == name("example.com")
    True
    """
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return component(raw.rstrip(b".").lower())


def call(number: int, argument: int = 0, exe: int = 0) -> int:
    """Hash a rare system call of a program, with its argument where that matters: the fact SYSCALL.

    >>> call(101, 16) != call(101, 0)
    True
    """
    return mix(exe, mix(number, argument))


def _packed(address: str) -> bytes:
    found = ipaddress.ip_address(address)
    return found.packed.rjust(16, b"\0") if found.version == 6 else bytes(10) + b"\xff\xff" + found.packed


def _addressed(packed: bytes, number: int, protocol: int) -> int:
    words = (int.from_bytes(packed[:8], "little"), int.from_bytes(packed[8:], "little"))
    return mix(mix(port(number, protocol), words[0]), words[1])
