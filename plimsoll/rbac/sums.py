"""Rows that are added up by their keys as they come, in memory that is bounded and in any order."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

col = pl.col
MANY = "*"
"""Instead of values that are more than are remembered."""
MOST = 2_000_000
"""Rows that are remembered; beyond it what is new is only counted."""
REGROUP = 60_000
COUNTS = ("begun", "ended")
SUMMED = (*COUNTS, "first", "last")
COUNT = pl.max_horizontal(*COUNTS).alias("count")
"""A watch that began and ended is one request."""


class Sum:
    """Rows by their keys: requests begun and ended, first and last time.

    Where one key has more values than `most` under the others, they become one. All keys are texts but `day`.
    """

    def __init__(self, keys: Sequence[str], wide: str, most: int) -> None:
        self._keys, self._wide, self._most = keys, wide, most
        types = {key: pl.Int64() if key == "day" else pl.String() for key in keys}
        self._held = pl.DataFrame(schema=types | dict.fromkeys(SUMMED, pl.Int64()))
        self._fresh: list[pl.DataFrame] = []
        self._rows = 0
        self.forgone = 0
        """Rows there was no room for."""

    def add(self, rows: pl.DataFrame) -> None:
        """Take in rows that have the keys and what is summed."""
        self._fresh.append(self._summed(rows))
        self._rows += self._fresh[-1].height
        if self._rows > max(REGROUP, self._held.height // 2):
            self._regroup()

    def told(self) -> pl.DataFrame:
        """Return the sums."""
        self._regroup()
        return self._held

    def _regroup(self) -> None:
        summed = self._folded(self._summed(pl.concat([self._held, *self._fresh])))
        self._fresh, self._rows = [], 0
        if summed.height > MOST:
            known = summed.join(self._held, on=self._keys, how="semi", nulls_equal=True)
            fresh = summed.join(self._held, on=self._keys, how="anti", nulls_equal=True).sort(self._keys)
            room = max(0, MOST - known.height)
            self.forgone += fresh.height - room
            summed = pl.concat([known, fresh.head(room)])
        self._held = summed

    def _summed(self, rows: pl.DataFrame) -> pl.DataFrame:
        counts = [col(name).sum() for name in COUNTS]
        return rows.group_by(self._keys).agg(*counts, col("first").min(), col("last").max())

    def _folded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Put together what has too many values; once it is `*`, it stays so."""
        others = [key for key in self._keys if key not in (self._wide, "day")]
        wide = (col(self._wide).n_unique().over(others) > self._most) | (col(self._wide) == MANY).any().over(others)
        if not rows.select(wide.any()).item():
            return rows
        folded = pl.when(wide).then(pl.lit(MANY)).otherwise(col(self._wide)).alias(self._wide)
        return self._summed(rows.with_columns(folded))
