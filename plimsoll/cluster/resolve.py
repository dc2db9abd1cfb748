"""Addresses, container ids and pods' names become workloads: those that had them when the event happened.

What a source told itself stays as it told it, and what contradicts that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from plimsoll.cluster import kinds, tenures

SHORT_ID = 12
"""Letters of a container id that sensors show at least."""

HOST, APISERVER = "host", "kube-apiserver"
_POD = ("namespace", "pod", "uid", "workload_kind", "workload_name", "labels", "only_container")


class Inventory(NamedTuple):
    """The maps that the objects of a cluster make; each leads to a row of `ends` or of `services`."""

    addresses: pl.DataFrame
    """Tenures of addresses."""
    names: pl.DataFrame
    """Tenures of pods' names, as namespace/name."""
    containers: pl.DataFrame
    """Container ids: `short`, `container_id`, `container`, `claim`."""
    ends: pl.DataFrame
    """The pods, then the host and the API server."""
    services: pl.DataFrame
    """Tenures of Services' addresses."""
    service_names: pl.DataFrame
    """The Services as namespace/name."""


def resolve(stream: str, events: pl.DataFrame, found: pl.DataFrame | Inventory) -> pl.DataFrame:
    """Return the events with the workloads filled in that these objects (tables.OBJECTS) tell; audit has its own."""
    if stream == "audit" or events.is_empty():
        return events
    known = found if isinstance(found, Inventory) else inventory(found)
    return _activity(events, known) if stream == "activity" else _flow(events, known)


def inventory(found: pl.DataFrame) -> Inventory:
    """Return the maps of these objects, to be made once for many batches of events."""
    timed = found.with_columns(
        since=pl.col("since").dt.epoch("us").fill_null(tenures.ALWAYS),
        until=pl.col("until").dt.epoch("us").fill_null(tenures.STILL),
    )
    core = timed.filter(pl.col("apiVersion").is_in(["v1", ""]))
    pods = _pods(core)
    services = core.filter(pl.col("kind") == "Service").with_columns(
        who=pl.concat_str("namespace", pl.lit("/"), "name"), claim=pl.int_range(pl.len(), dtype=pl.UInt32)
    )
    hosts = _hosts(core, pods)
    return Inventory(
        tenures.tenures(pl.concat([_of_pods(pods), hosts, _apiserver(timed, pods)])),
        tenures.tenures(_names(pods)),
        _containers(pods),
        _ends(pods),
        tenures.tenures(_exploded(services, rank=1).join(hosts, on="key", how="anti")),
        services.select("who"),
    )


def _pods(core: pl.DataFrame) -> pl.DataFrame:
    only = pl.col("container_ids").list.eval(pl.element().str.extract("=(.*)$").unique())
    return core.filter(pl.col("kind") == "Pod").select(
        "namespace",
        pl.col("name").alias("pod"),
        "uid",
        "workload_kind",
        "workload_name",
        "labels",
        pl.when(only.list.len() == 1).then(only.list.first()).alias("only_container"),
        "ips",
        "container_ids",
        "node",
        "since",
        "until",
        pl.concat_str("namespace", pl.lit("/"), "name").alias("who"),
        (pl.col("object").str.json_path_match("$.spec.hostNetwork") == "true").fill_null(value=False).alias("on_host"),
        pl.col("object").str.json_path_match("$.status.hostIP").alias("host_ip"),
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("claim"),
    )


def _ends(pods: pl.DataFrame) -> pl.DataFrame:
    reserved = pl.DataFrame({"identity": [HOST, APISERVER]})
    return pl.concat([pods.select(*_POD), reserved], how="diagonal", rechunk=True)  # rows of one chunk are found fast


def _claims(frame: pl.DataFrame, rank: int) -> pl.DataFrame:
    return frame.with_columns(rank=pl.lit(rank, pl.Int8)).select(*tenures.CLAIMS).cast(tenures.CLAIMS)


def _exploded(frame: pl.DataFrame, rank: int) -> pl.DataFrame:
    return _claims(frame.explode("ips").rename({"ips": "key"}).drop_nulls("key"), rank)


def _of_pods(pods: pl.DataFrame) -> pl.DataFrame:
    """Return the pods' claims on addresses: as told, and before that from when the pod was on its node.

    The kubelet tells a pod's address only after the pod has begun to use it.
    """
    own = pods.filter(~pl.col("on_host")).with_columns(ips=pl.when(pl.col("ips").list.len() > 0).then("ips"))
    later = own.with_columns(
        pl.col("ips").backward_fill().over("who", "uid", order_by="since"),
        pl.when(pl.col("ips").is_not_null())
        .then("since")
        .backward_fill()
        .over("who", "uid", order_by="since")
        .alias("until"),
    )
    foreseen = later.filter(own["ips"].is_null() & pl.col("node").is_not_null())
    return pl.concat([_exploded(own, rank=1), _exploded(foreseen, rank=tenures.FORESEEN)])


def _hosts(core: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    """Return the nodes' claims on addresses, told by themselves or by the pods on them."""
    host = {"who": pl.lit(HOST), "claim": pl.lit(pods.height, pl.UInt32)}
    nodes = core.filter(pl.col("kind") == "Node").with_columns(**host)
    under = pods.rename({"host_ip": "key"}, strict=True).drop_nulls("key").with_columns(**host)
    on = pods.filter("on_host").with_columns(**host)
    return pl.concat([_exploded(nodes, rank=2), _claims(under, rank=2), _exploded(on, rank=2)])


def _apiserver(timed: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    """Return the API server's claims: the Service default/kubernetes, its endpoints, and its static pods."""
    server = {"who": pl.lit(APISERVER), "claim": pl.lit(pods.height + 1, pl.UInt32)}
    own = (pl.col("name") == "kubernetes") | pl.col("labels").list.contains("kubernetes.io/service-name=kubernetes")
    kinds = pl.col("kind").is_in(["Service", "Endpoints", "EndpointSlice"])
    ends = timed.filter(kinds & own & (pl.col("namespace") == "default")).with_columns(**server)
    static = (pl.col("namespace") == "kube-system") & pl.col("labels").list.contains("component=kube-apiserver")
    return pl.concat(
        [_exploded(ends, rank=3), _exploded(pods.filter(static & pl.col("on_host")).with_columns(**server), rank=3)]
    )


def _names(pods: pl.DataFrame) -> pl.DataFrame:
    """Return the pods' claims on their names; a name stays with who had it last until another has it."""
    first = pl.col("since") == pl.col("since").min().over("who")
    return _claims(
        pods.with_columns(
            key=pl.col("who"),
            since=pl.when(first).then(tenures.ALWAYS).otherwise("since"),
            until=pl.lit(tenures.STILL),
        ),
        rank=1,
    )


def _containers(pods: pl.DataFrame) -> pl.DataFrame:
    """Return the containers by the beginning of their ids; a beginning that several share names none."""
    parts = pl.col("container_ids").str.splitn("=", 2)
    return (
        pods.sort("since", maintain_order=True)
        .explode("container_ids")
        .drop_nulls("container_ids")
        .select(
            parts.struct.field("field_0").alias("container_id"),
            parts.struct.field("field_1").alias("container"),
            "claim",
            "who",
        )
        .filter(pl.col("container_id").str.len_chars() >= SHORT_ID)
        .with_columns(short=pl.col("container_id").str.slice(0, SHORT_ID))
        .filter(pl.struct("container_id", "who").n_unique().over("short") == 1)
        .unique("short", keep="last", maintain_order=True)
    )


_CONTAINER = {
    "namespace": "k8s_ns_name",
    "pod": "k8s_pod_name",
    "uid": "k8s_pod_uid",
    "workload_kind": "k8s_workload_kind",
    "workload_name": "k8s_workload_name",
}


def _activity(events: pl.DataFrame, known: Inventory) -> pl.DataFrame:
    """Return the acts with their pods filled in, by the container's id, else by the pod's name."""
    container = events.select(short=pl.col("container_id").str.slice(0, SHORT_ID), told="container_id").join(
        known.containers, on="short", how="left", maintain_order="left"
    )
    same = pl.col("container_id").str.starts_with(pl.col("told")) | pl.col("told").str.starts_with(
        pl.col("container_id")
    )
    container = container.with_columns(pl.when(same).then(pl.col("claim", "container")))
    named = _named(events["k8s_ns_name"], events["k8s_pod_name"], events["time"], known)
    by_id = _agreeing(events, _CONTAINER, container["claim"], known)
    end = _gathered(known.ends, by_id.fill_null(_agreeing(events, _CONTAINER, named, known)))
    only = pl.when(pl.col("container_id").is_null()).then(end["only_container"])
    name = pl.when(by_id.is_not_null()).then(container["container"]).otherwise(only)
    return _filled(events.with_columns(pl.col("container_name").fill_null(name)), _CONTAINER, end)


def _flow(events: pl.DataFrame, known: Inventory) -> pl.DataFrame:
    """Return the flows with both ends filled in, and the Service that was called."""
    events = _side(_side(events, "source", known), "destination", known)
    called = tenures.holders(_asked(events, "destination_ip"), known.services)
    service = _gathered(known.service_names, called)["who"]
    return events.with_columns(pl.col("destination_service").fill_null(service))


def _side(events: pl.DataFrame, side: str, known: Inventory) -> pl.DataFrame:
    """Return the flows with one end filled in, by its address, else by its pod's name."""
    parts = ("namespace", "workload_kind", "workload_name", "labels", "identity")
    columns = {"pod": f"{side}_pod_name", **{part: f"{side}_{part}" for part in parts}}
    held = tenures.holders(_asked(events, f"{side}_ip"), known.addresses)
    named = _named(events[f"{side}_namespace"], events[f"{side}_pod_name"], events["time"], known)
    by_address, by_name = (_agreeing(events, columns, found, known) for found in (held, named))
    return _filled(events, columns, _gathered(known.ends, by_address.fill_null(by_name)))


def _asked(events: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return address and time of each event; IPv6 has many spellings."""
    odd = events[column].drop_nulls().unique()
    spelt = {text: kinds.address(text) for text in odd.filter(odd.str.contains(":", literal=True))}
    return events.select(key=pl.col(column).replace(spelt) if spelt else column, time=pl.col("time").dt.epoch("us"))


def _named(namespace: pl.Series, pod: pl.Series, time: pl.Series, known: Inventory) -> pl.Series:
    """Return the pod of this name at that time."""
    keys = pl.select(pl.concat_str(namespace, pl.lit("/"), pod)).to_series()
    return tenures.holders(pl.DataFrame({"key": keys, "time": time.dt.epoch("us")}), known.names)


def _agreeing(events: pl.DataFrame, columns: Mapping[str, str], found: pl.Series, known: Inventory) -> pl.Series:
    """Return which ends found do not contradict what the events tell; a named pod may have any workload."""
    if found.null_count() == found.len():
        return found
    parts = [part for part in ("namespace", "pod", "identity", "workload_name") if part in columns]
    end = _gathered(known.ends.select(parts), found)
    named = events[columns["pod"]].is_not_null()
    for part in parts:
        told = events[columns[part]]
        if told.null_count() < told.len():
            fits = told.is_null() | (told == end[part]).fill_null(value=False)
            found = _where(fits | named if part == "workload_name" else fits, found)
    return found


def _where(fits: pl.Series, found: pl.Series) -> pl.Series:
    return found.to_frame("found").select(pl.when(fits).then("found")).to_series()


def _gathered(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Return these rows of a frame, a row of nulls where there is none."""
    return frame.select(pl.all().gather(rows))


def _filled(events: pl.DataFrame, columns: Mapping[str, str], end: pl.DataFrame) -> pl.DataFrame:
    """Return the events with what they did not tell; kind and name of a workload are told together or not at all."""
    untold = events[columns["workload_kind"]].is_null() & events[columns["workload_name"]].is_null()
    made = {
        column: pl.when(pl.col(column).is_not_null() | ~untold).then(column).otherwise(end[part])
        if part.startswith("workload")
        else pl.coalesce(column, end[part])
        for part, column in columns.items()
    }
    return events.with_columns(**made)
