"""Frames that are added up as they come."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import sums

EMPTY = pl.DataFrame(schema={"key": pl.Int64, "count": pl.Int64})


def added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("key").agg(pl.col("count").sum()).sort("key")


def taken(batches: Sequence[Sequence[int]]) -> sums.Sum:
    found = sums.Sum(added, EMPTY)
    for batch in batches:
        found.take(pl.DataFrame({"key": batch, "count": [1] * len(batch)}, EMPTY.schema))
    return found


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=9))
def test_what_comes_in_batches_adds_up_as_if_it_came_at_once(batches: list[list[int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "REGROUP", 4)
        found, whole = taken(batches), taken([[key for batch in batches for key in batch]])
    assert found.told().equals(whole.told())
    assert added([found.rows()]).equals(whole.told())


def test_equal_rows_of_many_batches_are_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "REGROUP", 4)
    assert taken([[1, 2, 3]] * 100).rows().height <= 3 + sums.REGROUP + 3
