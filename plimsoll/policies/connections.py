"""Connections that processes made or took, as flows: a sensor on a node knows one end by its container, not its address."""

from __future__ import annotations

from typing import Any

import polars as pl

from plimsoll import frames, tables

col = pl.col

CALLS, ANSWERS = ("connect", "sendto"), ("accept",)
_DONE = ("SUCCESS", "EINPROGRESS")
"""A socket that does not block is told that its connection is on its way (connect(2))."""
_OWN = {
    "namespace": "k8s_ns_name",
    "pod_name": "k8s_pod_name",
    "workload_kind": "k8s_workload_kind",
    "workload_name": "k8s_workload_name",
}


def of(events: pl.DataFrame) -> pl.DataFrame:
    """Return the flows (tables.FLOW) of a batch of resolved acts (tables.ACTIVITY)."""
    met = events.filter(
        col("evt_type").is_in([*CALLS, *ANSWERS]),
        col("evt_res").is_null() | col("evt_res").is_in(_DONE),
        col("fd_sip").is_not_null() & col("fd_sport").is_not_null(),
        ~_loops("fd_sip"),
    )
    called = col("evt_type").is_in(CALLS)
    flows = met.select(
        "evt_num",
        "time",
        is_reply=pl.lit(value=False),
        l4_protocol=col("fd_l4proto").str.to_uppercase(),
        source_ip="fd_cip",
        source_port="fd_cport",
        destination_ip="fd_sip",
        destination_port="fd_sport",
        destination_names=pl.when(col("fd_sip_name").is_not_null()).then(pl.concat_list("fd_sip_name")),
        node_name="hostname",
        count=pl.lit(1, pl.Int64),
        **{f"source_{part}": pl.when(called).then(own) for part, own in _OWN.items()},
        **{f"destination_{part}": pl.when(~called).then(own) for part, own in _OWN.items()},
    )
    given: dict[str, Any] = {name: flows[name] for name in flows.columns}
    return frames.of_columns(tables.FLOW, given, flows.height)


def _loops(name: str) -> pl.Expr:
    return col(name).str.starts_with("127.") | (col(name) == "::1")
