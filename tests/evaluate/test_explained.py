from __future__ import annotations

import polars as pl

from plimsoll.evaluate import explained, labels, sessions
from tests.told import at, events, numbered, request


def injected(*stolen: dict[str, object], words: tuple[str, ...] = ()) -> frozenset[str]:
    habit = [request("get pods", time=at(seconds=hour)) for hour in range(3)]
    rows = sessions.requests(events("audit", numbered([*habit, *stolen])))
    own = frozenset(f"a-{number}" for number in range(4, 4 + len(stolen)))
    asked = rows.with_columns(learning=~pl.col("auditID").is_in(own))
    return explained.injected(asked, labels.Scenario("A1", "theft", "alert", own, injected=words))


def test_labels_may_say_what_was_injected() -> None:
    assert injected(request("list secrets"), words=("secrets", "curl")) == {"secrets", "curl"}


def test_else_it_is_what_the_user_never_showed_before() -> None:
    stolen = request("list secrets", source_ip="198.51.100.9", userAgent="curl/8.5.0", time=at(days=1))
    assert injected(stolen) == {"list secrets", "198.51.100.9", "198.51.100.0/24", "curl", "8.5"}


def test_else_it_is_what_was_asked_for() -> None:
    assert injected(request("get pods", time=at(days=1))) == {"get pods"}


def test_only_the_first_two_reasons_count() -> None:
    assert explained.names(["`list secrets` is new", "client curl is new"], frozenset(["curl"]))
    assert not explained.names(["one", "two", "client curl is new"], frozenset(["curl"]))
    assert not explained.names([], frozenset(["curl"]))
