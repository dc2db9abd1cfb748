"""Any value as plain data, and hostile text as something safe to show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.outputs import plain


def test_times_are_said_in_utc():
    time = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert plain.rfc3339(time) == "2026-01-02T01:04:05.000000Z"


def test_a_time_that_utc_cannot_hold_keeps_its_clock():
    time = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert plain.utc(time) == datetime(1, 1, 1, tzinfo=UTC)


def test_values_of_other_types_become_text():
    assert plain.value({1: date(2026, 1, 2), "raw": b"a\xff", "set": {3}}) == {
        "1": "2026-01-02",
        "raw": "a\ufffd",
        "set": [3],
    }


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_text_that_harms_nobody_is_shown_as_it_is(text):
    assert plain.shown(text) == text


@given(st.text(st.characters(exclude_categories=())), st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_whatever_is_shown_is_printable_and_can_be_encoded(text, encoding):
    shown = plain.shown(text, encoding)
    assert shown.isprintable()
    shown.encode(encoding)
