from __future__ import annotations

import sys

import polars as pl
import pytest

from plimsoll import errors
from plimsoll.evaluate import baselines, labels, sessions
from tests.told import Row, at, events, numbered, request

THEFT = request("list secrets", "kube-system", source_ip="198.51.100.9", userAgent="curl/8", time=at(days=8))


def asked(*stolen: Row) -> pl.DataFrame:
    habit = [request("get pods", time=at(days=day, seconds=600 * hour)) for day in range(10) for hour in range(20)]
    rows = sessions.requests(events("audit", numbered([*habit, *stolen])))
    return sessions.in_sessions(rows.with_columns(learning=pl.col("time") < at(days=7)))


def oddest(scored: pl.DataFrame) -> list[str]:
    ranked = scored.filter(~pl.col("learning")).sort("score", descending=True)
    return ranked["auditID"].to_list()[:1]


@pytest.mark.parametrize("one", baselines.BASELINES[:2], ids=lambda one: one.name)
def test_counting_finds_what_is_odd_in_every_way(one: baselines.Baseline) -> None:
    scenario = labels.Scenario("A1", "theft", "alert", frozenset(["a-201"]))
    method = baselines.method(one, asked(THEFT), (1, 5), 3, [scenario])
    assert oddest(one.score(asked(THEFT))) == ["a-201"]
    assert method.found_at["0"] == 1
    assert [at.found for at in method.budgets] == [1, 1]


def test_a_forest_isolates_a_session_unlike_all_others() -> None:
    pytest.importorskip("sklearn")
    usual = [request("list pods", time=at(seconds=600 * hour + 9)) for hour in range(0, 20, 3)]
    burst = [THEFT | {"objectRef_namespace": f"n-{number}"} for number in range(30)]
    (one,) = oddest(baselines.forest(asked(*usual, *burst)))
    assert int(one.removeprefix("a-")) > 207


@pytest.mark.parametrize("one", baselines.BASELINES, ids=lambda one: one.name)
def test_a_baseline_says_the_same_twice(one: baselines.Baseline) -> None:
    if one.score is baselines.forest:
        pytest.importorskip("sklearn")
    assert one.score(asked(THEFT)).equals(one.score(asked(THEFT)))


def test_a_term_is_new_once() -> None:
    scored = baselines.new_terms(asked(THEFT, THEFT | {"time": at(days=8, seconds=600)}))
    assert scored.filter(pl.col("action") == "list secrets")["score"].to_list() == [2.0, 0.0]


def test_rarity_fades_as_a_habit_forms() -> None:
    again = [THEFT | {"time": at(days=8, seconds=60 * number)} for number in range(5)]
    scores = baselines.rarity(asked(*again)).filter(pl.col("action") == "list secrets")["score"].to_list()
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 5


def test_a_session_has_sixteen_features() -> None:
    assert len(baselines.features(asked()).drop("session", "learning").columns) == 16


def test_the_threshold_is_set_on_the_second_half_of_learning() -> None:
    whole = baselines.told(baselines.new_terms(asked()), "sum")
    late, days = baselines.settling(whole.filter(pl.col("learning")))
    assert late["first"].min() > at(days=3)
    assert days == 4
    assert baselines.threshold(late, 1, days) == 0.0


def test_nothing_learned_means_no_threshold() -> None:
    empty = baselines.told(baselines.new_terms(asked().clear()), "sum")
    assert baselines.settling(empty)[1] == 1
    assert baselines.threshold(empty, 5, 1) == float("-inf")


def test_without_scikit_learn_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(errors.UsageError, match="scikit-learn"):
        baselines.forest(asked())
