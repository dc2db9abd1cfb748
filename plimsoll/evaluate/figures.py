"""Alerts and labels in, figures out: what is said of Plimsoll's own alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from plimsoll.evaluate import curves, explained, growing, labels, report

Alert = Mapping[str, Any]
GRAVEST = 3
"""Pieces of evidence that an alert is about."""
MINUTE = pl.col("time").dt.truncate("1m").alias("minute")
UNNOTICED = -99.0
"""Score of a request of which nothing was weighed: less than of any that was."""


def rated(alerts: Sequence[Alert], scenarios: Sequence[labels.Scenario]) -> list[curves.Judged]:
    """Return what alerts (tables.ALERTS) are worth, weightiest first."""
    told = [
        curves.Told(float(one["bits"]), frozenset(one["evidence"][:GRAVEST]), frozenset(one["evidence"]))
        for one in alerts
    ]
    return curves.judged(told, scenarios)


def budgeted(budget: int, alerts: Sequence[curves.Judged], benign: int | None = None, days: int = 1) -> report.Budgeted:
    """Return what a budget brings: `benign` are the alerts where the attacks never happened, as far as measured."""
    a_day = None if benign is None else round(benign / days, 2)
    return report.Budgeted(budget, len(alerts), len(curves.found(alerts)), sum(one.false for one in alerts), a_day)


def method(
    name: str,
    alerts: Sequence[curves.Judged],
    budgets: Sequence[report.Budgeted],
    scored: pl.DataFrame,
    scenarios: Sequence[labels.Scenario],
) -> report.Method:
    """Return the figures of a method from its alerts, and from its requests with their `score`."""
    ranking = curves.ranking(marked(scored, scenarios))
    return report.Method(name, curve(alerts), tuple(budgets), ranking.auc, ranking.ap)


def curve(alerts: Sequence[curves.Judged]) -> dict[str, int]:
    """Return how many attacks are found for so many false alarms, the number as text."""
    return {str(price): count for price, count in curves.curve(alerts).items()}


def marked(scored: pl.DataFrame, scenarios: Sequence[labels.Scenario]) -> pl.DataFrame:
    """Return requests with a column `attack`, without those that are neither attack nor habit."""
    own = frozenset[str]().union(*(one.ids for one in labels.attacks(scenarios)))
    return scored.filter(~pl.col("auditID").is_in(labels.doubtful(scenarios))).with_columns(
        attack=pl.col("auditID").is_in(own)
    )


def spread(acts: pl.DataFrame, usual: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """Return requests with the score of the act each is part of; `acts` are auditID (of the first), subject, score.

    One that is no notable act scores as such requests do by habit (`usual`: kind, subject, score).
    """
    minutes = asked.with_columns(MINUTE)
    alike = ["kind", "subject", "minute"]
    known = minutes.join(acts, on=["auditID", "subject"], how="inner").group_by(alike).agg(pl.col("score").max())
    habit = usual.rename({"score": "habit"})
    told = minutes.join(known, on=alike, how="left").join(habit, on=["kind", "subject"], how="left")
    return told.with_columns(pl.coalesce("score", "habit", pl.lit(UNNOTICED)).alias("score")).drop("habit")


def attacks(
    alerts: Sequence[Alert],
    budgets: Mapping[int, Sequence[Alert]],
    live: Mapping[str, growing.Told],
    asked: pl.DataFrame,
    scenarios: Sequence[labels.Scenario],
) -> list[report.Attack]:
    """Return how each attack fared; `alerts` are all, gravest first."""
    every = rated(alerts, scenarios)
    found = {budget: curves.found(rated(told, scenarios)) for budget, told in budgets.items()}
    return [
        _attack(one, alerts, every, tuple(b for b, names in found.items() if one.name in names), live, asked)
        for one in labels.attacks(scenarios)
    ]


def _attack(
    one: labels.Scenario,
    alerts: Sequence[Alert],
    every: Sequence[curves.Judged],
    budgets: tuple[int, ...],
    live: Mapping[str, growing.Told],
    asked: pl.DataFrame,
) -> report.Attack:
    alert = next((alert for alert in alerts if one.ids & set(alert["evidence"][:GRAVEST])), None)
    told = live.get(one.name)
    return report.Attack(
        id=one.name,
        family=one.family,
        logged=asked.filter(~pl.col("learning") & pl.col("auditID").is_in(one.ids)).height,
        found_at_budgets=budgets,
        false_before=curves.price(every, one.name),
        bits=alert["bits"] if alert else None,
        requests=told.requests if told else None,
        seconds=told.seconds if told else None,
        named=explained.names(alert["why"], explained.injected(asked, one)) if alert else None,
        why=tuple(alert["why"][: explained.REASONS]) if alert else (),
    )


def false_alarms(alerts: Sequence[Alert], scenarios: Sequence[labels.Scenario]) -> list[report.FalseAlarm]:
    """Return the gravest alerts that have to do with no scenario."""
    false = [alert for alert in alerts if rated([alert], scenarios)[0].false]
    return [
        report.FalseAlarm(
            one["bits"], one["time"].isoformat(), one["subject"], one["title"], tuple(one["evidence"][:GRAVEST])
        )
        for one in false[: max(curves.PRICES)]
    ]


def poisoned(
    bursts: int, alerts: Sequence[curves.Judged], budgets: Sequence[report.Budgeted], clean: report.Method
) -> report.Poisoned:
    """Return what is still found where the attacks were learned, beside what is found without poison."""
    kept = {str(one.budget): share(one.found, before.found) for one, before in zip(budgets, clean.budgets, strict=True)}
    return report.Poisoned(bursts, curve(alerts), tuple(budgets), kept)


def share(part: int, whole: int) -> float:
    """Return a share, 1 of nothing.

    >>> share(3, 4), share(0, 0)
    (0.75, 1.0)
    """
    return round(part / whole, 3) if whole else 1.0
