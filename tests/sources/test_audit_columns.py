"""Times to the microsecond, addresses in one form, numbers for what repeats."""

from __future__ import annotations

import datetime as dt
import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import audit_columns

AT = dt.datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=dt.UTC)


def times(*texts: str | None) -> list[dt.datetime | None]:
    told = audit_columns.times(pl.Series("time", texts, pl.String))
    assert told.dtype == pl.Datetime("us", "UTC")
    return told.to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00.123456Z",
        "2026-03-01T10:00:00.123456999Z",
        "2026-03-01T15:30:00.123456+05:30",
        "2026-03-01 10:00:00.123456",
        "2026-03-01 10:00:00.123456000",
        "2026-03-01T09:00:00,123456-01:00",
    ],
)
def test_a_time_is_read_to_the_microsecond_in_utc(text: str) -> None:
    assert times(text, "2026-03-01T10:00:00.123456Z", None) == [AT, AT, None]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1772359200",
        "2026-02-30T10:00:00.000000Z",
        "2026-03-01T10:00:60.000000Z",
        "2026-03-01T10:00:00.000000Zx",
        " 2026-3-01T10:00:00.000000Z",
        "-026-03-01T10:00:00.000000Z",
        "0000-03-01T10:00:00.000000Z",
    ],
)
def test_what_is_no_time_is_null(text: str) -> None:
    assert times(text, "2026-03-01T10:00:00.123456Z") == [None, AT]


@given(st.lists(st.from_regex(r"[ +-]?\d{3,4}-[ \d]\d-\d\dT[ \d]\d:\d\d:\d\d\.\d{5,7}Z?", fullmatch=True), min_size=1))
def test_the_fast_way_reads_no_more_than_the_slow_one(texts: list[str]) -> None:
    def slow(text: str) -> dt.datetime | None:
        try:
            return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
        except ValueError:
            return None

    assert times(*texts) == [slow(text) for text in texts]


@given(st.ip_addresses())
def test_an_address_has_one_form(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    known = audit_columns.address(str(ip))
    assert audit_columns.address(ip.exploded.upper()) == known == audit_columns.address(known)
    assert ip.version == 6 or audit_columns.address(f"::ffff:{ip}") == known


@pytest.mark.parametrize("text", ["", "@", "10.0.0", "010.0.0.1", "a" * 10**6, "fe80::1%eth0"])
def test_what_is_no_address_stays_as_it_is(text: str) -> None:
    assert audit_columns.address(text) == text


def test_numbers_are_given_in_the_order_of_first_asking() -> None:
    index = audit_columns.Index[str]()
    assert [index[text] for text in "abacb"] == [0, 1, 0, 2, 1]
