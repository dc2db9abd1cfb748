"""Acts that were found usual, remembered by a hash of what tells them apart."""

from __future__ import annotations

import polars as pl

MOST = 2_000_000
"""Hashes that are remembered; then we forget them all and begin anew."""
FEW = 1 << 14
"""Hashes that may wait to be put in order."""


class Settled:
    """A growing set of hashes: most in order, to be searched in, and the newest as they came.

    >>> settled = Settled()
    >>> settled.add(pl.Series([3, 1], dtype=pl.UInt64))
    >>> settled.holds(pl.Series([1, 2], dtype=pl.UInt64)).to_list()
    [True, False]
    """

    def __init__(self) -> None:
        self._ordered = pl.Series([], dtype=pl.UInt64)
        self._fresh = pl.Series([], dtype=pl.UInt64)

    def __len__(self) -> int:
        """Return how many are remembered."""
        return self._ordered.len() + self._fresh.len()

    def holds(self, keys: pl.Series) -> pl.Series:
        """Return which of these are remembered."""
        fresh = keys.is_in(self._fresh.implode())
        if self._ordered.is_empty():
            return fresh
        place = self._ordered.search_sorted(keys).clip(upper_bound=self._ordered.len() - 1)
        return fresh | (self._ordered.gather(place) == keys)

    def add(self, keys: pl.Series) -> None:
        """Remember these."""
        if len(self) + keys.len() > MOST:
            self._ordered, self._fresh = self._ordered.clear(), self._fresh.clear()
        self._fresh = pl.concat([self._fresh, keys]).unique()
        if self._fresh.len() > max(FEW, self._ordered.len() // 16):
            self._ordered = pl.concat([self._ordered, self._fresh]).unique().sort()
            self._fresh = self._fresh.clear()
