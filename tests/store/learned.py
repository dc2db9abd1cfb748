"""Facts, segments and a merge that the tests of the store learn."""

from __future__ import annotations

import hashlib

import polars as pl

from plimsoll import frames, tables
from plimsoll.store import Profile

KEY = [name for name in tables.names(tables.FACTS) if name not in ("count", "first", "last")]


def facts_of(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """Facts from (subject, object, day, count)."""
    return frames.of_rows(
        tables.FACTS,
        [
            {"subject": subject, "verb": "exec", "given": "", "object": thing, "day": day, "count": count}
            for subject, thing, day, count in rows
        ],
    ).with_columns(first=at(pl.col("day")), last=at(pl.col("day")) + pl.duration(hours=1))


def at(day: pl.Expr) -> pl.Expr:
    return pl.from_epoch(day * 86_400_000_000, time_unit="us").dt.replace_time_zone("UTC")


def merge(facts: pl.LazyFrame) -> pl.DataFrame:
    return (
        facts.group_by(KEY)
        .agg(pl.col("count").sum(), pl.col("first").min(), pl.col("last").max())
        .select(tables.names(tables.FACTS))
        .sort(KEY)
        .collect()
    )


def digest(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


def learn(profile: Profile, name: object, facts: pl.DataFrame | None = None) -> bool:
    facts = facts_of(("a", str(name), 1, 1)) if facts is None else facts
    return profile.add(digest(name), facts, source=f"{name}.log", accepted=facts.height, rejected=0)
