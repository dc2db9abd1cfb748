"""Flows become edges: who opened connections to whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import edges
from tests.policies import flows
from tests.policies.flows import REDIS, WEB, flow


def test_equal_connections_are_one_edge() -> None:
    (edge,) = flows.seen(flow(WEB, REDIS, 6379), flow(WEB, REDIS, 6379, source_port=40001)).to_dicts()
    assert (edge["source_workload_name"], edge["destination_workload_name"], edge["count"]) == ("web", "redis", 2)


def test_the_count_of_a_row_that_stands_for_many_is_kept() -> None:
    assert flows.seen(flow(WEB, REDIS, 6379, count=40), flow(WEB, REDIS, 6379, count=None))["count"].to_list() == [41]


def test_a_workloads_addresses_are_forgotten_and_an_outsiders_kept() -> None:
    (edge,) = flows.seen(flow(WEB, "203.0.113.7", 443, source_ip="10.1.0.5")).to_dicts()
    assert (edge["source_ip"], edge["destination_ip"]) == (None, "203.0.113.7")


def test_answers_and_what_was_stopped_teach_nothing() -> None:
    stopped = [flow(WEB, REDIS, 6379, is_reply=True), flow(WEB, REDIS, 6379, verdict="DROPPED")]
    assert flows.seen(*stopped, flow(WEB, REDIS, 8, "ICMP"), flow(WEB, REDIS, 6379, time=None)).is_empty()


def test_where_nobody_says_who_opened_the_low_port_serves() -> None:
    answer = flow(REDIS, WEB, 40_000, source_port=6379, is_reply=None)
    (edge,) = flows.seen(answer).to_dicts()
    assert (edge["source_workload_name"], edge["destination_workload_name"], edge["destination_port"]) == (
        "web",
        "redis",
        6379,
    )


def test_a_pod_that_nobody_owns_is_what_its_name_looks_like() -> None:
    lone = flow("10.1.0.5", REDIS, 6379, source_pod_name="web-7d9c5b8f6d-x2k4q", source_namespace="shop")
    (edge,) = flows.seen(lone).to_dicts()
    assert (edge["source_workload_kind"], edge["source_workload_name"], edge["source_ip"]) == (
        "Deployment",
        "web",
        None,
    )


def test_labels_are_remembered_once() -> None:
    told = [flow(WEB, REDIS, 6379, source_labels=["app=web"]) for _ in range(3)]
    assert edges.labels_of(flows.events(*told)).rows() == [("shop", "Deployment", "web", ["app=web"])]


@given(
    st.lists(st.tuples(st.sampled_from([WEB, REDIS, "203.0.113.7"]), st.sampled_from([80, 443])), max_size=12),
    st.data(),
)
def test_counting_in_parts_is_counting_at_once(calls: list[tuple[flows.End, int]], data: st.DataObject) -> None:
    rows = [flow(WEB, end, port) for end, port in calls]
    cut = data.draw(st.integers(0, len(rows)))
    parts = edges.added([flows.seen(*rows[:cut]), flows.seen(*rows[cut:])])
    assert parts.sort(edges.KEYS).equals(flows.seen(*rows).sort(edges.KEYS))
