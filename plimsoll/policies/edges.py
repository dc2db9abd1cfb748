"""Flows become edges on arrival: which workload opened connections to which end and port, how often and on which days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import normal
from plimsoll.facts import counting

col = pl.col

EPHEMERAL = 32_768
"""Ports from here on are chosen by who opens a connection, not by who waits for one (RFC 6335 leaves most of them)."""
PROTOCOLS = ("TCP", "UDP", "SCTP")
"""What NetworkPolicies speak of."""

_PASSED = ("FORWARDED", "REDIRECTED", "AUDIT", "TRACED", "TRANSLATED")
_OWNER = ("namespace", "workload_kind", "workload_name")
_END = (*_OWNER, "identity", "ip")
SIDES = {side: tuple(f"{side}_{part}" for part in _END) for side in ("source", "destination")}
KEYS = (*SIDES["source"], *SIDES["destination"], "destination_service", "name", "destination_port", "l4_protocol")
"""What makes an edge: an end is a workload, or an address with the identity it is known by."""
SCHEMA = pl.Schema(
    {
        **{name: pl.Int64() if name == "destination_port" else pl.String() for name in KEYS},
        "day": pl.Int64(),
        "count": pl.Int64(),
        "first": pl.Datetime("us", "UTC"),
        "last": pl.Datetime("us", "UTC"),
    }
)
LABELS = pl.Schema({**dict.fromkeys(_OWNER, pl.String()), "labels": pl.List(pl.String())})
"""Labels that flows tell of workloads, for those that no object speaks of."""
_TURNED = {f"source_{part}": f"destination_{part}" for part in ("port", "pod_name", "labels", *_END)}


def of(events: pl.DataFrame) -> pl.DataFrame:
    """Return the edges (SCHEMA) of a batch of resolved flows (tables.FLOW): one row for each and its day."""
    passed = opened(events)
    for side in SIDES:
        passed = _owned(passed, side)
    name = col("destination_names").list.first() if passed["destination_names"].null_count() < passed.height else None
    named = passed.with_columns(
        counting.DAY,
        name=pl.lit(None, pl.String) if name is None else name,
        destination_service=pl.when(col("destination_workload_name").is_null()).then("destination_service"),
        **{f"{side}_{part}": _outside(side, part) for side in SIDES for part in ("identity", "ip")},
    )
    return (
        named.group_by(*KEYS, "day")
        .agg(
            col("count").fill_null(1).sum(),
            col("time").min().alias("first"),
            col("time").max().alias("last"),
        )
        .select(*SCHEMA)
    )


def added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return edges that were counted in several places as if counted in one."""
    if not parts:
        return SCHEMA.to_frame()
    whole: pl.DataFrame = merged(nw.from_native(pl.concat(parts).lazy())).collect().to_native()
    return whole


def labels_added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return labels (LABELS) that were told in several places, each once."""
    return pl.concat(parts).unique()


def merged(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return edges added up, whatever engine holds them: one row for each edge and day."""
    sums = (nw.col("count").sum().cast(nw.Int64), nw.col("first").min(), nw.col("last").max())  # DuckDB widens sums
    return frame.group_by(*KEYS, "day").agg(*sums).select(*SCHEMA)


def labels_of(events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct labels (LABELS) that flows tell of the workloads at their ends."""
    parts = []
    for side in SIDES:
        columns = [f"{side}_{part}" for part in (*_OWNER, "pod_name", "labels")]
        told = events.select(columns).filter(col(f"{side}_labels").is_not_null()).unique()
        owner = {f"{side}_{part}": part for part in (*_OWNER, "labels")}
        parts.append(_owned(told, side).rename(owner).select(*LABELS))
    return pl.concat(parts).drop_nulls("workload_name").unique()


def opened(events: pl.DataFrame) -> pl.DataFrame:
    """Return the flows that were let through, each from who opened it."""
    passed = events.filter(
        col("time").is_not_null(),
        ~col("is_reply").fill_null(value=False),
        col("verdict").is_null() | col("verdict").is_in(_PASSED),
        col("l4_protocol").is_in(PROTOCOLS),
        col("destination_port").is_between(1, 65_535),
    )
    passed, answers = passed.filter(~_undirected()), _answer()
    back = passed.filter(answers)
    if back.is_empty():
        return passed
    swapped = {**_TURNED, **{there: here for here, there in _TURNED.items()}}
    turned = back.with_columns(**{to: col(other) for to, other in swapped.items()})
    unnamed = turned.with_columns(
        destination_names=pl.lit(None, pl.List(pl.String)), destination_service=pl.lit(None, pl.String)
    )
    return pl.concat([passed.filter(~answers), unnamed])


def _answer() -> pl.Expr:
    """Whether a record of which nobody says who opened goes back to the opener: the lower port serves."""
    return (col("is_reply").is_null() & (col("source_port") < col("destination_port"))).fill_null(value=False)


def _undirected() -> pl.Expr:
    """Whether nothing tells who opened: both ports are of those that are chosen by who opens."""
    both = (col("source_port") >= EPHEMERAL) & (col("destination_port") >= EPHEMERAL)
    return (col("is_reply").is_null() & both).fill_null(value=False)


def _owned(events: pl.DataFrame, side: str) -> pl.DataFrame:
    """Return the flows with a pod that no object owns counted as what its name looks like."""
    kind, name, pod = f"{side}_workload_kind", f"{side}_workload_name", f"{side}_pod_name"
    lone = col(name).is_null() & col(pod).is_not_null()
    pods = events.filter(lone)[pod].unique()
    if pods.is_empty():
        return events
    found = [normal.workload_of_pod(one) for one in pods]
    guess = pl.DataFrame({pod: pods, "_kind": [kind for kind, _ in found], "_name": [name for _, name in found]})
    joined = events.join(guess, on=pod, how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(lone).then("_kind").otherwise(kind).alias(kind),
        pl.when(lone).then("_name").otherwise(name).alias(name),
        pl.when(lone)
        .then(col(f"{side}_namespace").fill_null("default"))
        .otherwise(f"{side}_namespace")
        .alias(f"{side}_namespace"),
    ).drop("_kind", "_name")


def _outside(side: str, part: str) -> pl.Expr:
    """Return what only an end without workload keeps: pods' addresses are many, and pass from one to another."""
    return pl.when(col(f"{side}_workload_name").is_null()).then(f"{side}_{part}")
