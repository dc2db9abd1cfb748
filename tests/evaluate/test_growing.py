from __future__ import annotations

import polars as pl

from plimsoll.evaluate import growing, labels
from tests.told import at

ATTACK = labels.Scenario("A1", "theft", "alert", frozenset(["x", "y"]))


def log(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"auditID": ids, "time": [at(second) for second in range(len(ids))]})


def test_the_parts_together_are_the_log() -> None:
    parts = list(growing.Watch([ATTACK]).cut(log("a", "x", "b", "x", "y", "c")))
    assert [part["auditID"].to_list() for part in parts] == [["a", "x"], ["b", "x", "y"], ["c"]]


def test_an_attack_is_told_once_with_what_was_seen_of_it_by_then() -> None:
    watch = growing.Watch([ATTACK])
    for part in watch.cut(log("x", "a", "y")):
        watch.take(["x"] if "x" in part["auditID"] else ["y"])
    assert watch.told == {"A1": growing.Told(1, 0.0)}


def test_requests_count_over_batches() -> None:
    watch = growing.Watch([ATTACK])
    for batch in (log("x", "a"), log("b", "y")):
        for _ in watch.cut(batch):
            pass
    watch.take(["y", "somebody else's"])
    assert watch.told["A1"].requests == 2


def test_an_alert_before_any_request_tells_nothing() -> None:
    watch = growing.Watch([ATTACK])
    watch.take(["x"])
    assert watch.told == {}


def test_nothing_gives_no_part() -> None:
    assert list(growing.Watch([ATTACK]).cut(log().cast({"auditID": pl.String}))) == []
