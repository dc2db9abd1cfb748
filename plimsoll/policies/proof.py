"""Edges as connections that policies can be asked about: each end a pod of its workload, with the labels that pods have."""

from __future__ import annotations

import polars as pl

from plimsoll import frames, tables
from plimsoll.policies import edges, policy, replay
from plimsoll.policies.templates import Cluster

_TYPES = frames.schema(tables.FLOW)


def connections(seen: pl.DataFrame, cluster: Cluster, told: replay.Known) -> pl.DataFrame:
    """Return edges (edges.SCHEMA) with the columns of a replay's connections (replay.KEYS), each once."""
    return with_labels(seen, cluster, told).group_by(*replay.KEYS).agg(*replay.SUMS)


def with_labels(seen: pl.DataFrame, cluster: Cluster, told: replay.Known) -> pl.DataFrame:
    """Return edges with the columns of a replay's connections beside their own, row for row."""
    labels, named = _labels(cluster, told), seen
    for side in edges.SIDES:
        owner = [f"{side}_{part}" for part in ("namespace", "workload_kind", "workload_name")]
        own = labels.rename({name: f"{side}_{name}" for name in edges.LABELS})
        named = named.join(own, on=owner, how="left", maintain_order="left")
    spare = {name: pl.lit(None, _TYPES[name]) for name in replay.KEYS if name not in named.columns}
    return named.with_columns(**spare)


def _labels(cluster: Cluster, told: replay.Known) -> pl.DataFrame:
    """Return the labels of a pod of each workload, of one that is there now where one is."""
    rows = []
    for key, one in cluster.workloads.items():
        there = [labels for labels in one.variants if (key.namespace, policy.labels(labels)) in told.by_labels]
        labels = next(iter(there or one.variants), {})
        rows.append((*key, [f"{name}={value}" for name, value in labels.items()]))
    return pl.DataFrame(rows, edges.LABELS, orient="row")
