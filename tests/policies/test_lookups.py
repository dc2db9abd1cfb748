"""Names that addresses were resolved from."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.policies import edges, lookups
from tests.policies import flows
from tests.policies.flows import NOON, REDIS, WEB, flow

ADDRESS = "203.0.113.7"


def at(minute: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minute)


def answer(asker: tuple[str, str, str], name: str, minute: int) -> dict[str, Any]:
    """What an answer of DNS is in the stream of flows: a reply without ports that names an address."""
    found = flow(asker, ADDRESS, 0, time=at(minute), is_reply=True, destination_names=[name])
    return {**found, "destination_port": None, "l4_protocol": None}


def told(*answers: dict[str, Any]) -> pl.DataFrame:
    return lookups.of_flows(flows.events(*answers))


def names(events: pl.DataFrame, known: pl.DataFrame) -> list[list[str] | None]:
    return lookups.fill_flows(events, known)["destination_names"].to_list()


def test_a_later_connection_has_the_name_and_an_earlier_one_has_none() -> None:
    calls = flows.events(*[flow(WEB, ADDRESS, 443, time=at(minute)) for minute in (1, 3)])
    assert names(calls, told(answer(WEB, "API.example.com.", 2))) == [None, ["api.example.com"]]


def test_what_was_told_to_the_caller_goes_before_what_was_told_to_others() -> None:
    known = told(answer(WEB, "a.example.com", 1), answer(REDIS, "b.example.com", 2))
    calls = flows.events(*[flow(who, ADDRESS, 443, time=at(3)) for who in (WEB, REDIS, ("shop", "Pod", "x"))])
    assert names(calls, known) == [["a.example.com"], ["b.example.com"], ["b.example.com"]]


def test_the_last_name_before_is_taken() -> None:
    known = told(answer(WEB, "old.example.com", 1), answer(WEB, "new.example.com", 5))
    calls = flows.events(*[flow(WEB, ADDRESS, 443, time=at(minute)) for minute in (3, 6)])
    assert names(calls, known) == [["old.example.com"], ["new.example.com"]]


def test_a_name_that_a_flow_tells_itself_stays_and_pods_and_services_have_none() -> None:
    known = told(answer(WEB, "api.example.com", 1))
    calls = flows.events(
        flow(WEB, ADDRESS, 443, time=at(3), destination_names=["own.example.com"]),
        flow(WEB, ADDRESS, 443, time=at(3), destination_service="shop/redis"),
        flow(WEB, REDIS, 6379, time=at(3), destination_ip=ADDRESS),
    )
    assert names(calls, known) == [["own.example.com"], None, None]


def test_an_answer_is_no_edge() -> None:
    assert edges.of(flows.events(answer(WEB, "api.example.com", 1))).is_empty()


def test_edges_are_named_by_their_last_connection() -> None:
    found = edges.of(flows.events(*[flow(WEB, ADDRESS, 443, time=at(minute)) for minute in (1, 3)]))
    assert lookups.fill(found, told(answer(WEB, "api.example.com", 2)))["name"].to_list() == ["api.example.com"]
    assert lookups.fill(found, told(answer(WEB, "api.example.com", 4)))["name"].to_list() == [None]


def test_acts_that_name_an_address_tell_it() -> None:
    act = {"time": NOON, "evt_type": "dns_answer", "fd_sip": ADDRESS, "fd_sip_name": "api.example.com"}
    acts = frames.of_rows(tables.ACTIVITY, [{**act, "k8s_ns_name": "shop"}, {"time": NOON, "evt_type": "execve"}])
    assert lookups.of_activity(acts).select("source_namespace", "name").rows() == [("shop", "api.example.com")]
    assert lookups.of_activity(acts[1:]).is_empty()


def test_what_was_told_in_parts_is_what_was_told_at_once() -> None:
    answers = [answer(who, "a.example.com", minute) for minute in range(5) for who in (WEB, REDIS)]
    whole = lookups.added([told(*answers)])
    parts = lookups.added([lookups.added([told(*answers[:3])]), told(*answers[3:])])
    assert whole.sort(whole.columns).equals(parts.sort(parts.columns))
    assert whole.height == 4


def test_nothing_told_leaves_all_as_it_was() -> None:
    calls = flows.events(flow(WEB, ADDRESS, 443))
    assert lookups.fill_flows(calls, lookups.added([])).equals(calls)
    assert lookups.name(calls, lookups.added([]), "time").to_list() == [None]
