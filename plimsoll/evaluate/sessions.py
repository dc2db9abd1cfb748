"""Requests by comparable names, and sessions: what one user did from one network with one client in one stretch of time."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from plimsoll import facts

LASTS = timedelta(minutes=1)
"""How long a session is: the same stretch that `detect` judges as a whole."""
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


def in_sessions(asked: pl.DataFrame, lasts: timedelta = LASTS) -> pl.DataFrame:
    """Return requests with a column `session`, a number for each user, network, client and stretch of time."""
    stretch = (pl.col("time").dt.epoch("us") // (lasts // timedelta(microseconds=1))).alias("stretch")
    ordered = asked.with_columns(stretch).sort("stretch", *ACTOR, "time", "auditID")
    return ordered.with_columns(session=pl.struct("learning", "stretch", *ACTOR).rle_id()).drop("stretch")
