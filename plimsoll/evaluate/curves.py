"""From alerts and labels to figures: what is found at what price, and how well single requests are ranked."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll.evaluate import labels

PRICES = (0, 1, 3, 5, 10, 20)
"""False alarms that a reader may be willing to pay."""


class Told(NamedTuple):
    """An alert, as far as it is judged here."""

    score: float
    gravest: frozenset[str]
    """The audit ids it is about: an attack is found when one of its own is among them."""
    evidence: frozenset[str]
    """All audit ids it names: it is false when none of them has to do with any scenario."""


class Judged(NamedTuple):
    """An alert beside the labels."""

    score: float
    found: frozenset[str]
    """The names of the attacks it tells of."""
    false: bool


def judged(alerts: Iterable[Told], scenarios: Sequence[labels.Scenario]) -> list[Judged]:
    """Return what each alert is worth, weightiest first.

    >>> attack = labels.Scenario("A1", "theft", "alert", frozenset(["x"]), frozenset(["y"]))
    >>> alerts = [Told(9.0, frozenset(ids), frozenset(ids)) for ids in ("x", "y", "z")]
    >>> [(sorted(one.found), one.false) for one in judged(alerts, [attack])]
    [(['A1'], False), ([], False), ([], True)]
    """
    owner: dict[str, set[str]] = {}
    for one in labels.attacks(scenarios):
        for uid in one.ids:
            owner.setdefault(uid, set()).add(one.name)
    about = owner.keys() | labels.doubtful(scenarios)
    rated = [
        Judged(
            alert.score,
            frozenset(itertools.chain.from_iterable(owner.get(uid, ()) for uid in alert.gravest)),
            about.isdisjoint(alert.evidence),
        )
        for alert in alerts
    ]
    return sorted(rated, key=lambda one: -one.score)


def found(alerts: Iterable[Judged]) -> frozenset[str]:
    """Return the names of the attacks that these alerts tell of."""
    return frozenset[str]().union(*(one.found for one in alerts))


def above(alerts: Sequence[Judged], price: int) -> list[Judged]:
    """Return the alerts above the one false alarm too many; what weighs the same as that one is not above it.

    >>> alerts = [Judged(3.0, frozenset("A"), False), Judged(2.0, frozenset(), True), Judged(2.0, frozenset("B"), False)]
    >>> [sorted(found(above(alerts, price))) for price in (0, 1)]
    [['A'], ['A', 'B']]
    """
    false = sorted((one.score for one in alerts if one.false), reverse=True)
    least = false[price] if len(false) > price else float("-inf")
    return [one for one in alerts if one.score > least]


def curve(alerts: Sequence[Judged], prices: Iterable[int] = PRICES) -> dict[int, int]:
    """Return how many attacks are found for so many false alarms."""
    return {price: len(found(above(alerts, price))) for price in prices}


def price(alerts: Sequence[Judged], name: str) -> int | None:
    """Return how many false alarms one has to read before an attack's first alert; None where it has none.

    A false alarm of the same weight comes first.
    """
    best = max((one.score for one in alerts if name in one.found), default=None)
    return None if best is None else sum(one.false and one.score >= best for one in alerts)


class Ranking(NamedTuple):
    """How well requests are ranked by their score."""

    auc: float | None
    """Chance that an attack's request weighs more than one that is none; equal weights count half."""
    ap: float | None
    """Average precision: mean share of attack among all that weighs at least as much as an attack's request."""


def ranking(scored: pl.DataFrame) -> Ranking:
    """Return how well the column `score` tells the requests with `attack` from the others; None without both kinds.

    >>> ranking(pl.DataFrame({"score": [3.0, 2.0, 1.0, 1.0], "attack": [True, False, True, False]}))
    Ranking(auc=0.625, ap=0.75)
    """
    good, bad = pl.col("good"), pl.col("bad")
    above = good.cum_sum() + bad.cum_sum()
    levels = (
        scored.group_by("score")
        .agg(good=pl.col("attack").sum().cast(pl.Float64), bad=(~pl.col("attack")).sum().cast(pl.Float64))
        .sort("score", descending=True)
        .select(
            "good", "bad", beaten=good * (bad.sum() - bad.cum_sum() + bad / 2), precise=good * good.cum_sum() / above
        )
        .sum()
    )
    if levels.is_empty() or not levels["good"].item() or not levels["bad"].item():
        return Ranking(None, None)
    share = levels.select(auc=pl.col("beaten") / (good * bad), ap=pl.col("precise") / good)
    return Ranking(round(float(share["auc"].item()), 6), round(float(share["ap"].item()), 6))
