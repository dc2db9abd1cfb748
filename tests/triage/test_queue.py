"""Which case comes first, and which belong together."""

from __future__ import annotations

from plimsoll.triage import gates, queue
from plimsoll.triage.memory import Case
from tests.triage.told import START


def case(id_="c", *, first=START, last=START, **more):
    plain = {"kind": "signature", "title": "t", "workload": "w", "actor": "", "severity": "low"}
    return Case(id=id_, first=first, last=last, **(plain | more))


def order(*cases):
    return [one.case.id for one in queue.queue(cases)]


def test_only_open_cases_wait():
    assert order(case("a", state="muted"), case("b"), case("c", state="judged"), case("d", state="closed")) == ["b"]


def test_the_graver_comes_first():
    assert order(case("a"), case("b", severity="critical"), case("c", severity="high")) == ["b", "c", "a"]


def test_an_audit_of_what_is_surely_harmless_comes_after_what_nobody_answered_yet():
    assert order(case("a", kind="audit", severity="medium", z=3.0), case("b")) == ["b", "a"]
    assert order(case("a", kind="audit", severity="medium", z=-1.0), case("b")) == ["a", "b"]


def test_an_audit_near_something_loud_is_as_pressing_as_any_case():
    assert order(case("a", kind="audit", severity="medium", z=3.0, resurfaced="chain"), case("b")) == ["a", "b"]
    assert order(case("a", kind="audit", severity="medium", z=3.0, reasons=[gates.CHAINED.name]), case("b")) == [
        "a",
        "b",
    ]


def test_what_nothing_excuses_comes_before_what_is_only_new():
    assert order(case("a"), case("b", reasons=[gates.GUARDED.name])) == ["b", "a"]


def test_what_became_loud_again_comes_before_what_is_only_new():
    assert order(case("a", count=9), case("b", resurfaced="G2 chain")) == ["b", "a"]


def test_what_goes_on_for_hours_comes_before_what_happened_once():
    assert order(case("a", count=50, hours=1), case("b", count=50, hours=20)) == ["b", "a"]


def test_what_verdicts_said_all_of_comes_behind_what_they_did_not():
    assert order(case("a", count=900, severity="critical", wanting=False), case("b")) == ["b", "a"]
