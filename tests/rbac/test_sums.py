"""Sums by key, in any order and in bounded memory."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rbac import sums

ROWS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("vwxyz"), st.integers(0, 2), st.integers(0, 9)))


def frame(rows: list[tuple[str, str, int, int]]) -> pl.DataFrame:
    columns = {"key": pl.String, "value": pl.String, "day": pl.Int64} | dict.fromkeys(sums.SUMMED, pl.Int64)
    return pl.DataFrame([(*row[:3], 0, 1, row[3], row[3]) for row in rows], schema=columns, orient="row")


def added(*parts: list[tuple[str, str, int, int]]) -> list[tuple[object, ...]]:
    made = sums.Sum(("key", "value", "day"), "value", 3)
    for part in parts:
        made.add(frame(part))
    return made.told().sort("key", "value", "day").rows()


@given(ROWS, st.integers(0, 9), st.integers(1, 4))
def test_order_and_batches_do_not_matter(rows: list[tuple[str, str, int, int]], cut: int, regroup: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sums, "REGROUP", regroup)
        assert added(rows[cut:], rows[:cut]) == added(rows)


def test_too_many_values_become_one_and_lose_no_count() -> None:
    found = added([("a", value, 0, 1) for value in "vwxy"] + [("b", "v", 0, 1)])
    assert found == [("a", "*", 0, 0, 4, 1, 1), ("b", "v", 0, 0, 1, 1, 1)]


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MOST", 1)
    made = sums.Sum(("key", "value", "day"), "value", 3)
    made.add(frame([("a", "v", 0, 1), ("b", "v", 0, 1)]))
    assert (made.told().height, made.forgone) == (1, 1)
