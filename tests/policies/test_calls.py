"""Edges become calls between ends that are known."""

from __future__ import annotations

from typing import Any

from plimsoll.policies import blocks, calls
from plimsoll.policies.templates import Key
from tests.policies import flows
from tests.policies.flows import REDIS, SHOP, WEB, flow


def read(edge: dict[str, Any], *objects: dict[str, Any]) -> tuple[list[calls.Call], int]:
    reading = calls.Reading(flows.cluster(*SHOP, *objects))
    found = [call for row in calls.whole(flows.seen(edge)).iter_rows(named=True) for call in reading.calls(row)]
    return found, reading.unattributed


def test_a_service_is_the_pods_behind_it_at_their_own_port() -> None:
    edge = flow(WEB, "10.96.0.9", 80, destination_service="shop/redis")
    (call,), left = read(edge, flows.service("shop", "redis", {"app": "redis"}, (80, "redis")))
    assert (call.destination, call.port, left) == (Key(*REDIS), 6379, 0)


def test_a_service_without_selector_is_the_address_that_was_called() -> None:
    edge = flow(WEB, "203.0.113.7", 80, destination_service="shop/outer")
    (call,), _ = read(edge, flows.service("shop", "outer", None, (80, 80)))
    assert call.destination == blocks.address("203.0.113.7")


def test_the_address_of_a_pod_that_nobody_had_is_counted_and_left_out() -> None:
    assert read(flow("10.1.0.7", WEB, 80, count=3)) == ([], 3)
    assert read(flow(WEB, "10.1.0.7", 80, count=4)) == ([], 4)


def test_an_edge_of_many_days_is_one_call() -> None:
    days = [flow(WEB, REDIS, 6379, time=flows.NOON.replace(day=day)) for day in (1, 2, 9)]
    (row,) = calls.whole(flows.seen(*days)).iter_rows(named=True)
    assert (row["count"], len(row["days"])) == (3, 3)


def test_edges_with_an_end_that_nobody_had_are_left_out_whole() -> None:
    seen = flows.seen(flow("10.1.0.7", WEB, 80), flow(WEB, REDIS, 6379))
    assert calls.attributed(seen, flows.cluster(*SHOP))["destination_port"].to_list() == [6379]


def test_a_port_is_open_to_the_world_by_the_service_that_leads_to_it() -> None:
    public = flows.service("shop", "web", {"app": "web"}, (80, "http"), type="NodePort")
    cluster = flows.cluster(*SHOP, public, flows.service("shop", "in", {"app": "web"}, (81, 81)))
    opened = [calls.opened(cluster, Key(*WEB), *at) for at in (("TCP", 8080), ("TCP", 81), ("UDP", 8080))]
    assert [one and one.name for one in opened] == ["web", None, None]
