"""Which name an address was resolved from, as the name server's answers tell on their way to the container.

An answer is a DNS message (RFC 1035 section 4) of anybody's making: lengths, pointers and counts are checked.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

_HEADER, _LABEL, _POINTER = 12, 63, 0xC0
_A, _CNAME, _AAAA, _INTERNET = 1, 5, 28, 1
_MOST_RECORDS, _MOST_LABELS = 64, 64
MOST = 4096
"""Addresses whose names are remembered for a workload."""


class Answer(NamedTuple):
    """The name asked for, and the addresses it has."""

    name: str
    addresses: tuple[str, ...]


class _Broken(ValueError):
    """A message that is none."""


def answer(message: bytes) -> Answer | None:
    r"""Return what a DNS message answers; None where it is a question, an error or no DNS message.

    >>> question = b"\x02db\x04shop\x00\x00\x01\x00\x01"
    >>> record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x00\x00\x07"
    >>> answer(b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + record)
    Answer(name='db.shop', addresses=('10.0.0.7',))
    """
    if len(message) < _HEADER or not message[2] & 0x80 or message[3] & 0x0F:
        return None
    questions, records = int.from_bytes(message[4:6]), int.from_bytes(message[6:8])
    if questions != 1:
        return None
    try:
        name, at = _name(message, _HEADER)
        addresses = _addresses(message, at + 4, min(records, _MOST_RECORDS))
    except _Broken:
        return None
    return Answer(name, addresses) if name and addresses else None


def _addresses(message: bytes, at: int, records: int) -> tuple[str, ...]:
    """Return the addresses in the records, whichever alias they belong to; a cut message ends the list."""
    found: list[str] = []
    for _ in range(records):
        try:
            _, at = _name(message, at)
        except _Broken:
            break
        kind, group, length = (int.from_bytes(message[at + n : at + n + 2]) for n in (0, 2, 8))
        data = message[at + 10 : at + 10 + length]
        at += 10 + length
        if group == _INTERNET and (kind, len(data)) in ((_A, 4), (_AAAA, 16)):
            found.append(str(ipaddress.ip_address(data)))
    return tuple(dict.fromkeys(found))


def _name(message: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place and where it ends; pointers only lead backwards, so it ends."""
    labels: list[str] = []
    end = 0
    while len(labels) < _MOST_LABELS:
        if at >= len(message):
            raise _Broken
        length = message[at]
        if length >= _POINTER:
            target = int.from_bytes(message[at : at + 2]) & 0x3FFF
            end = end or at + 2
            if target >= at:
                raise _Broken
            at = target
        elif length == 0:
            return ".".join(labels).lower(), end or at + 1
        elif length > _LABEL or at + 1 + length > len(message):
            raise _Broken
        else:
            labels.append(message[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
    raise _Broken


class Names:
    """The names of addresses, by workload."""

    def __init__(self) -> None:
        self._names: dict[int, dict[str, str]] = {}

    def remember(self, workload: int, told: Answer) -> None:
        """Take over an answer; the oldest are forgotten."""
        known = self._names.setdefault(workload, {})
        for address in told.addresses:
            known.pop(address, None)
            known[address] = told.name
        while len(known) > MOST:
            del known[next(iter(known))]

    def of(self, workload: int, address: str) -> str:
        """Return the name of an address, empty where none was told."""
        return self._names.get(workload, {}).get(address, "")
