"""All figures of one evaluation, and how they are printed as rows and as one document."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


class Recording(msgspec.Struct, frozen=True):
    """What was judged."""

    rejected: int
    """Records of both parts that could not be read."""
    learned: int
    """Requests of the learning part."""
    judged: int
    """Requests of the part that is judged."""
    sessions: int
    days: int
    """Days begun of the part that is judged."""
    attacks: int
    benign_changes: int
    for_review: int


class Budgeted(msgspec.Struct, frozen=True):
    """What a reader of so many alerts a day gets."""

    budget: int
    alerts: int
    found: int
    false: int
    benign_per_day: float | None
    """Alerts a day where the attacks never happened; null where that was not measured."""


class Method(msgspec.Struct, frozen=True):
    """A method's figures."""

    method: str
    found_at: dict[str, int]
    """Attacks found for so many false alarms, in hindsight."""
    budgets: tuple[Budgeted, ...]
    auc: float | None
    ap: float | None


class Attack(msgspec.Struct, frozen=True):
    """How one attack fared."""

    id: str
    family: str
    logged: int
    """Its requests in the log."""
    found_at_budgets: tuple[int, ...]
    false_before: int | None
    """False alarms that weigh as much or more than its first alert; null where it has none."""
    bits: float | None
    requests: int | None
    """Its requests until `detect --follow` told of it; null where it never did."""
    seconds: float | None
    named: bool | None
    """Whether one of the first two reasons of its alert names what was injected; null without an alert."""
    why: tuple[str, ...]


class FalseAlarm(msgspec.Struct, frozen=True):
    """An alert that has to do with no scenario."""

    bits: float
    time: str
    subject: str
    title: str
    evidence: tuple[str, ...]


class Poisoned(msgspec.Struct, frozen=True):
    """What is still found where the attacks were learned, too."""

    bursts: int
    """Times that each attack was replayed into the learning part."""
    found_at: dict[str, int]
    budgets: tuple[Budgeted, ...]
    kept: dict[str, float]
    """For each budget the share of what is found without poison."""


class Report(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    recording: Recording
    methods: tuple[Method, ...]
    attacks: tuple[Attack, ...]
    false_alarms: tuple[FalseAlarm, ...]
    poisoned: Poisoned | None = None
    notes: tuple[str, ...] = ()
    """What could not be read or measured, and why."""


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of what is known, None where nothing is.

    >>> median([3, None, 1, 8]), median([None])
    (3, None)
    """
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def detection(attacks: Sequence[Attack]) -> dict[str, Any]:
    """Return how soon attacks are told as the log grows, and how many alerts name what was injected."""
    named = [one.named for one in attacks if one.named is not None]
    return {
        "told_live": sum(one.requests is not None for one in attacks),
        "median_requests": median(one.requests for one in attacks),
        "median_seconds": median(one.seconds for one in attacks),
        "explained": sum(named),
        "of": len(named),
    }


def document(report: Report) -> dict[str, Any]:
    """Return the report as one document."""
    made: dict[str, Any] = msgspec.to_builtins(report)
    return {**made, "detection": detection(report.attacks)}


def rows(report: Report) -> list[dict[str, Any]]:
    """Return the report as rows, each with the kind of its figures in `row`."""
    whole = document(report)
    single = [{"row": kind, **whole[kind]} for kind in ("recording", "detection", "poisoned") if whole[kind]]
    many = [
        {"row": kind, **one}
        for name, kind in (("methods", "method"), ("attacks", "attack"), ("false_alarms", "false_alarm"))
        for one in whole[name]
    ]
    return single + many
