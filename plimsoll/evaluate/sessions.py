"""Requests by comparable names, and sessions: what one user did from one network with one client in one stretch of time."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from plimsoll import facts

SHORT, LONG = timedelta(minutes=1), timedelta(hours=1)
"""How long a session is in a recording of hours, whose habits must be fast, and in one of days."""
DAY = timedelta(days=1)
NAMED = ("subject", "action", "namespace", "name", "network", "zone", "product", "version", "outcome", "impersonated")
"""What is told of a request, in the words of facts."""
ACTOR = ("subject", "network", "product")


def requests(events: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each answered request of audit events (tables.AUDIT), in order of time.

    Columns: `time`, `auditID`, `kind` (equal for the same act), `source_ip`, and those of NAMED.
    """
    keyed = events.with_columns(kind=facts.key("audit").hash(0), key=facts.key("audit").hash(0))
    named = facts.acts("audit", keyed, by=[pl.col("key")], evidence=False).unique("key", keep="first")
    answered = keyed.filter(pl.col("time").is_not_null() & (pl.col("stage") != "RequestReceived"))
    whole = answered.select("time", "auditID", "kind").join(
        named.select(pl.col("key").alias("kind"), "source_ip", *NAMED), on="kind", how="inner"
    )
    # A watch and an exec are told when they begin and when they end; clients may choose the id of a request.
    return whole.unique(["auditID", "kind"], keep="first").sort("time", "auditID")


def in_sessions(asked: pl.DataFrame, lasts: timedelta | None = None) -> pl.DataFrame:
    """Return requests with a column `session`, a number for each user, network, client and stretch of time.

    Without a length it is a minute, an hour where a day or more was learned.
    """
    lasts = lasts or (LONG if _span(asked) >= DAY else SHORT)
    stretch = (pl.col("time").dt.epoch("us") // (lasts // timedelta(microseconds=1))).alias("stretch")
    ordered = asked.with_columns(stretch).sort("stretch", *ACTOR, "time", "auditID")
    return ordered.with_columns(session=pl.struct("learning", "stretch", *ACTOR).rle_id()).drop("stretch")


def _span(asked: pl.DataFrame) -> timedelta:
    """Return how much time the learning part covers."""
    times = asked.filter(pl.col("learning")).select(span=pl.col("time").max() - pl.col("time").min())["span"]
    covered = times.item() if len(times) else None
    return covered if isinstance(covered, timedelta) else timedelta(0)
