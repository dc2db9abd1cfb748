"""Addresses of both families on one line."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import addresses, intervals

cidrs = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), st.tuples(st.ip_addresses(v=6), st.integers(0, 128))
).map(lambda one: f"{one[0]}/{one[1]}")


@given(cidrs, st.ip_addresses())
def test_an_address_is_in_a_network_as_the_standard_library_has_it(cidr: str, one: ipaddress.IPv4Address) -> None:
    if getattr(one, "ipv4_mapped", None):
        return
    number = addresses.address(str(one))
    assert number is not None
    assert intervals.has(addresses.network(cidr), number) == (one in ipaddress.ip_network(cidr, strict=False))


@given(st.lists(cidrs, max_size=4))
def test_atoms_make_up_the_whole_and_no_cut_divides_one(cuts: list[str]) -> None:
    sets = [addresses.network(cidr) for cidr in cuts]
    for whole in (addresses.IPV4, addresses.IPV6):
        atoms = list(addresses.atoms(whole, sets))
        assert intervals.union(*atoms) == whole
        assert all(intervals.intersection(atom, cut) in ((), atom) for atom in atoms for cut in sets)


def test_families_do_not_touch_when_written() -> None:
    both = intervals.union(addresses.IPV4, addresses.IPV6)
    assert addresses.written(both) == [
        "0.0.0.0-255.255.255.255",
        "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.0/8/8", "1" * 1000, "::/129", "web"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        addresses.network(text)
    assert addresses.address(text) is None
