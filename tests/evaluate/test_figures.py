from __future__ import annotations

import polars as pl

from plimsoll.evaluate import curves, figures, growing, labels, sessions
from tests.told import at, events, numbered, request

ATTACK = labels.Scenario("A1", "theft", "alert", frozenset(["a-3", "a-4"]))
MISSED = labels.Scenario("A2", "theft", "alert", frozenset(["a-9"]))
REVIEW = labels.Scenario("D1", "drift", "review", frozenset(["a-2"]))
TOLD = {
    "bits": 12.5, "evidence": ["a-4", "a-1"], "why": ["client curl is new", "b", "c"], "time": at(), "subject": "sa:shop/web",
    "title": "theft",
}  # fmt: skip
FALSE = TOLD | {"bits": 9.0, "evidence": ["a-1"], "title": "nothing"}


def asked() -> pl.DataFrame:
    rows = [request("get pods", time=at(second)) for second in range(2)]
    rows += [request("list secrets", userAgent="curl/8", time=at(second)) for second in (100, 101)]
    whole = sessions.requests(events("audit", numbered(rows)))
    return whole.with_columns(learning=pl.col("auditID") == "a-1")


def test_each_attack_has_its_row() -> None:
    found, missed = figures.attacks(
        [TOLD, FALSE], {1: [TOLD], 5: [TOLD, FALSE]}, {"A1": growing.Told(2, 1.0)}, asked(), [ATTACK, MISSED]
    )
    assert (found.id, found.bits, found.found_at_budgets, found.false_before) == ("A1", 12.5, (1, 5), 0)
    assert (found.logged, found.requests, found.seconds, found.named) == (2, 2, 1.0, True)
    assert found.why == ("client curl is new", "b")
    assert (missed.bits, missed.found_at_budgets, missed.requests, missed.named) == (None, (), None, None)


def test_false_alarms_are_told_with_their_evidence() -> None:
    (one,) = figures.false_alarms([TOLD, FALSE], [ATTACK])
    assert (one.bits, one.title, one.evidence) == (9.0, "nothing", ("a-1",))


def test_what_is_neither_attack_nor_habit_is_not_ranked() -> None:
    marked = figures.marked(asked(), [ATTACK, REVIEW])
    assert sorted(marked.select("auditID", "attack").rows()) == [("a-1", False), ("a-3", True), ("a-4", True)]


def test_the_score_of_an_act_is_that_of_each_of_its_requests() -> None:
    acts = pl.DataFrame({"auditID": ["a-3"], "subject": ["sa:shop/web"], "score": [7.0]})
    kind = asked()["kind"][0]
    usual = pl.DataFrame({"kind": [kind], "subject": ["sa:shop/web"], "score": [-4.0]})
    habit = figures.spread(acts, usual, asked()).filter(pl.col("kind") == kind)
    assert set(habit["score"]) == {-4.0}
    scored = figures.spread(acts, usual.clear(), asked())
    assert dict(scored.select("auditID", "score").rows()) == {
        "a-1": figures.UNNOTICED, "a-2": figures.UNNOTICED, "a-3": 7.0, "a-4": 7.0,
    }  # fmt: skip


def test_a_budget_has_its_price() -> None:
    rated = figures.rated([TOLD, FALSE], [ATTACK])
    at_one = figures.budgeted(1, rated, benign=3, days=2)
    assert (at_one.alerts, at_one.found, at_one.false, at_one.benign_per_day) == (2, 1, 1, 1.5)


def test_poison_is_measured_beside_what_was_found_without() -> None:
    rated = figures.rated([TOLD, FALSE], [ATTACK])
    budgets = [figures.budgeted(1, rated)]
    clean = figures.method("plimsoll", rated, budgets, asked().with_columns(score=pl.lit(0.0)), [ATTACK])
    nothing = [figures.budgeted(1, list[curves.Judged]())]
    assert figures.poisoned(20, rated, budgets, clean).kept == {"1": 1.0}
    assert figures.poisoned(20, [], nothing, clean).kept == {"1": 0.0}
