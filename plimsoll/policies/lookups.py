"""Names that addresses were resolved from: what DNS answers tell, put to the later connections to those addresses.

Any record that tells a name of an address tells it: an answer of DNS, or a connection of which a sensor knew the name.
The name is the one that was told last before, to the same workload where it was told one, else to anybody.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

col = pl.col

_TIME = pl.Datetime("us", "UTC")
_ASKER = ("source_namespace", "source_workload_kind", "source_workload_name")
_PLACE = "destination_ip"
SCHEMA = pl.Schema({**dict.fromkeys((*_ASKER, _PLACE, "name"), pl.String()), "time": _TIME})
"""Who was told which name of an address, and when."""
_ACTS = {
    "source_namespace": "k8s_ns_name",
    "source_workload_kind": "k8s_workload_kind",
    "source_workload_name": "k8s_workload_name",
    _PLACE: "fd_sip",
    "name": "fd_sip_name",
}

_OUTSIDE = col("destination_workload_name").is_null() & col("destination_service").is_null()


def of_flows(events: pl.DataFrame) -> pl.DataFrame:
    """Return what a batch of resolved flows (tables.FLOW) tells (SCHEMA)."""
    if events["destination_names"].null_count() == events.height:
        return SCHEMA.to_frame()
    told = events.filter(col("destination_workload_name").is_null() & col("destination_names").is_not_null())
    named = told.select(*_ASKER, _PLACE, "time", name="destination_names").explode("name", empty_as_null=True)
    return _sound(named)


def of_activity(events: pl.DataFrame) -> pl.DataFrame:
    """Return what a batch of resolved acts (tables.ACTIVITY) tells (SCHEMA)."""
    if events["fd_sip_name"].null_count() == events.height:
        return SCHEMA.to_frame()
    return _sound(events.select("time", **_ACTS))


def _sound(told: pl.DataFrame) -> pl.DataFrame:
    plain = told.with_columns(col("name").str.to_lowercase().str.strip_suffix("."))
    return plain.drop_nulls([_PLACE, "name", "time"]).filter(col("name") != "").select(*SCHEMA).unique()


def added(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return what was told in several places, each name of an address to each by its first and last time."""
    if not parts:
        return SCHEMA.to_frame()
    keys = (*_ASKER, _PLACE, "name")
    times = pl.concat(parts).group_by(keys).agg(first=col("time").min(), last=col("time").max())
    ends = [times.select(*keys, time=end) for end in ("first", "last")]
    return pl.concat(ends).select(*SCHEMA).unique()


class Names:
    """Names of addresses that come in, each by when it was told first and last."""

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def take(self, told: pl.DataFrame) -> None:
        """Take in what a batch told (SCHEMA)."""
        if not told.is_empty():
            self._parts.append(told)

    def told(self) -> pl.DataFrame:
        """Return what was told so far."""
        if len(self._parts) > 1:
            self._parts = [added(self._parts)]
        return self._parts[0] if self._parts else SCHEMA.to_frame()


def name(ends: pl.DataFrame, told: pl.DataFrame, time: str) -> pl.Series:
    """Return the name of the address that was called, null where none was told by the time of this column."""
    asked = ends.select(*_ASKER, _PLACE, time=col(time).cast(_TIME)).with_row_index("row")
    if told.is_empty() or asked.is_empty():
        return pl.Series("name", [None], pl.String).new_from_index(0, ends.height)
    near = asked.filter(col(_PLACE).is_in(told[_PLACE].unique().implode()) & col("time").is_not_null())
    own, any_ = (_latest(near, told, by) for by in ((*_ASKER, _PLACE), (_PLACE,)))
    found = own.join(any_, on="row", suffix="_any").select("row", name=pl.coalesce("name", "name_any"))
    return asked.select("row").join(found, on="row", how="left", maintain_order="left")["name"]


def _latest(asked: pl.DataFrame, told: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return for each row the name that was told last before; of several told at one time the first of the alphabet."""
    keys = [col(one).fill_null("") for one in by]
    once = told.sort("time", "name", descending=[False, True]).select(*keys, "name", "time")
    left = asked.sort("time").select("row", *keys, "time")
    return left.join_asof(once, on="time", by=list(by), strategy="backward", check_sortedness=False).select(
        "row", "name"
    )


def fill_flows(events: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return resolved flows (tables.FLOW) with the names of what they called, where they told none themselves."""
    if told.is_empty():
        return events
    found = name(events, told, "time").alias("_name")
    unnamed = _OUTSIDE & col("destination_names").is_null() & col("_name").is_not_null()
    filled = pl.when(unnamed).then(pl.concat_list("_name")).otherwise("destination_names")
    return events.with_columns(found).with_columns(destination_names=filled).drop("_name")


def fill(edges: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return edges or connections with the names of what they called, where they have none; equal ones are not added up."""
    if told.is_empty() or edges.is_empty():
        return edges
    found = pl.when(_OUTSIDE).then(pl.coalesce("name", "_name")).otherwise("name")
    return edges.with_columns(name(edges, told, "last").alias("_name")).with_columns(name=found).drop("_name")
