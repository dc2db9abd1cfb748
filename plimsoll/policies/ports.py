"""Sets of ports: those of TCP, UDP and SCTP side by side on one line of whole numbers, and how they are written.

They are written as `TCP 80,443-445,UDP 53`, protocols in order; all ports of all three as `All Connections`.
"""

from __future__ import annotations

from plimsoll.policies import intervals
from plimsoll.policies.intervals import Intervals

PROTOCOLS = ("SCTP", "TCP", "UDP")
LAST = 65535
_STRIDE = 1 << 16
_BASE = {protocol: number * _STRIDE for number, protocol in enumerate(PROTOCOLS)}

NO_PORTS: Intervals = intervals.NONE


def spanning(protocol: str, low: int = 1, high: int = LAST) -> Intervals:
    """Return the ports of a protocol from low to high; none where it is not one of the three.

    >>> written(spanning("TCP", 80)), spanning("ICMP")
    ('TCP 80-65535', ())
    """
    if protocol not in _BASE or low > high or high < 1 or low > LAST:
        return NO_PORTS
    return ((_BASE[protocol] + max(low, 1), _BASE[protocol] + min(high, LAST)),)


ALL_PORTS: Intervals = intervals.union(*(spanning(protocol) for protocol in PROTOCOLS))


def allows(ports: Intervals, protocol: str, port: int) -> bool:
    """Say whether the set holds this port of this protocol.

    >>> allows(spanning("TCP", 80, 90), "TCP", 85), allows(spanning("TCP", 80, 90), "UDP", 85)
    (True, False)
    """
    return protocol in _BASE and intervals.has(ports, _BASE[protocol] + port)


def by_protocol(ports: Intervals) -> dict[str, list[tuple[int, int]]]:
    """Return the ranges of each protocol that has any, protocols in order.

    >>> by_protocol(intervals.union(spanning("UDP", 53, 53), spanning("TCP", 80, 81)))
    {'TCP': [(80, 81)], 'UDP': [(53, 53)]}
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for protocol, base in _BASE.items():
        within = intervals.intersection(ports, ((base, base + LAST),))
        if within:
            found[protocol] = [(low - base, high - base) for low, high in within]
    return found


def written(ports: Intervals) -> str:
    """Return a set of ports as people read it.

    >>> written(intervals.union(spanning("UDP", 53, 53), spanning("TCP", 80, 80), spanning("TCP", 443, 445)))
    'TCP 80,443-445,UDP 53'
    >>> written(ALL_PORTS), written(NO_PORTS)
    ('All Connections', 'No Connections')
    """
    if ports == ALL_PORTS:
        return "All Connections"
    parts = [
        f"{protocol} {','.join(str(low) if low == high else f'{low}-{high}' for low, high in ranges)}"
        for protocol, ranges in by_protocol(ports).items()
    ]
    return ",".join(parts) or "No Connections"
