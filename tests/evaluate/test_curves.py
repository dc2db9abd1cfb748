from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.evaluate import curves, labels

ATTACK = labels.Scenario("A1", "theft", "alert", frozenset("xy"), frozenset("z"))
REVIEW = labels.Scenario("D1", "drift", "review", frozenset("r"))
CHANGE = labels.Scenario("D2", "drift", "no-alert", frozenset("c"))
judged = st.builds(
    curves.Judged, st.integers(0, 5).map(float), st.frozensets(st.sampled_from("ABC"), max_size=1), st.booleans()
)


def told(score: float, *evidence: str, gravest: int = 3) -> curves.Told:
    return curves.Told(score, frozenset(evidence[:gravest]), frozenset(evidence))


def test_an_attack_is_found_by_what_an_alert_is_about() -> None:
    rated = curves.judged([told(9, "a", "b", "c2", "x"), told(8, "y", "a")], [ATTACK])
    assert [(set(one.found), one.false) for one in rated] == [(set(), False), ({"A1"}, False)]


def test_an_alert_on_a_benign_change_is_false_and_one_on_a_consequence_or_for_review_is_nothing() -> None:
    rated = curves.judged([told(3, "z"), told(2, "r"), told(1, "c")], [ATTACK, REVIEW, CHANGE])
    assert [(set(one.found), one.false) for one in rated] == [(set(), False), (set(), False), (set(), True)]


def test_an_attack_costs_the_false_alarms_that_weigh_as_much_or_more() -> None:
    alerts = [
        curves.Judged(3.0, frozenset(), True),
        curves.Judged(2.0, frozenset("A"), False),
        curves.Judged(2.0, frozenset(), True),
        curves.Judged(1.0, frozenset(), True),
    ]
    assert curves.price(alerts, "A") == 2
    assert curves.price(alerts, "B") is None
    assert curves.curve(alerts, (0, 1, 2, 3)) == {0: 0, 1: 0, 2: 1, 3: 1}


@given(st.lists(judged))
def test_paying_more_never_finds_less(alerts: list[curves.Judged]) -> None:
    counts = list(curves.curve(alerts).values())
    assert counts == sorted(counts)


@given(st.lists(judged))
def test_price_and_curve_say_the_same(alerts: list[curves.Judged]) -> None:
    for price in range(4):
        found = {name for name in "ABC" if (cost := curves.price(alerts, name)) is not None and cost <= price}
        assert curves.found(curves.above(alerts, price)) == found


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=60))
def test_the_ranking_is_that_of_the_textbook(rows: list[tuple[int, bool]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    scores, marks = [float(score) for score, _ in rows], [mark for _, mark in rows]
    ranking = curves.ranking(pl.DataFrame({"score": scores, "attack": marks}))
    if len(set(marks)) < 2:
        assert ranking == (None, None)
    else:
        assert ranking.auc == pytest.approx(metrics.roc_auc_score(marks, scores), abs=1e-6)
        assert ranking.ap == pytest.approx(metrics.average_precision_score(marks, scores), abs=1e-6)


def test_nothing_has_no_ranking() -> None:
    assert curves.ranking(pl.DataFrame({"score": [], "attack": []}, {"score": pl.Float64, "attack": pl.Boolean})) == (
        None,
        None,
    )
