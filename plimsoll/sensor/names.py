"""Which name an address was resolved from, as the name servers' replies tell on their way to the container."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from plimsoll.sensor import dns

MOST, ALL = 1024, 8192
"""Addresses whose names are remembered for one owner, and for all of them."""
LEAST, LONGEST = 86_400, 604_800
"""Seconds for which a name is remembered at least, and at most: programs go on with an address longer than they may,
and who answers says how long what he says holds."""
_LONGEST_NAME = 255
"""Characters of a name (RFC 1035, section 2.3.4); a longer one has bytes in it that are no text."""


class _Named(NamedTuple):
    name: str
    until: float


class Names:
    """The names of addresses, by owner: a workload where it is judged, a container where it is recorded.

    >>> from datetime import UTC
    >>> names, at = Names(), datetime(2026, 1, 1, tzinfo=UTC)
    >>> names.remember(1, dns.Answer("db.shop", ("10.0.0.7",)), at)
    >>> names.of(1, "10.0.0.7", at), names.of(2, "10.0.0.7", at)
    ('db.shop', '')
    """

    def __init__(self) -> None:
        self._names: dict[int, dict[str, _Named]] = {}
        self._total = 0

    def remember(self, owner: int, told: dns.Answer, at: datetime) -> None:
        """Take over an answer of this moment; the oldest of whoever has most are forgotten."""
        if len(told.name) > _LONGEST_NAME:
            return
        known = self._names.setdefault(owner, {})
        named = _Named(told.name, at.timestamp() + min(max(told.ttl, LEAST), LONGEST))
        for address in told.addresses:
            self._total -= known.pop(address, None) is not None
            known[address] = named
            self._total += 1
        while len(known) > MOST:
            self._drop(known)
        while self._total > ALL:
            self._drop(max(self._names.values(), key=len))

    def _drop(self, known: dict[str, _Named]) -> None:
        del known[next(iter(known))]
        self._total -= 1

    def of(self, owner: int, address: str, at: datetime) -> str:
        """Return the name of an address at a moment, empty where none was told or it is too long ago."""
        named = self._names.get(owner, {}).get(address)
        return named.name if named and at.timestamp() <= named.until else ""

    def forget(self, owner: int) -> None:
        """Forget what was told to an owner that is gone."""
        self._total -= len(self._names.pop(owner, {}))
