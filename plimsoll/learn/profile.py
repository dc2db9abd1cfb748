"""A profile is facts, added up: learning is one `group_by`, and merging is the same one again.

Hence any split of the input over files, days or machines, in any order and nesting, gives the same profile.
Written in Narwhals, so that Polars, DuckDB and Spark compute the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw

from plimsoll import tables

Frame = nw.LazyFrame[Any]
KEPT = 400
"""Days that a profile remembers: more than a year, so that what is done once a year is no news."""
KEY = ("subject", "verb", "given", "object", "day")


def learn(facts: Frame) -> Frame:
    """Return the profile (tables.PROFILE) of facts: one row for each fact and day."""
    return (
        facts.group_by(*KEY)
        .agg(
            nw.col("peer").max(),
            nw.col("count").sum().cast(nw.Int64),  # DuckDB widens sums
            nw.col("first").min(),
            nw.col("last").max(),
        )
        .select(*tables.names(tables.PROFILE))
    )


def merge(profiles: Sequence[Frame]) -> Frame:
    """Return the profile of all that these profiles learned."""
    return learn(nw.concat(profiles))


def recent(facts: Frame, last: int) -> Frame:
    """Return the facts of the days that a profile remembers where `last` is its last day.

    Days after that are kept too: a clock that is ahead makes nothing forgotten.
    """
    return facts.filter(nw.col("day") > nw.lit(last - KEPT))
