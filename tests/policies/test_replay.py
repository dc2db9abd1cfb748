"""Recorded flows against policies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.policies import network, replay
from tests.policies import clusters


def pod(name: str, ip: str, **ports: int) -> clusters.Document:
    told = [{"name": key, "containerPort": number, "protocol": "TCP"} for key, number in ports.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "ports": told}]},
        "status": {"podIP": ip},
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "db", "namespace": "shop"},
    "spec": {"selector": {"app": "db"}, "ports": [{"port": 5432, "targetPort": "sql"}]},
}
POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "db", "namespace": "shop"},
    "spec": {
        "podSelector": {"matchLabels": {"app": "db"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "sql"}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
    },
}
OBJECTS = clusters.frame(
    [pod("web", "10.0.0.1"), pod("job", "10.0.0.2"), pod("db", "10.0.0.3", sql=6432), SERVICE, POLICY]
)


def end(side: str, name: str | None, **rest: Any) -> dict[str, Any]:
    if name is None:
        return {f"{side}_{key}": value for key, value in rest.items()}
    told = {
        "namespace": "shop",
        "workload_kind": "Pod",
        "workload_name": name,
        "pod_name": name,
        "labels": [f"app={name}"],
    }
    return {f"{side}_{key}": value for key, value in (told | rest).items()}


def flow(source: dict[str, Any], destination: dict[str, Any], port: int, **rest: Any) -> dict[str, Any]:
    told = {
        "verdict": "FORWARDED",
        "is_reply": False,
        "l4_protocol": "TCP",
        "destination_port": port,
        "source_port": 40000,
    }
    return {"time": datetime(2026, 11, 24, tzinfo=UTC), **told, **source, **destination, **rest}


def replayed(*flows: dict[str, Any]) -> replay.Replayed:
    events = frames.of_rows(tables.FLOW, [{**one, "time": int(one["time"].timestamp() * 1e6)} for one in flows])
    connections = replay.added([replay.of(events), replay.of(events.clear())])
    return replay.replayed(connections, network.read(OBJECTS), replay.known(OBJECTS))


DB = end("destination", "db")


def test_what_is_allowed_is_counted_and_what_is_not_is_told_with_its_reason() -> None:
    found = replayed(
        flow(end("source", "web"), DB, 6432, count=5),
        flow(end("source", "job"), DB, 6432, count=2),
        flow(end("source", "job"), DB, 6432),
    )
    assert found.allowed == 5
    (denied,) = found.denied
    assert (denied.src, denied.dst, denied.port, denied.times) == ("shop/job[Pod]", "shop/db[Pod]", 6432, 3)
    assert (denied.verdict.way, denied.verdict.cause) == ("ingress", "peer")
    assert "no ingress rule from shop/job[Pod] on TCP 6432" in str(denied.as_row()["why"])


def test_a_flow_to_a_service_is_judged_at_the_pods_behind_it() -> None:
    service = end("destination", None, service="shop/db", ip="10.96.0.5")
    assert replayed(flow(end("source", "web"), service, 5432)).allowed == 1
    (denied,) = replayed(flow(end("source", "job"), service, 5432)).denied
    assert (denied.dst, denied.port) == ("shop/db[Pod]", 5432)
    unknown = end("destination", None, service="shop/gone", ip="10.96.0.6")
    assert replayed(flow(end("source", "web"), unknown, 80)).unjudged == {
        "no pods known behind the Service shop/gone": 1
    }


def test_outside_addresses_are_judged_by_blocks() -> None:
    source = end("source", "db")
    assert replayed(flow(source, end("destination", None, ip="192.0.2.9"), 443)).allowed == 1
    (denied,) = replayed(flow(source, end("destination", None, ip="198.51.100.9", identity="world"), 443)).denied
    assert denied.dst == "198.51.100.9-198.51.100.9[External]"
    assert replayed(flow(source, end("destination", None, identity="world"), 443)).unjudged == {
        "no address of world": 1
    }


def test_a_node_reaches_its_pods_whatever_the_policies() -> None:
    assert replayed(flow(end("source", None, identity="host", ip="192.168.0.1"), DB, 6432)).allowed == 1


def test_replies_and_what_was_denied_already_are_not_asked() -> None:
    job = end("source", "job")
    found = replayed(flow(job, DB, 6432, verdict="DROPPED"), flow(job, DB, 6432, is_reply=True))
    assert found == replay.Replayed([], 0, {})


def test_labels_that_nobody_knows_cannot_be_judged() -> None:
    stranger = end("source", "stranger") | {"source_labels": None}
    assert list(replayed(flow(stranger, DB, 6432)).unjudged) == ["labels of shop/Pod/stranger are not known"]
    assert replayed(flow(end("source", "web") | {"source_labels": None}, DB, 6432)).allowed == 1


def test_connections_counted_in_parts_are_counted_once() -> None:
    events = frames.of_rows(tables.FLOW, [{**flow(end("source", "job"), DB, 6432), "time": 0}] * 3)
    whole = replay.of(events)
    parts = replay.added([replay.of(events[:1]), replay.of(events[1:])])
    assert isinstance(whole, pl.DataFrame)
    assert whole.to_dicts() == parts.to_dicts()


def test_named_ports_are_those_of_pods_that_are_gone_too() -> None:
    gone = pl.col("kind") == "Pod"
    objects = OBJECTS.with_columns(
        until=pl.when(gone).then(datetime(2026, 11, 25, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
        workload_kind=pl.when(gone).then(pl.lit("Deployment")),
        workload_name=pl.when(gone).then("name"),
    )
    (db,) = (one for one in replay.known(objects).workloads if one.name == "db")
    assert (db.kind, db.ports[0].number) == ("Deployment", 6432)
