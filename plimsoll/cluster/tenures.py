"""Who held a key at a time: claims with a beginning and an end become an unbroken line of holders for each key."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

import polars as pl

ALWAYS, STILL = -(2**62), 2**62
"""No beginning, no end, in microseconds since 1970."""
FORESEEN = 0
"""The rank of a claim that was told only when it ended: the soonest told holds. Above it the latest told holds."""

CLAIMS = pl.Schema(
    {"key": pl.String, "rank": pl.Int8, "since": pl.Int64, "until": pl.Int64, "who": pl.String, "claim": pl.UInt32}
)
"""A claim on a key: the higher rank wins; `who` says whose it is, `claim` is the row it leads to."""
TENURES = pl.Schema({"key": pl.String, "time": pl.Int64, "claim": pl.UInt32})
"""From `time` on the key is held by `claim`, null where nobody holds it or nobody knows."""

Claim = tuple[str, int, int, int, int | None]


def tenures(claims: pl.DataFrame) -> pl.DataFrame:
    """Return the line of holders of each key, in order of time; two who claim it alike hold it not.

    >>> claims = [("10.0.0.1", 1, ALWAYS, 10, "a", 0), ("10.0.0.1", 1, 20, STILL, "b", 1)]
    >>> tenures(pl.DataFrame(claims, CLAIMS, orient="row"))["claim"].to_list()
    [0, None, 1]
    """
    rivals = (pl.col("who").n_unique().over("key", "rank", "since") > 1) & (pl.col("rank") > FORESEEN)
    valid = claims.filter(pl.col("since") < pl.col("until")).with_columns(claim=pl.when(~rivals).then(pl.col("claim")))
    ordered = valid.sort("key", "since").select("key", "rank", "since", "until", "claim").iter_rows()
    held = [row for key, group in groupby(ordered, itemgetter(0)) for row in _line(key, list(group))]
    return pl.DataFrame(held, TENURES, orient="row").sort("time", maintain_order=True)


def _line(key: str, claims: Sequence[Claim]) -> Iterator[tuple[str, int, int | None]]:
    """Yield each change of the holder of one key; the claims are in order of their beginning."""
    waiting = list(reversed(claims))
    active: list[tuple[int, int, int, int, int | None]] = []
    last: int | None = None
    for time in sorted({moment for _, _, since, until, _ in claims for moment in (since, until)} - {STILL}):
        while waiting and waiting[-1][2] <= time:
            _, rank, since, until, claim = waiting.pop()
            heapq.heappush(
                active, (-rank, until if rank == FORESEEN else -since, until, -1 if claim is None else claim, claim)
            )
        while active and active[0][2] <= time:
            heapq.heappop(active)
        holder = active[0][4] if active else None
        if holder != last:
            yield key, time, holder
            last = holder


def holders(asked: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return the claim that held each asked (key, time), null where none did."""
    rows = asked.select("key", "time").with_row_index("row").drop_nulls()
    rows = rows.join(known.select("key").unique(), on="key", how="semi").sort("time")
    found = rows.join_asof(known, on="time", by="key", strategy="backward", check_sortedness=False)
    claims = pl.Series("claim", [None], dtype=pl.UInt32).new_from_index(0, asked.height)
    return claims.scatter(found["row"], found["claim"])
