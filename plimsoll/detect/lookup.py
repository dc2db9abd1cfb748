"""A profile's levels put in order, to be asked batch by batch: a join would go through all of the profile each time.

The same answers as `evidence.evidence`, for levels that are held in Polars. Rows are found by a hash of what a level is
asked by; of a million facts two have the same one once in 10⁷ profiles, and nobody can make them up without the seed.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from plimsoll.detect import evidence


class Lookup:
    """What a profile knows of facts, at every level."""

    def __init__(self, known: evidence.Levels, seed: int = 0) -> None:
        """Put the levels in order; the hash that finds their rows is made with the seed."""
        self._keys = {name: pl.struct(on).hash(seed) for name, on in evidence.ASKED_BY.items()}
        self._levels = {
            name: _Level(getattr(known, name).collect().to_native(), key, evidence.ASKED_BY[name])
            for name, key in self._keys.items()
        }

    def evidence(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Return distinct facts (columns evidence.FACT) with what each level knows: counts, 0 where it knows nothing."""
        asked = evidence.sorted_out(nw.from_native(facts.select(evidence.FACT))).to_native()
        keys = asked.select(**self._keys)
        found = [level.rows(keys[name]) for name, level in self._levels.items()]
        told: pl.DataFrame = evidence.counted(nw.from_native(pl.concat([asked, *found], how="horizontal"))).to_native()
        return told


class _Level:
    """A table whose rows are found by a hash."""

    def __init__(self, table: pl.DataFrame, key: pl.Expr, on: tuple[str, ...]) -> None:
        keys = table.select(key).to_series().to_numpy()
        self._order = np.argsort(keys)
        self._keys = np.append(keys[self._order], np.uint64(np.iinfo(np.uint64).max))
        self._unknown = table.height
        values = table.drop(on)
        self._values = pl.concat([values, values.clear(1)], rechunk=True)

    def rows(self, keys: pl.Series) -> pl.DataFrame:
        """Return the row of each key, without the columns that it was made of; nulls where there is none."""
        asked = keys.to_numpy()
        place = np.searchsorted(self._keys, asked)
        known = self._keys[place] == asked
        rows = np.append(self._order, self._unknown)[np.where(known, place, self._unknown)]
        return self._values[pl.Series(rows)]
