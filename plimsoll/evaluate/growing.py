"""A log as it grows: cut after each request of an attack, so that one can ask which request gave it away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from plimsoll.evaluate import labels

WATCHED = 50
"""Requests of an attack after which the log is cut; later ones come with the batch they stand in."""


class Told(NamedTuple):
    """When an attack was told."""

    requests: int
    """Its requests so far."""
    seconds: float
    """From its first request to the last of these."""


class Watch:
    """What has been seen of each attack, and what was told of it.

    >>> watch = Watch([labels.Scenario("A", "theft", "alert", frozenset("xy"))])
    >>> log = pl.DataFrame({"auditID": ["a", "x", "b", "y"], "time": [datetime(2026, 3, 2, 9, 0, n) for n in range(4)]})
    >>> for part in watch.cut(log):
    ...     print(part["auditID"].to_list())
    ...     watch.take(["y"] if "y" in part["auditID"] else [])
    ['a', 'x']
    ['b', 'y']
    >>> watch.told
    {'A': Told(requests=2, seconds=2.0)}
    """

    def __init__(self, scenarios: Iterable[labels.Scenario]) -> None:
        self._owner: dict[str, str] = {uid: one.name for one in labels.attacks(scenarios) for uid in one.ids}
        self._seen: dict[str, dict[str, datetime]] = {}
        self.told: dict[str, Told] = {}

    def cut(self, events: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Yield events in parts, each of which ends with a request of an attack."""
        start = 0
        ids = pl.Series(list(self._owner), dtype=pl.String)
        own = events.with_row_index("row").filter(pl.col("auditID").is_in(ids.implode()) & pl.col("time").is_not_null())
        for row, uid, time in own.select("row", "auditID", "time").iter_rows():
            seen = self._seen.setdefault(self._owner[uid], {})
            if uid not in seen and len(seen) < WATCHED and row >= start:
                seen[uid] = time
                yield events[start : row + 1]
                start = row + 1
            seen.setdefault(uid, time)
        if start < events.height:
            yield events[start:]

    def take(self, gravest: Sequence[str]) -> None:
        """Take note of an alert, by the ids it is about."""
        for name in {self._owner[uid] for uid in gravest if uid in self._owner} - self.told.keys():
            times = sorted(self._seen.get(name, {}).values())
            if times:
                self.told[name] = Told(len(times), (times[-1] - times[0]).total_seconds())
