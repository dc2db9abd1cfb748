"""What a generated policy says."""

from __future__ import annotations

import datetime as dt

import pytest

from plimsoll.policies.drafts import NEVER, Seen, often

NOON, NIGHT = (dt.datetime(2026, 11, 2, hour, tzinfo=dt.UTC) for hour in (12, 23))


def test_sightings_add_up_over_their_days() -> None:
    both = Seen(3, frozenset({1}), NIGHT) + Seen(4, frozenset({1, 2}), NOON)
    assert both == Seen(7, frozenset({1, 2}), NIGHT)
    assert both + NEVER == both


@pytest.mark.parametrize(("times", "told"), [(9, "less than 10"), (10, "10"), (99, "10"), (12_345, "10,000")])
def test_how_often_is_told_in_steps_of_ten(times: int, told: str) -> None:
    assert often(Seen(times, frozenset({1}))).startswith(f"seen {told} times")


def test_a_week_and_more_is_one() -> None:
    assert often(Seen(9, frozenset(range(8)))) == often(Seen(9, frozenset(range(30))))
