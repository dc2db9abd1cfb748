"""What is told of a rule fits on one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect.sigma import problems
from plimsoll.rules import marked


@given(st.text())
def test_any_text_is_shown_on_one_line(text: str) -> None:
    shown = problems.shown(text)
    assert shown.isprintable()
    assert len(shown) <= 61


def test_a_problem_has_its_place() -> None:
    assert problems.Unusable("because", marked.Mark(3, 4, 5)).mark.line == 3
