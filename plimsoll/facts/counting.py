"""Counting what happened: events that are the same act are one row, and each verb states a fact of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from plimsoll import frames


class Verb(NamedTuple):
    """One kind of fact: what an act of this stream says by it, and when it says so."""

    name: str
    doc: str
    object: pl.Expr
    given: pl.Expr
    when: pl.Expr


ANY, ALWAYS = pl.lit(""), pl.lit(value=True)
FEW = 1_000
"""Rows that are read one by one: to find out which are alike, and to join them again, costs more."""
EVIDENCE = 3
"""Events that are kept as evidence of one act."""

DAY_US = 86_400_000_000
DAY = pl.col("time").dt.epoch("us").floordiv(DAY_US).alias("day")
_COUNTED = (
    pl.len().cast(pl.Int64).alias("count"),
    pl.col("time").min().alias("first"),
    pl.col("time").max().alias("last"),
)


def text(column: str) -> pl.Expr:
    """Return a column of text without nulls."""
    return pl.col(column).fill_null("")


COUNTS = ("count", "first", "last")


def counted(
    events: pl.DataFrame, keys: Sequence[str], by: Sequence[pl.Expr], evidence: pl.Expr | None = None
) -> pl.DataFrame:
    """Return one row for each distinct value of the keys and of `by`: its count, first and last time.

    With `evidence` the first events' values of it come along as a list. Events without a time are left out.
    """
    timed = events.filter(pl.col("time").is_not_null()) if events["time"].null_count() else events
    if evidence is None:
        return _distinct(timed.with_columns(*by).select("time", *keys, *map(_name, by)), _COUNTED)
    shown = evidence.sort_by("time").head(EVIDENCE).alias("evidence")
    return timed.group_by(*keys, *by).agg(*_COUNTED, shown)


def added(counted: pl.DataFrame, keys: Sequence[str] | None = None) -> pl.DataFrame:
    """Return what was counted in several places as if counted in one: by these keys, or by all columns beside counts."""
    names = keys or [name for name in counted.columns if name not in COUNTS]
    sums = (pl.col("count").sum(), pl.col("first").min(), pl.col("last").max())
    return _distinct(counted.select(*COUNTS, *names), sums)


def _distinct(rows: pl.DataFrame, sums: Sequence[pl.Expr]) -> pl.DataFrame:
    """Return one row for each distinct value of the columns that are not summed up, and the sums.

    Rows are told apart by a hash, a quarter of the cost of comparing twenty texts. Two acts of 10⁵ have the same one
    once in 10⁹ batches; and nobody can make them up, as the seed is drawn from the microseconds of all events.
    """
    names = [name for name in rows.columns if name not in ("time", *COUNTS)]
    summed = [name for name in rows.columns if name in ("time", *COUNTS)]
    times = rows["time" if "time" in summed else "first"]
    seed = int(times.to_physical().sum() or 0) % 2**63
    hashed = rows.select(*summed, hash=pl.struct(names).hash(seed)).with_row_index("row")
    groups = hashed.group_by("hash").agg(pl.col("row").first(), *sums)
    return frames.own(rows[groups["row"]].select(names)).with_columns(groups.select(COUNTS))


def _name(by: pl.Expr) -> str:
    return by.meta.output_name()


def mapped(
    frame: pl.DataFrame, columns: Sequence[str], function: Callable[..., Any], into: Sequence[str]
) -> pl.DataFrame:
    """Return the frame with columns `into` computed by a Python function from each distinct row of `columns`.

    With several columns in `into` the function returns a tuple of as many strings.
    """
    distinct = frame.select(columns) if frame.height <= FEW else frame.select(columns).unique()
    values = [function(*row) for row in distinct.rows()]
    made = [
        pl.Series(name, [value[n] for value in values] if len(into) > 1 else values, pl.String)
        for n, name in enumerate(into)
    ]
    if frame.height <= FEW:
        return frame.with_columns(made)
    return frame.join(
        distinct.with_columns(made), on=list(columns), how="left", nulls_equal=True, maintain_order="left"
    )


def stated(happened: pl.DataFrame, verb: Verb, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return the facts (tables.FACTS) that acts state by a verb, with the columns of `by` beside them."""
    return all_stated(happened, [verb], by)


def all_stated(happened: pl.DataFrame, verbs: Sequence[Verb], by: Sequence[str] = ()) -> pl.DataFrame:
    """Return the facts that acts state by these verbs, one after another: one question, which costs less than many."""
    day = pl.col("day") if "day" in happened.columns else pl.lit(0, pl.Int64).alias("day")
    acts = happened.lazy()
    return pl.concat([acts.filter(verb.when).select(*_fact(verb), day, *COUNTS, *by) for verb in verbs]).collect()


def _fact(verb: Verb) -> tuple[pl.Expr, ...]:
    return (
        pl.col("subject"),
        pl.col("peer"),
        pl.lit(verb.name).alias("verb"),
        verb.given.fill_null("").alias("given"),
        verb.object.fill_null("").alias("object"),
    )
