"""The normal form of activity rows: the small translations that sensors share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import activity, records


@given(st.text(min_size=1))
def test_a_program_always_has_a_short_name(path: str) -> None:
    assert activity.short(path)


def test_a_clock_that_counts_from_the_start_of_the_node_is_no_time() -> None:
    assert activity.at(6114008072805) is None


def test_the_year_one_is_no_time() -> None:
    assert activity.at(datetime(1, 1, 1, tzinfo=UTC)) is None


def test_a_negative_time_is_refused() -> None:
    with pytest.raises(records.Unreadable):
        activity.at(-1)


def test_a_digest_is_split_off_wherever_it_stands() -> None:
    split = {"container_image": "r.example/a:1", "container_image_digest": "sha256:aa"}
    assert activity.image("r.example/a:1@sha256:aa") == split
    assert activity.image("r.example/a:1", "r.example/a@sha256:aa") == split
    assert activity.image("r.example/a:1", "sha256:aa") == split


def test_a_registry_port_is_part_of_the_image() -> None:
    assert activity.image("r.example:5000/a")["container_image"] == "r.example:5000/a"


def test_ends_without_any_address_are_no_columns() -> None:
    assert activity.connection(activity.NOBODY, ("", 0), "TCP") == {}


def test_an_ipv6_end_keeps_its_colons() -> None:
    assert activity.connection(("2001:db8::1", 1), ("2001:db8::2", 2), None)["fd_sip"] == "2001:db8::2"


@given(st.integers(0, 2**32))
def test_open_flags_begin_with_the_access(number: int) -> None:
    assert activity.open_flags(number).split("|")[0] in ("O_RDONLY", "O_WRONLY", "O_RDWR")


def test_an_error_without_a_name_keeps_its_number() -> None:
    assert activity.result(-4095) == "-4095"
