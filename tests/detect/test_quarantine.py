"""What an attacker does while we learn is held back: it becomes no habit, until a person says so or days have shown it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import engines, facts
from plimsoll.detect import evidence, quarantine, stories
from plimsoll.learn import profile
from tests import told

THEFT = told.numbered(
    told.request("list secrets", time=told.at(100 + n, days=6), source_ip="203.0.113.9", userAgent="curl/8.5.0")
    for n in range(20)
)
ELSEWHERE = {"source_ip": "203.0.113.9", "userAgent": "curl/8.5.0", "user_pod_uid": None, "user_credential_id": None}


def levels(learned: pl.DataFrame) -> evidence.Levels:
    return evidence.Levels(*map(told.held_in_memory, evidence.levels(engines.of(learned), learned["day"].max() or 0)))  # type: ignore[arg-type]


def held(*rows: told.Row, approved: quarantine.Approved = (), days: int = 10) -> set[tuple[str, str]]:
    """Verb and object of what is held back where these requests were learned besides the pod's habit."""
    learned = told.learned("audit", [*told.habit(days), *rows])
    found = quarantine.held_back(learned, levels, approved)
    return set(found.select("verb", "object").iter_rows())


def test_habit_is_believed():
    assert held() == set()


def test_an_attack_in_the_learning_time_is_held_back_with_place_client_and_deed():
    found = held(*THEFT)
    assert {("request", "list secrets"), ("zone", "external 203.0.0.0/8"), ("agent", "curl")} <= found
    assert ("request", "list pods") not in found
    assert ("at", "203.0.113.9") in found


def test_so_it_is_an_alert_when_it_comes_again_and_was_none_if_believed():
    learned = told.learned("audit", [*told.habit(), *THEFT])
    believed = quarantine.believed(learned, quarantine.held_back(learned, levels))
    again = told.events("audit", [THEFT[0] | {"time": told.at(days=told.LATER)}])
    bits = []
    for known in (believed, learned):
        bench = told.judge_of(known)
        bench.take("audit", again)
        bits.append(max((float(alert["bits"]) for alert in bench.alerts(budget=9)), default=0.0))  # type: ignore[arg-type]
    assert bits[0] >= stories.QUARANTINE > bits[1]


def test_what_came_first_is_believed_for_there_is_nothing_to_hold_it_against():
    assert held(*(row | {"time": told.at(3_600, days=1)} for row in THEFT)) == set()


@pytest.mark.parametrize(("days", "released"), [((6,), False), ((6, 7), False), ((6, 7, 8), True)])
def test_a_new_place_is_habit_on_its_third_day(days, released):
    rows = [told.request("list pods", time=told.at(50, days=day), **ELSEWHERE) for day in days]
    assert (("zone", "external 203.0.0.0/8") not in held(*rows)) is released


def test_a_request_that_attackers_make_is_never_habit_by_itself():
    rows = [told.request("list secrets", time=told.at(50, days=day)) for day in range(5, 10)]
    assert ("request", "list secrets") in held(*rows)


@pytest.mark.parametrize("glob", ["list secrets", "list *"])
def test_a_person_releases_a_request_with_all_that_belongs_to_it(glob):
    rows = [told.request("list secrets", time=told.at(50, days=6))]
    assert held(*rows)
    assert held(*rows, approved=[("sa:shop/*", "request", glob)]) == set()
    assert held(*rows, approved=[("sa:other/*", "request", glob)])


def test_in_a_single_day_only_grave_sessions_are_held_back():
    day = [told.request("list pods", time=told.at(60 * n)) for n in range(300)]
    learned = [*day, told.request("get pods/log", time=told.at(60 * 200))]
    assert quarantine.held_back(told.learned("audit", learned), levels).is_empty()
    theft = [row | {"time": told.at(60 * 200 + n)} for n, row in enumerate(THEFT)]
    assert not quarantine.held_back(told.learned("audit", [*day, *theft]), levels).is_empty()


def test_of_nothing_nothing_is_held_back():
    assert quarantine.held_back(told.learned("audit", []), levels).is_empty()


ROWS = [*told.habit(6), *THEFT, *(told.request("get pods/exec", time=told.at(9, days=day)) for day in (3, 4, 5))]


@given(st.lists(st.integers(0, 3), min_size=len(ROWS), max_size=len(ROWS)), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_shards_in_any_order_and_again_hold_back_what_the_whole_holds_back(shard, chance):
    parts = [
        facts.of("audit", told.events("audit", [row for row, one in zip(ROWS, shard, strict=True) if one == number]))
        for number in range(4)
    ]
    chance.shuffle(parts)
    left, right = (engines.collect(profile.merge([engines.of(part) for part in half])) for half in (parts[:2], parts[2:]))  # fmt: skip
    merged = engines.collect(profile.merge([engines.of(left), engines.of(right)]))
    whole = told.learned("audit", ROWS)
    assert quarantine.held_back(merged, levels).equals(quarantine.held_back(whole, levels))


def test_what_was_new_after_the_warm_up_has_a_score_and_what_came_before_has_none():
    quiet = told.learned("audit", told.habit(10))
    stolen = told.learned("audit", [*told.habit(10), *THEFT])
    assert max((bits for _, bits in quarantine.scores(quiet, levels)), default=0.0) < stories.QUARANTINE
    begun, bits = max(quarantine.scores(stolen, levels), key=lambda one: one[1])
    assert bits > stories.QUARANTINE
    assert begun == told.at(100, days=6)
