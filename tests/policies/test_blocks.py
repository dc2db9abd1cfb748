"""Blocks hold what was seen, and little else."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import blocks


def cidrs(seen: dict[str, int], *reserved: str) -> list[str]:
    addresses = {ipaddress.ip_address(text): times for text, times in seen.items()}
    return [one.cidr for one in blocks.cover(addresses, [ipaddress.ip_address(text) for text in reserved])]


def test_an_address_that_stays_is_alone() -> None:
    assert cidrs({"203.0.113.7": 50, "203.0.113.9": 7}) == ["203.0.113.7/32", "203.0.113.9/32"]


def test_addresses_that_change_are_their_network() -> None:
    assert cidrs({"203.0.113.7": 50, "203.0.113.9": 1}) == ["203.0.113.0/24"]
    assert cidrs({"2001:db8::1": 1}) == ["2001:db8::/64"]


def test_a_network_with_an_address_of_the_cluster_is_never_taken_whole() -> None:
    assert cidrs({"192.168.7.9": 1}, "192.168.7.1") == ["192.168.7.9/32"]


def test_a_clouds_metadata_is_never_widened() -> None:
    assert cidrs({"169.254.169.254": 1}) == ["169.254.169.254/32"]


def test_everybody_is_not_the_private_networks() -> None:
    assert "10.0.0.0/8" in blocks.everybody(4).without
    assert blocks.everybody(6).cidr == "::/0"


@given(st.dictionaries(st.ip_addresses(), st.integers(1, 20), max_size=20))
def test_what_was_seen_is_held(seen: dict[blocks.Address, int]) -> None:
    found = [ipaddress.ip_network(one.cidr) for one in blocks.cover(seen, [])]
    assert all(any(one in network for network in found if network.version == one.version) for one in seen)
