"""Repeats of what an open case told are counted in it, as long as they are the same and their case waits."""

from __future__ import annotations

import pytest

from plimsoll.triage import explain, folding, gates, reading
from plimsoll.triage.memory import Case
from plimsoll.triage.scoring import Judgement
from tests.triage import told
from tests.triage.told import DAY, START

BURST = Judgement(False, "shown", (gates.BURST,), ("HIST",), (), 3.0, 0.9, (), known=True)


def case(**more):
    plain = {"kind": "signature", "title": "t", "workload": "w", "actor": "", "severity": "low"}
    return Case(id="c", first=START, last=START, **(plain | more))


def seen(time=START, **row):
    return reading.of(told.noise(time, **row))


def folded(waiting, judgement=BURST, number=folding.TOLD + 5, **row):
    return sum(folding.folds(waiting, seen(START + at, **row), judgement) for at in range(number))


def test_the_first_are_told_and_the_rest_is_counted():
    waiting = case()
    assert folded(waiting) == 5
    assert waiting.folded_since == START + folding.TOLD


def test_another_day_they_are_told_again():
    waiting = case()
    assert folded(waiting) == 5
    assert not folding.folds(waiting, seen(START + DAY), BURST)


@pytest.mark.parametrize("state", ["muted", "judged", "closed"])
def test_nothing_is_folded_into_a_case_that_does_not_wait(state):
    assert folded(case(state=state)) == 0


@pytest.mark.parametrize("kind", ["session", "audit"])
def test_nothing_is_folded_into_sessions_and_audits(kind):
    assert folded(case(kind=kind)) == 0


@pytest.mark.parametrize("gate", [gates.GUARDED, gates.BLIND, gates.CONTROL, gates.STALE, gates.WARNED])
def test_other_gates_are_told_every_time(gate):
    assert folded(case(), BURST._replace(gates=(gates.BURST, gate))) == 0


def test_what_verdicts_did_not_call_harmless_is_told_every_time():
    assert folded(case(), BURST._replace(known=False)) == 0


def test_more_kinds_than_a_case_tells_apart_are_told():
    waiting = case()
    others = [seen(pod=f"a/{number}") for number in range(folding.MOST_ALIKE)]
    assert not any(folding.folds(waiting, one, BURST) for one in others)
    assert folded(waiting, pod="a/one-more") == 0
    assert len(waiting.told) == folding.MOST_ALIKE


def test_what_differs_in_its_time_alone_is_alike():
    assert folding.likeness(seen()) == folding.likeness(seen(START + DAY, id="other"))
    assert folding.likeness(seen()) != folding.likeness(seen(digest="sha256:other"))


def test_a_repeat_says_where_it_is_told_and_counts_there():
    judge = told.quiet()
    rows = [told.noise(START + at * 1_000_000) for at in range(200)]
    *_, last = told.take(judge, *rows)
    words = explain.why(last, judge.scorer)
    assert "told already" in words[0]
    assert gates.BURST.name in words[-1]
    assert explain.suppression(last, judge.scorer, None)["state"] == "folded"
    assert judge.memory.cases[last.case].samples
    assert sum(one.count for one in judge.memory.cases.values()) == 200 + 4
