"""A threshold follows from what learning would have told, within its floor and its ceiling."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect import budget, stories
from tests import told

BITS = st.lists(st.tuples(st.integers(0, 6), st.floats(-3.0, 30.0)), max_size=60)


@given(BITS, st.integers(1, 9))
def test_no_more_sessions_a_day_lie_above_the_threshold_than_were_asked_for(
    drawn: list[tuple[int, float]], alerts: int
) -> None:
    known = budget.of((told.at() + timedelta(days=day), bits) for day, bits in drawn)
    least = known.least(alerts)
    if least is None:
        assert len(drawn) <= alerts * known.days
    elif least < stories.CERTAIN:
        assert least >= stories.DOUBTFUL
        assert sum(bits > least for _, bits in drawn) <= alerts * known.days


@given(BITS, st.integers(1, 9))
def test_who_can_read_more_is_told_no_less(drawn: list[tuple[int, float]], alerts: int) -> None:
    known = budget.of((told.at() + timedelta(days=day), bits) for day, bits in drawn)
    few, many = known.least(alerts), known.least(alerts + 1)
    assert (many or 0.0) <= (few or 0.0)


def test_where_little_was_learned_there_is_no_threshold() -> None:
    assert budget.of([]).least(1) is None
