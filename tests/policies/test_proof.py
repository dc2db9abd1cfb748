"""Edges as connections."""

from __future__ import annotations

from plimsoll import frames, tables
from plimsoll.policies import proof, replay
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow


def test_each_edge_is_one_connection_between_pods_with_their_labels() -> None:
    told = replay.known(frames.of_rows(tables.OBJECTS, SHOP))
    seen = flows.seen(flow(WEB, REDIS, 6379, count=3), flow(WEB, REDIS, 6379, count=4))
    (row,) = proof.connections(seen, flows.cluster(*SHOP), told).iter_rows(named=True)
    assert row["count"] == 7
    assert row["destination_labels"] == ["app=redis"]
    assert row["source_pod_name"] is None


def test_rows_stay_in_their_order() -> None:
    told = replay.known(frames.of_rows(tables.OBJECTS, SHOP))
    seen = flows.seen(*[flow(WEB, REDIS, port) for port in (3, 1, 2)])
    with_labels = proof.with_labels(seen, flows.cluster(*SHOP), told)
    assert with_labels["destination_port"].to_list() == seen["destination_port"].to_list()
