"""Which case comes first, and which belong together."""

from __future__ import annotations

from plimsoll.triage import gates, queue
from plimsoll.triage.memory import Case
from tests.triage.told import HOUR, MINUTE, START


def case(id_="c", *, first=START, last=START, **more):
    plain = {"kind": "signature", "title": "t", "workload": "w", "actor": "", "severity": "low"}
    return Case(id=id_, first=first, last=last, **(plain | more))


def order(*cases):
    return [one.case.id for one in queue.queue(cases)]


def test_only_open_cases_wait():
    assert order(case("a", state="muted"), case("b"), case("c", state="judged"), case("d", state="closed")) == ["b"]


def test_the_graver_comes_first():
    assert order(case("a"), case("b", severity="critical"), case("c", severity="high")) == ["b", "c", "a"]


def test_what_nothing_excuses_comes_before_what_is_only_new():
    assert order(case("a"), case("b", reasons=[gates.GUARDED.name])) == ["b", "a"]


def test_what_became_loud_again_comes_before_what_is_only_new():
    assert order(case("a", count=9), case("b", resurfaced="G2 chain")) == ["b", "a"]


def test_what_goes_on_for_hours_comes_before_what_happened_once():
    assert order(case("a", count=50, hours=1), case("b", count=50, hours=20)) == ["b", "a"]


def test_cases_of_one_pod_at_one_time_are_one_incident():
    one = case("a", entities=["pod"])
    soon = case("b", first=START + 10 * MINUTE, last=START + 10 * MINUTE, entities=["pod", "actor:bob"])
    of_bob = case("c", first=START + 20 * MINUTE, last=START + 20 * MINUTE, entities=["actor:bob"])
    late = case("d", first=START + 3 * HOUR, last=START + 3 * HOUR, entities=["pod"])
    assert queue.incidents([one, soon, of_bob, late]) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_a_long_case_joins_what_falls_into_it():
    long = case("a", first=START - 9 * HOUR, last=START + HOUR, entities=["pod"])
    short = case("b", first=START - 8 * HOUR, last=START - 8 * HOUR, entities=["pod"])
    inside = case("c", entities=["pod"])
    assert set(queue.incidents([long, short, inside]).values()) == {"a"}


def test_what_verdicts_said_all_of_comes_behind_what_they_did_not():
    assert order(case("a", count=900, severity="critical", wanting=False), case("b")) == ["b", "a"]
