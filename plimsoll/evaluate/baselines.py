"""Known methods to be measured against, each on the same sessions: new terms, flat rarity, an isolation forest.

Each takes requests in sessions (`sessions.in_sessions`, with a column `learning`) and returns them with a column
`score`, how odd each request is, and how a session's score is made of them. All go on counting while they judge,
so that a change is news once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl

from plimsoll import errors
from plimsoll.evaluate import curves, figures, labels, report

TREES = 200
SEED = 0
EVIDENCE = 1000
"""Requests by which a session is known: all, but for the largest."""
RARITY = ("action", "namespace", "network", "product", "outcome")
TERMS = (("subject", "action"), ("subject", "network"))
"""New terms as SIEM rules have them: a user with a request, a user with a network."""


class Baseline(NamedTuple):
    """A method: how it scores requests, and how these make a session's score."""

    name: str
    says: str
    score: Callable[[pl.DataFrame], pl.DataFrame]
    whole: Literal["sum", "max"]


def new_terms(asked: pl.DataFrame) -> pl.DataFrame:
    """Score a request by how many of its terms were never seen before."""
    ordered = asked.sort("time", "auditID")
    new = [(pl.int_range(pl.len()).over(*terms) == 0).cast(pl.Float64) for terms in TERMS]
    return ordered.with_columns(score=pl.sum_horizontal(new))


def rarity(asked: pl.DataFrame) -> pl.DataFrame:
    """Score a request by how rare each of its values is for its user: sum of -log2 of add-one shares."""
    ordered = asked.sort("time", "auditID")
    learned = ordered.filter(pl.col("learning"))
    before = pl.int_range(pl.len())
    bits = [
        -((before.over("subject", field) + 1) / (before.over("subject") + learned[field].n_unique() + 1)).log(2)
        for field in RARITY
    ]
    return ordered.with_columns(score=pl.sum_horizontal(bits))


def forest(asked: pl.DataFrame) -> pl.DataFrame:
    """Score a request by how soon random cuts isolate its session; UsageError where scikit-learn is not there."""
    try:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415  an extra, and half a second
    except ImportError:
        raise errors.UsageError("no isolation forest without scikit-learn (pip install 'plimsoll[evaluate]')") from None
    counted = features(asked)
    table = counted.drop("session", "learning").to_numpy()
    learned = table[counted["learning"].to_numpy()]
    if not len(learned):
        return asked.with_columns(score=pl.lit(0.0))
    trees = IsolationForest(n_estimators=TREES, random_state=SEED).fit(learned)
    odd = counted.select("session", score=pl.Series(np.round(-trees.score_samples(table), 9)))
    return asked.join(odd, on="session", how="left", maintain_order="left")


def features(asked: pl.DataFrame) -> pl.DataFrame:
    """Return sixteen features of each session, with `session` and `learning`."""
    action, share = pl.col("action"), pl.Expr.mean
    writes = action.str.contains(r"^(?:create|update|patch|delete|deletecollection) ")
    return (
        asked.group_by("session", maintain_order=True)
        .agg(
            learning=pl.col("learning").first(),
            requests=pl.len().log1p(),
            seconds=(pl.col("time").max() - pl.col("time").min()).dt.total_seconds().log1p(),
            actions=action.n_unique(),
            namespaces=pl.col("namespace").n_unique(),
            names=pl.col("name").n_unique(),
            addresses=pl.col("source_ip").n_unique(),
            denied=share(pl.col("outcome") == "denied"),
            failed=share(pl.col("outcome") == "error"),
            writes=share(writes),
            lists=share(action.str.starts_with("list ")),
            secrets=share(action.str.contains(" secrets", literal=True)),
            inside=share(action.str.contains("/(?:exec|attach|portforward|proxy|ephemeralcontainers)$")),
            rights=share(action.str.contains("rbac.authorization.k8s.io", literal=True)),
            clusterwide=share(pl.col("namespace") == "(cluster)"),
            outside=share(pl.col("zone").str.starts_with("external")),
            person=share(pl.col("subject").str.starts_with("user:")),
        )
        .with_columns(pl.exclude("session", "learning").cast(pl.Float64).fill_null(0.0))
    )


BASELINES = (
    Baseline("new-terms", "new (user, request) or (user, network)", new_terms, "sum"),
    Baseline("rarity", "how rare each value is for its user, without backing off", rarity, "max"),
    Baseline("isolation-forest", "sixteen features of a session", forest, "max"),
)


def method(
    one: Baseline, asked: pl.DataFrame, budgets: Sequence[int], days: int, scenarios: Sequence[labels.Scenario]
) -> report.Method:
    """Return a method's figures on requests in sessions; its thresholds come from the learning part alone."""
    scored = one.score(asked)
    whole = told(scored, one.whole)
    test = whole.filter(~pl.col("learning"))
    settled, span = settling(whole.filter(pl.col("learning")))
    rated = curves.judged(alerts(test), scenarios)
    least = {budget: threshold(settled, budget, span) for budget in budgets}
    figured = [_budgeted(budget, over(rated, bits), days) for budget, bits in least.items()]
    return figures.method(one.name, rated, figured, scored.filter(~pl.col("learning")), scenarios)


def _budgeted(budget: int, alerts: Sequence[curves.Judged], days: int) -> report.Budgeted:
    """No attack takes another's place here, so benign time has the false alarms of all time."""
    return figures.budgeted(budget, alerts, sum(one.false for one in alerts), days)


def told(scored: pl.DataFrame, whole: Literal["sum", "max"]) -> pl.DataFrame:
    """Return sessions, oddest first: `score`, `first`, `learning`, `ids` (the audit ids of its requests)."""
    score = pl.col("score").sum() if whole == "sum" else pl.col("score").max()
    return (
        scored.group_by("session")
        .agg(
            score=score,
            first=pl.col("time").min(),
            learning=pl.col("learning").first(),
            ids=pl.col("auditID").head(EVIDENCE),
        )
        .sort("score", "first", "session", descending=[True, False, False])
    )


def settling(sessions: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the sessions of the second half of learning, when a method knows something, and how many days it began."""
    first = pl.col("first")
    late = sessions.filter(first > first.min() + (first.max() - first.min()) / 2)
    return late, max(1, late["first"].dt.date().n_unique())


def threshold(sessions: pl.DataFrame, budget: int, days: int) -> float:
    """Return the score above which sessions of so many benign days are no more than the budget allows.

    >>> threshold(pl.DataFrame({"score": [9.0, 5.0, 4.0, 1.0]}), 1, 2)
    4.0
    """
    ordered = sessions["score"].sort(descending=True)
    return float(ordered[budget * days]) if len(ordered) > budget * days else float("-inf")


def over(rated: Sequence[curves.Judged], least: float) -> list[curves.Judged]:
    """Return the alerts above a threshold."""
    return [one for one in rated if one.score > least]


def alerts(sessions: pl.DataFrame) -> list[curves.Told]:
    """Return sessions as alerts that are about all that was done in them."""
    return [
        curves.Told(row["score"], frozenset(row["ids"]), frozenset(row["ids"]))
        for row in sessions.select("score", "ids").iter_rows(named=True)
    ]
