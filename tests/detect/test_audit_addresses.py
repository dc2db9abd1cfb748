from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect import audit_addresses


@given(st.ip_addresses())
def test_an_address_is_inside_or_outside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert audit_addresses.inside(str(address)) != audit_addresses.outside(str(address))


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    for asked in (audit_addresses.inside, audit_addresses.outside, audit_addresses.cloud, audit_addresses.tor):
        asked(text)


def test_ipv4_in_ipv6_is_ipv4() -> None:
    assert audit_addresses.inside("::ffff:10.0.0.7")
    assert audit_addresses.outside("::ffff:198.51.100.7")


def test_an_endless_text_is_no_address() -> None:
    assert not audit_addresses.outside("1" * 100_000)
