"""Sets of addresses: IPv4 and after it IPv6 on one line of whole numbers, and the blocks of policies as sets on it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Literal

from plimsoll.policies import intervals
from plimsoll.policies.intervals import Intervals

Family = Literal["ipv4", "ipv6", "dual"]
_BORDER = 1 << 32
_LONGEST = 64

IPV4: Intervals = ((0, _BORDER - 1),)
IPV6: Intervals = ((_BORDER, _BORDER + (1 << 128) - 1),)
FAMILIES: dict[Family, tuple[Intervals, ...]] = {"ipv4": (IPV4,), "ipv6": (IPV6,), "dual": (IPV4, IPV6)}


def address(text: str) -> int | None:
    """Return an address as a number on the line, None where it is none.

    >>> address("0.0.0.9"), address("::9") == 2**32 + 9, address("::ffff:0.0.0.9"), address("web")
    (9, True, 9, None)
    """
    if len(text) > _LONGEST:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return int(found)
    return int(found.ipv4_mapped) if found.ipv4_mapped else _BORDER + int(found)


def network(cidr: str) -> Intervals:
    """Return the addresses of a CIDR, whatever its host bits; raise ValueError where it is none.

    >>> network("10.0.0.7/30")
    ((167772164, 167772167),)
    """
    if len(cidr) > _LONGEST:
        raise ValueError("no CIDR")
    found = ipaddress.ip_network(cidr, strict=False)
    base = _BORDER if found.version == 6 else 0
    return ((base + int(found[0]), base + int(found[-1])),)


def block(cidr: str, exceptions: Iterable[str] = ()) -> Intervals:
    """Return the addresses of an ipBlock.

    >>> written(block("10.0.0.0/24", ["10.0.0.0/25"]))
    ['10.0.0.128-10.0.0.255']
    """
    return intervals.difference(network(cidr), intervals.union(*(network(one) for one in exceptions)))


def atoms(whole: Intervals, cuts: Iterable[Intervals]) -> Iterator[Intervals]:
    """Yield the pieces of a set that none of the cuts divides, in order.

    >>> list(atoms(((0, 9),), [((2, 3),), ((3, 5),)]))
    [((0, 1),), ((2, 2),), ((3, 3),), ((4, 5),), ((6, 9),)]
    """
    starts = sorted({start for cut in cuts for low, high in cut for start in (low, high + 1)})
    for first, last in whole:
        low = first
        for start in (*(one for one in starts if first < one <= last), last + 1):
            yield ((low, start - 1),)
            low = start


def written(addresses: Intervals) -> list[str]:
    """Return a set as ranges, as people read them.

    >>> written(IPV4), written(((1, 1),))
    (['0.0.0.0-255.255.255.255'], ['0.0.0.1-0.0.0.1'])
    """
    pieces = [piece for family in (IPV4, IPV6) for piece in intervals.intersection(addresses, family)]
    return [f"{_text(low)}-{_text(high)}" for low, high in pieces]


def _text(number: int) -> str:
    return str(ipaddress.IPv4Address(number) if number < _BORDER else ipaddress.IPv6Address(number - _BORDER))
