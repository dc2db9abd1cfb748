"""Frames that come in batch by batch, added up as they come: what bounds memory, however many batches there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

REGROUP = 100_000
"""Rows of batches after which they are added up."""


class Sum:
    """Frames of one schema, and how they are added up."""

    def __init__(self, added: Callable[[Sequence[pl.DataFrame]], pl.DataFrame], empty: pl.DataFrame) -> None:
        self._added, self._parts = added, [empty]
        self._fresh, self._held = 0, 0

    def take(self, part: pl.DataFrame) -> None:
        """Take in a batch."""
        self._parts.append(part)
        self._fresh += part.height
        # Half of what is held at least, so that many rows are not added up again for every batch.
        if self._fresh > max(REGROUP, self._held // 2):
            self._parts = [self.told()]
            self._held, self._fresh = self._parts[0].height, 0

    def rows(self) -> pl.DataFrame:
        """Return rows that add up to what came in, for who adds them up elsewhere."""
        return pl.concat(self._parts)

    def told(self) -> pl.DataFrame:
        """Return all that came in as one."""
        return self._added(self._parts)
