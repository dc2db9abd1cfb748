"""Addresses become address blocks: as narrow as what was seen allows, wide enough for what changes."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

OFTEN = 5
"""Sightings from which an address counts as one that stays."""
MANY = 16
"""Networks of one peer from which on it is everybody."""
_WIDTH = {4: 24, 6: 64}
PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)
"""Where clusters, their nodes and clouds' metadata services are: no block for everybody covers them."""


class Block(NamedTuple):
    """A range of addresses without some."""

    cidr: str
    without: tuple[str, ...] = ()
    seen: int = 0
    """Addresses of it that were seen."""


def address(text: str | None) -> Address | None:
    """Return the address a text is; an IPv4 one where it is mapped into IPv6.

    >>> address("::ffff:10.0.0.1"), address("nowhere")
    (IPv4Address('10.0.0.1'), None)
    """
    try:
        found = ipaddress.ip_address((text or "")[:64].partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def is_public(one: Address) -> bool:
    """Say whether an address is one of the Internet's."""
    return not any(one in private for private in PRIVATE if private.version == one.version)


def cover(seen: Mapping[Address, int], reserved: Collection[Address]) -> list[Block]:
    """Return blocks that hold these addresses, each with how often it was seen.

    Where all addresses of a network (/24, /64) were seen often they stay alone; where one was seen
    less than `OFTEN` times they change, and the network is the peer. A network that holds a reserved address, of the
    cluster's own, is never taken whole.

    >>> [block.cidr for block in cover({address("203.0.113.7"): 9, address("198.51.100.4"): 1}, [])]
    ['198.51.100.0/24', '203.0.113.7/32']
    """
    near: dict[Network, dict[Address, int]] = defaultdict(dict)
    for one, times in seen.items():
        near[_network(one)][one] = times
    taken = {_network(one) for one in reserved}
    blocks = []
    for network, members in near.items():
        whole = min(members.values()) < OFTEN and network not in taken and all(map(_may_widen, members))
        blocks += [Block(str(network), (), len(members))] if whole else _alone(members)
    return sorted(blocks, key=_order)


def everybody(version: int) -> Block:
    """Return the block of the whole Internet, the private networks left out."""
    without = tuple(str(private) for private in PRIVATE if private.version == version)
    return Block("0.0.0.0/0" if version == 4 else "::/0", without)


def _network(one: Address) -> Network:
    return ipaddress.ip_network((one.packed, _WIDTH[one.version]), strict=False)


def _may_widen(one: Address) -> bool:
    return not (one.is_link_local or one.is_loopback or one.is_multicast or one.is_unspecified)


def _alone(members: Collection[Address]) -> list[Block]:
    return [Block(str(ipaddress.ip_network(one)), (), 1) for one in members]


def _order(block: Block) -> tuple[int, int, int]:
    network = ipaddress.ip_network(block.cidr)
    return network.version, int(network.network_address), network.prefixlen
