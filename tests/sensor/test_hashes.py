from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import hashes

WORD = 1 << 64
NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)


def slow_mix(state: int, value: int) -> int:
    """The same law in bits: multiply, xor, turn left by 31, multiply."""
    bits = f"{state ^ value * 0xC2B2AE3D27D4EB4F % WORD:064b}"
    return int(bits[31:] + bits[:31], 2) * 0x9E3779B97F4A7C15 % WORD


def slow_component(name: bytes) -> int:
    state, left = 0, name
    while left:
        word, left = left[:8], left[8:]
        state = slow_mix(state, sum(byte << 8 * place for place, byte in enumerate(word)))
    return slow_mix(state, len(name))


@given(st.integers(0, WORD - 1), st.integers(0, WORD - 1))
def test_mixing_follows_its_law(state: int, value: int) -> None:
    assert hashes.mix(state, value) == slow_mix(state, value)


@given(st.lists(NAMES, max_size=40))
def test_a_path_folds_its_components_from_the_root(names: list[bytes]) -> None:
    state = 0
    for name in names:
        state = slow_mix(state, slow_component(name))
    assert hashes.path(b"/" + b"/".join(names)) == state


@given(st.lists(NAMES, min_size=1, max_size=8))
def test_slashes_more_or_less_change_no_path(names: list[bytes]) -> None:
    assert hashes.path(b"//" + b"///".join(names) + b"/") == hashes.path(b"/" + b"/".join(names))


@given(NAMES, NAMES)
def test_a_name_and_its_zeros_differ(one: bytes, other: bytes) -> None:
    assert (hashes.component(one) == hashes.component(other)) == (one == other)


@given(st.ip_addresses(v=4), st.integers(0, 65535), st.sampled_from([6, 17]))
def test_an_address_and_its_mapped_form_are_one_end(address: ipaddress.IPv4Address, port: int, protocol: int) -> None:
    assert hashes.end(str(address), port, protocol) == hashes.end(f"::ffff:{address}", port, protocol)


@given(st.ip_addresses(v=6), st.ip_addresses(v=6), st.integers(0, 65535))
def test_a_network_of_ipv6_is_its_first_half(
    one: ipaddress.IPv6Address, other: ipaddress.IPv6Address, port: int
) -> None:
    mixed = ipaddress.IPv6Address(one.packed[:8] + other.packed[8:])
    if not (one.ipv4_mapped or mixed.ipv4_mapped):
        assert hashes.network(str(one), port) == hashes.network(str(mixed), port)
