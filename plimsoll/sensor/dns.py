"""DNS messages as far as we read them: the name asked for, and the addresses answered (RFC 1035, RFC 3596).

A container writes its queries and a stranger the replies: every length and pointer is checked, and a
message that makes no sense tells nothing.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

_HEADER = 12
_MOST_ANSWERS = 64
_MOST_JUMPS = 16
_MOST_NAME = 255
_A, _AAAA = 1, 28
_NEGATIVE = 1 << 31
"""From here on a TTL counts as 0 (RFC 2181, section 8)."""


class Answer(NamedTuple):
    """What a reply says: the name that was asked for and its addresses."""

    name: str
    addresses: tuple[str, ...]
    ttl: int = 0
    """Seconds for which all of them hold."""


class _Broken(Exception):
    pass


def question(message: bytes) -> str:
    r"""Return the name that a message asks for, in small letters; empty where it asks for none.

    >>> question(bytes(5) + b"\x01" + bytes(6) + b"\x03Www\x07example\x03com\x00\x00\x01\x00\x01")
    'www.example.com'
    >>> question(b"\xc0\x0c")
    ''
    """
    if len(message) < _HEADER or not int.from_bytes(message[4:6], "big"):
        return ""
    try:
        return _name(message, _HEADER)[0]
    except _Broken:
        return ""


def answer(message: bytes) -> Answer:
    """Return the name of a reply's question and the addresses it gives.

    >>> answer(b"")
    Answer(name='', addresses=(), ttl=0)
    """
    name = question(message)
    if not name:
        return Answer("", ())
    found: dict[str, int] = {}
    try:
        at = _name(message, _HEADER)[1] + 4
        for _ in range(min(int.from_bytes(message[6:8], "big"), _MOST_ANSWERS)):
            at = _name(message, at)[1]
            kind, _class, ttl, length = struct.unpack_from(">HHIH", message, at)
            value = message[at + 10 : at + 10 + length]
            if (kind, len(value)) in ((_A, 4), (_AAAA, 16)):
                found[str(ipaddress.ip_address(value))] = ttl if ttl < _NEGATIVE else 0
            at += 10 + length
    except (_Broken, struct.error):
        pass
    return Answer(name, tuple(found), min(found.values(), default=0))


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place and the place after it, following pointers so many times."""
    labels: list[str] = []
    after, jumps, length = 0, 0, 0
    while True:
        if at >= len(message):
            raise _Broken
        size = message[at]
        if size >= 192:  # a pointer to a name told before
            if at + 1 >= len(message) or jumps == _MOST_JUMPS:
                raise _Broken
            after, jumps = after or at + 2, jumps + 1
            at = (size & 63) << 8 | message[at + 1]
            continue
        if not size:
            return ".".join(labels), after or at + 1
        length += size + 1
        if size > 63 or length > _MOST_NAME or at + 1 + size > len(message):
            raise _Broken
        labels.append(message[at + 1 : at + 1 + size].decode("utf-8", "backslashreplace").lower())
        at += 1 + size
