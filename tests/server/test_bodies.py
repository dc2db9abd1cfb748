from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.server import bodies, refusals


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_gzip_comes_off_in_one_member_or_several(one: bytes, other: bytes) -> None:
    assert bodies.plain(gzip.compress(one) + gzip.compress(other), "gzip", 400) == one + other


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(refusals.TooLarge):
        bodies.plain(gzip.compress(bytes(50 << 20)), "gzip", 1 << 20)


@given(st.binary(max_size=100))
def test_what_is_no_gzip_is_refused_and_never_an_error(body: bytes) -> None:
    try:
        bodies.plain(body, "gzip", 100)
    except refusals.Refused:
        return


def test_a_stream_that_is_cut_off_is_refused() -> None:
    with pytest.raises(refusals.Refused, match="cut off"):
        bodies.plain(gzip.compress(b"text" * 100)[:-9], "gzip", 10_000)


def test_another_encoding_is_refused_by_name() -> None:
    with pytest.raises(refusals.Packed, match="br"):
        bodies.plain(b"", "br", 100)
