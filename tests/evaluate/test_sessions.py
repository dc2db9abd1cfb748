from __future__ import annotations

from datetime import timedelta

import polars as pl

from plimsoll.evaluate import sessions
from tests.told import at, events, numbered, request


def asked(*rows: dict[str, object]) -> pl.DataFrame:
    return sessions.requests(events("audit", rows))


def test_a_request_is_told_in_the_words_of_facts() -> None:
    (row,) = asked(request("list secrets", responseStatus_code=403)).iter_rows(named=True)
    assert row["subject"] == "sa:shop/web"
    assert (row["action"], row["namespace"], row["outcome"]) == ("list secrets", "shop", "denied")
    assert (row["network"], row["product"], row["auditID"]) == ("10.244.1.0/24", "web", "a-0")


def test_a_watch_that_begins_and_ends_is_one_request() -> None:
    watch = request("watch pods", stage="ResponseStarted")
    assert asked(watch, watch | {"stage": "ResponseComplete", "time": at(60)}).height == 1


def test_different_requests_under_one_id_are_several() -> None:
    assert asked(request("get pods"), request("list secrets")).height == 2


def test_what_is_not_yet_answered_is_no_request() -> None:
    assert asked(request(stage="RequestReceived")).height == 0


def test_a_session_is_one_user_network_and_client_for_a_while() -> None:
    rows = numbered(
        [
            request(time=at(0)),
            request(time=at(30)),
            request(time=at(70)),
            request(time=at(30), source_ip="10.9.9.9"),
            request(time=at(30), userAgent="curl/8"),
        ]
    )
    whole = sessions.in_sessions(asked(*rows).with_columns(learning=pl.lit(value=False)), timedelta(minutes=1))
    groups = whole.group_by("session").agg(pl.col("auditID").sort())["auditID"].to_list()
    assert sorted(groups) == [["a-1", "a-2"], ["a-3"], ["a-4"], ["a-5"]]


def test_learning_and_judging_share_no_session() -> None:
    rows = asked(*numbered([request(time=at(0)), request(time=at(1))]))
    both = rows.with_columns(learning=pl.col("auditID") == "a-1")
    assert sessions.in_sessions(both)["session"].n_unique() == 2


def test_where_days_were_learned_a_session_is_an_hour() -> None:
    rows = numbered(
        [request(time=at(0)), request(time=at(120)), request(time=at(days=2)), request(time=at(120, days=2))]
    )
    whole = asked(*rows).with_columns(learning=pl.lit(value=True))
    assert sessions.in_sessions(whole)["session"].n_unique() == 2
    assert sessions.in_sessions(whole.head(2))["session"].n_unique() == 2
