"""What triage did with a day, and what it would have hidden: figures, one row a day and method."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from plimsoll.evaluate import bounds
from plimsoll.evaluate.simulated.days import Day, Row
from plimsoll.evaluate.simulated.intrusions import Campaign

TARGETS = {"raw_hidden": 0.97, "cases_hidden": 0.90, "campaign_upper": 0.005, "left_out_upper": 0.01, "ece": 0.05}
WITHIN = 150
"""Verdicts after which the targets are to be met."""
WEEK = 7
"""Days of which the mean is held against the targets: a single day is one release more or less."""


class Missed(msgspec.Struct, frozen=True):
    """Attacks held back, and how many of them would not have been seen."""

    campaigns: int
    missed: int
    upper: float
    """Upper bound of the share missed, at 95 %."""
    steps: int = 0
    hidden_steps: int = 0
    """Of all steps, those that nobody would have seen."""
    minutes: float | None = None
    """From the first step to the first that was loud, in the median."""
    indistinguishable: int = 0
    """Attacks made of nothing but what the workload does anyway: not counted above."""
    indistinguishable_missed: int = 0
    by: dict[str, tuple[int, int]] = {}
    """Campaigns and missed ones by family and by context."""


class Hidden(msgspec.Struct, frozen=True):
    """What of a day was hidden."""

    raw: int
    raw_shown: int
    cases: int
    cases_shown: int
    """Those of which something was shown by itself."""
    groups_shown: int
    audited: int = 0
    """Cases of which only an audit was shown."""

    @property
    def raw_hidden(self) -> float:
        """The share of alerts that were not shown."""
        return 1 - self.raw_shown / self.raw if self.raw else 0.0

    @property
    def cases_hidden(self) -> float:
        """The share of cases of which nothing was shown."""
        return 1 - self.cases_shown / self.cases if self.cases else 0.0


class Daily(msgspec.Struct, frozen=True):
    """A day of one method."""

    method: str
    seed: int
    day: int
    verdicts: int
    """Given before it."""
    hidden: Hidden
    missed: Missed | None
    ece: float | None = None
    loud: dict[str, tuple[int, int]] = {}
    """Why alerts and cases were still shown: how many of each."""


def hidden(day: Day, shown: NDArray[np.bool_], audits: NDArray[np.bool_] | None = None) -> Hidden:
    """Return what of a day was hidden; `audits` are alerts shown only to be counted.

    A case is a kind of alert at one workload, or what one person did at one; a group is a kind of alert, wherever.
    """
    cases, groups = list(map(case_of, day.rows)), list(map(group_of, day.rows))
    itself = shown if audits is None else shown & ~audits
    loud = {cases[of] for of in np.unique(day.of[itself])}
    seen = np.unique(day.of[shown])
    return Hidden(
        raw=len(day.times),
        raw_shown=int(shown.sum()),
        cases=len({cases[of] for of in np.unique(day.of)}),
        cases_shown=len(loud),
        groups_shown=len({groups[of] for of in seen}),
        audited=len({cases[of] for of in seen} - loud),
    )


def kept_loud(day: Day, reasons: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return for each reason how many alerts it kept loud, and how many cases of which nothing else was shown.

    `reasons` has one for each alert, empty where it was hidden.
    """
    raw, cases = Counter(reason for reason in reasons if reason), dict[tuple[str, ...], set[str]]()
    known = list(map(case_of, day.rows))
    for of, reason in set(zip(day.of.tolist(), reasons, strict=True)):
        if reason:
            cases.setdefault(known[of], set()).add(reason)
    only = Counter(next(iter(told)) for told in cases.values() if len(told) == 1)
    return {reason: (count, only[reason]) for reason, count in raw.most_common()}


def case_of(row: Row) -> tuple[str, ...]:
    """Return what case an alert belongs to."""
    return (row.actor, row.workload) if row.actor else (*group_of(row), row.workload)


def group_of(row: Row) -> tuple[str, ...]:
    """Return what an alert is one of, wherever it happens; an image's versions are one."""
    return (row.actor,) if row.actor else row._replace(image=row.image.rpartition(":")[0]).signature


def missed(attacks: Sequence[Campaign], loud: Iterable[Sequence[bool]]) -> Missed:
    """Return how many attacks were missed, from which of their steps were loud."""
    told = list(zip(attacks, loud, strict=True))
    real = [(one, steps) for one, steps in told if not one.indistinguishable]
    copies = [steps for one, steps in told if one.indistinguishable]
    gone = [one for one, steps in real if not any(steps)]
    waits = [one.times[list(steps).index(True)] - one.times[0] for one, steps in real if any(steps)]
    of = Counter(name for one, _ in real for name in (one.family, one.context))
    lost = Counter(name for one in gone for name in (one.family, one.context))
    return Missed(
        campaigns=len(real),
        missed=len(gone),
        upper=bounds.upper(len(gone), len(real)),
        steps=sum(len(steps) for _, steps in real),
        hidden_steps=sum(len(steps) - sum(steps) for _, steps in real),
        minutes=float(np.median(waits)) / 60e6 if waits else None,
        indistinguishable=len(copies),
        indistinguishable_missed=sum(not any(steps) for steps in copies),
        by={name: (of[name], lost[name]) for name in sorted(of)},
    )


def added(several: Iterable[Missed]) -> Missed:
    """Return what several seeds showed together."""
    several = list(several)
    campaigns, gone = sum(one.campaigns for one in several), sum(one.missed for one in several)
    by: dict[str, tuple[int, int]] = {}
    for one in several:
        for name, (of, lost) in one.by.items():
            before = by.get(name, (0, 0))
            by[name] = (before[0] + of, before[1] + lost)
    return Missed(
        campaigns=campaigns,
        missed=gone,
        upper=bounds.upper(gone, campaigns),
        steps=sum(one.steps for one in several),
        hidden_steps=sum(one.hidden_steps for one in several),
        indistinguishable=sum(one.indistinguishable for one in several),
        indistinguishable_missed=sum(one.indistinguishable_missed for one in several),
        by=by,
    )


class Report(msgspec.Struct, frozen=True):
    """All figures of a run."""

    digest: str
    """Of the simulated world."""
    seeds: tuple[int, ...]
    days: int
    daily: tuple[Daily, ...]
    milestones: tuple[Daily, ...]
    """Of triage: the first day after so many verdicts."""
    left_out: tuple[tuple[int, Missed], ...]
    """By seed: families of the certificate's attacks left out, the others' kin judged."""
    mimicry: tuple[tuple[int, float, Missed], ...]
    """By seed and share of copied steps, on the last day."""
    met: dict[str, bool]
    """Which targets every seed met."""


def document(report: Report) -> dict[str, Any]:
    """Return a report as plain data."""
    told: dict[str, Any] = msgspec.to_builtins(report)
    for name in ("daily", "milestones"):
        told[name] = [_with_shares(one) for one in getattr(report, name)]
    told["targets"] = dict(TARGETS)
    return told


def rows(report: Report) -> list[Mapping[str, Any]]:
    """Return a report as rows, each with its kind in `row`."""
    head = {"row": "run", "digest": report.digest, "seeds": list(report.seeds), "days": report.days, "met": report.met}
    made: list[Mapping[str, Any]] = [head]
    made += [{"row": "day", **_with_shares(one)} for one in report.daily]
    made += [{"row": "milestone", **_with_shares(one)} for one in report.milestones]
    made += [{"row": "left_out", "seed": seed, **msgspec.to_builtins(one)} for seed, one in report.left_out]
    made += [
        {"row": "mimicry", "seed": seed, "share": share, **msgspec.to_builtins(one)}
        for seed, share, one in report.mimicry
    ]
    return made


def _with_shares(one: Daily) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    told["hidden"] |= {"raw_hidden": round(one.hidden.raw_hidden, 5), "cases_hidden": round(one.hidden.cases_hidden, 5)}
    return told
