"""What an address says by itself: whether it is outside, a cloud provider's, or a way out of the Tor network.

The lists are coarse on purpose: blocks that have belonged to one kind of owner for years, so that they need no feed.
"""

from __future__ import annotations

import functools
import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST = 64
"""No address is longer, with its zone."""

INSIDE = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
)  # fmt: skip
"""Addresses nobody reaches over the Internet (RFC 6890); all else is outside, also what is kept for documentation."""

CLOUD = (
    # Amazon: ip-ranges.json, service AMAZON, as whole blocks
    "3.0.0.0/8", "13.32.0.0/12", "13.48.0.0/13", "13.56.0.0/14", "13.112.0.0/14", "13.124.0.0/14", "13.208.0.0/12",
    "13.224.0.0/11", "15.152.0.0/13", "15.160.0.0/13", "15.177.0.0/16", "15.184.0.0/13", "15.193.0.0/16",
    "15.206.0.0/15", "15.220.0.0/14", "15.228.0.0/15", "15.236.0.0/14", "16.16.0.0/14", "16.24.0.0/13",
    "16.50.0.0/15", "16.62.0.0/15", "16.162.0.0/15", "16.168.0.0/14", "18.32.0.0/11", "18.64.0.0/10", "18.128.0.0/9",
    "23.20.0.0/14", "34.192.0.0/10", "35.71.64.0/18", "35.72.0.0/13", "35.80.0.0/12", "35.152.0.0/13", "35.160.0.0/12",
    "35.176.0.0/13", "43.192.0.0/11", "44.192.0.0/10", "46.51.128.0/17", "46.137.0.0/16", "50.16.0.0/14",
    "50.112.0.0/16", "51.16.0.0/15", "51.20.0.0/14", "52.0.0.0/10", "52.64.0.0/12", "52.80.0.0/13", "52.92.0.0/14",
    "52.192.0.0/11", "54.64.0.0/11", "54.144.0.0/12", "54.160.0.0/11", "54.192.0.0/10", "56.124.0.0/14", "63.32.0.0/14",
    "64.252.64.0/18", "65.0.0.0/14", "67.202.0.0/18", "68.79.0.0/18", "69.107.0.0/17", "71.131.192.0/18",
    "72.44.32.0/19", "75.2.0.0/17", "75.101.128.0/17", "76.223.0.0/17", "79.125.0.0/17", "96.127.0.0/17",
    "98.80.0.0/12", "99.77.0.0/16", "99.78.0.0/15", "99.80.0.0/14", "107.20.0.0/14", "108.128.0.0/13",
    "157.175.0.0/16", "157.241.0.0/16", "160.1.0.0/16", "174.129.0.0/16", "175.41.128.0/17", "176.32.64.0/18",
    "176.34.0.0/16", "177.71.128.0/17", "184.72.0.0/15", "184.169.128.0/17", "204.236.128.0/17", "2600:1f00::/24",
    "2406:da00::/24", "2a05:d000::/25",
    # Microsoft: ServiceTags, AzureCloud, as whole blocks
    "4.144.0.0/12", "4.160.0.0/11", "4.192.0.0/10", "13.64.0.0/11", "13.96.0.0/13", "13.104.0.0/14", "20.0.0.0/8",
    "23.96.0.0/13", "40.64.0.0/10", "51.4.0.0/15", "51.8.0.0/16", "51.10.0.0/15", "51.12.0.0/15", "51.103.0.0/16",
    "51.104.0.0/15", "51.107.0.0/16", "51.116.0.0/16", "51.120.0.0/16", "51.124.0.0/16", "51.132.0.0/16",
    "51.136.0.0/15", "51.138.0.0/16", "51.140.0.0/14", "51.144.0.0/15", "52.96.0.0/12", "52.112.0.0/14", "52.125.0.0/16",
    "52.126.0.0/15", "52.136.0.0/13", "52.145.0.0/16", "52.146.0.0/15", "52.148.0.0/14", "52.152.0.0/13",
    "52.160.0.0/11", "52.224.0.0/11", "57.150.0.0/15", "65.52.0.0/14", "68.154.0.0/15", "68.218.0.0/15",
    "68.220.0.0/15", "70.37.0.0/17", "70.152.0.0/13", "72.144.0.0/14", "74.160.0.0/14", "74.176.0.0/14",
    "74.224.0.0/14", "74.234.0.0/15", "74.240.0.0/14", "74.248.0.0/15", "94.245.64.0/18", "98.64.0.0/14", "98.70.0.0/15",
    "102.37.0.0/16", "102.133.0.0/16", "104.40.0.0/13", "104.146.0.0/15", "104.208.0.0/13", "108.140.0.0/14",
    "128.251.0.0/16", "134.112.0.0/15", "135.116.0.0/14", "137.116.0.0/15", "137.135.0.0/16", "138.91.0.0/16",
    "145.190.0.0/15", "157.54.0.0/15", "157.56.0.0/14", "168.61.0.0/16", "168.62.0.0/15", "172.160.0.0/11",
    "172.192.0.0/12", "172.208.0.0/13", "191.232.0.0/13", "2603:1000::/24",
    # Google: cloud.json, as whole blocks
    "8.34.208.0/20", "8.35.192.0/20", "23.236.48.0/20", "23.251.128.0/19", "34.0.0.0/15", "34.2.0.0/16", "34.4.0.0/14",
    "34.16.0.0/12", "34.32.0.0/11", "34.64.0.0/10", "34.128.0.0/10", "35.184.0.0/13", "35.192.0.0/11", "35.224.0.0/12",
    "35.240.0.0/13", "104.154.0.0/15", "104.196.0.0/14", "107.167.160.0/19", "107.178.192.0/18", "108.59.80.0/20",
    "108.170.192.0/18", "130.211.0.0/16", "136.112.0.0/13", "146.148.0.0/17", "162.216.148.0/22", "162.222.176.0/21",
    "173.255.112.0/20", "199.192.112.0/22", "199.223.232.0/21", "2600:1900::/28",
)  # fmt: skip
"""Where the nodes and the managed parts of hosted clusters call from."""

TOR = (
    "23.129.64.0/24", "109.70.100.0/24", "162.247.72.0/22", "171.25.193.0/24", "185.220.100.0/22", "192.42.116.0/24",
    "199.249.230.0/24",
)  # fmt: skip
"""Networks that exist to be Tor exits (Emerald Onion, Applied Privacy, Calyx, DFRI, Zwiebelfreunde, NTH, Quintex)."""


def outside(text: str) -> bool:
    """Say whether this is an address of the Internet; what is no address is not.

    >>> outside("198.51.100.7"), outside("10.0.0.7"), outside("not-an-ip")
    (True, False, False)
    """
    return _is_address(text) and not _in(text, INSIDE)


def inside(text: str) -> bool:
    """Say whether this is an address that cannot be reached over the Internet.

    >>> inside("10.0.0.7"), inside("8.8.8.8"), inside("::1"), inside("")
    (True, False, True, False)
    """
    return _in(text, INSIDE)


def cloud(text: str) -> bool:
    """Say whether this address is one of Amazon's, Microsoft's or Google's clouds.

    >>> cloud("54.212.83.236"), cloud("20.127.0.100"), cloud("1.2.3.4")
    (True, True, False)
    """
    return _in(text, CLOUD)


def tor(text: str) -> bool:
    """Say whether this address is in a network of Tor exits.

    >>> tor("185.220.101.7"), tor("185.220.99.7")
    (True, False)
    """
    return _in(text, TOR)


def _is_address(text: str) -> bool:
    return len(text) <= LONGEST and _address(text) is not None


def _in(text: str, names: tuple[str, ...]) -> bool:
    return len(text) <= LONGEST and _found(text, names)


@functools.lru_cache(16_384)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, IPv4 as IPv4; None for what is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


@functools.lru_cache(16_384)
def _found(text: str, names: tuple[str, ...]) -> bool:
    found = _address(text)
    return found is not None and any(found in network for network in _networks(names))


@functools.cache
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(name) for name in names)
