"""Which name an address was resolved from, as the name servers' replies tell on their way to the container."""

from __future__ import annotations

from plimsoll.sensor import dns

MOST = 4096
"""Addresses whose names are remembered for a workload."""


class Names:
    """The names of addresses, by workload.

    >>> names = Names()
    >>> names.remember(1, dns.Answer("db.shop", ("10.0.0.7",)))
    >>> names.of(1, "10.0.0.7"), names.of(2, "10.0.0.7")
    ('db.shop', '')
    """

    def __init__(self) -> None:
        self._names: dict[int, dict[str, str]] = {}

    def remember(self, workload: int, told: dns.Answer) -> None:
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
