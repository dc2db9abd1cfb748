"""Known ways to have fewer alerts, on the same days, with the same verdicts, against the same attacks.

dedup       each alert is shown once a day: what is the same in all its texts is a repeat
context     what an administrator does, or falls into a ticket or a window, is not shown
allow-list  one benign verdict, and the rule is silent at that workload: what exceptions in rule files are
regression  logistic regression on rule, image, workload and context, learned from the verdicts, silent from 0.9
cool-down   a rule that told of a workload is silent there for an hour
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from plimsoll.evaluate.simulated.analyst import Analysts
from plimsoll.evaluate.simulated.days import HOUR, Day, Row, Told
from plimsoll.evaluate.simulated.intrusions import Campaign

SILENT = 0.9
WIDTH = 1 << 14
RATE = 0.3
Flags = NDArray[np.bool_]


class Rival(Protocol):
    """A way to have fewer alerts."""

    name: str

    def shown(self, day: Day) -> Flags:
        """Say for each alert of a day whether it is shown."""

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Learn so many verdicts on what was shown."""

    def missed(self, attack: Campaign, day: Day, /) -> bool:
        """Say whether nothing of an attack on a day would be shown."""


class Dedup:
    """Each alert once a day."""

    name = "dedup"

    def __init__(self) -> None:
        self._seen: dict[Row, int] = {}

    def shown(self, day: Day) -> Flags:
        """Show the first of each."""
        self._seen.clear()
        flags = np.zeros(len(day.times), dtype=bool)
        same = [_same(row) for row in day.rows]
        for at, (time, of) in enumerate(zip(day.times.tolist(), day.of.tolist(), strict=True)):
            if same[of] not in self._seen:
                self._seen[same[of]] = time
                flags[at] = True
        return flags

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Verdicts change nothing."""

    def missed(self, attack: Campaign, _: Day, /) -> bool:
        """Say whether all of it repeats what was there that day."""
        steps = zip(attack.steps, attack.times, strict=True)
        return all(self._seen.get(_same(row), time + 1) <= time for row, time in steps)


def _same(row: Row) -> Row:
    return row._replace(pod="", node="", digest="", exe_hash="", ip="", agent="")


class NaiveContext:
    """Whatever an administrator does or a ticket or window covers."""

    name = "context"

    def shown(self, day: Day) -> Flags:
        """Show what nothing covers."""
        admins, rest = _split(day.told)
        flags = np.array([row.actor not in admins for row in day.rows], dtype=bool)[day.of]
        names = np.array([row.workload for row in day.rows])[day.of]
        for told in rest:
            open_now = (day.times >= told.since) & (day.times <= told.until)
            flags &= ~(open_now & (np.isin(names, told.scope) | ("*/*/*" in told.scope)))
        return flags

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Verdicts change nothing."""

    def missed(self, attack: Campaign, day: Day, /) -> bool:
        """Say whether something covers each step."""
        admins, rest = _split((*day.told, *attack.told))
        return all(
            row.actor in admins or any(_covers(told, row.workload, time) for told in rest)
            for row, time in zip(attack.steps, attack.times, strict=True)
        )


def _split(told: Iterable[Told]) -> tuple[frozenset[str], list[Told]]:
    told = list(told)
    admins = frozenset(name for one in told if one.kind == "admin" for name in one.subjects)
    return admins, [one for one in told if one.kind != "admin"]


def _covers(told: Told, workload: str, time: int) -> bool:
    return told.since <= time <= told.until and (workload in told.scope or "*/*/*" in told.scope)


class AllowList:
    """One benign verdict for a rule at a workload."""

    name = "allow-list"

    def __init__(self) -> None:
        self._allowed: set[tuple[str, str]] = set()
        self._asked: set[tuple[str, str]] = set()

    def shown(self, day: Day) -> Flags:
        """Show what is not on the list."""
        return np.array([(row.rule, row.workload) not in self._allowed for row in day.rows], dtype=bool)[day.of]

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Ask about the loudest pairs that nobody was asked about."""
        counts: dict[tuple[str, str], int] = {}
        for of, count in zip(*np.unique(day.of[shown], return_counts=True), strict=True):
            key = (day.rows[of].rule, day.rows[of].workload)
            counts[key] = counts.get(key, 0) + int(count)
        for key in sorted(counts.keys() - self._asked, key=lambda key: (-counts[key], key))[:budget]:
            self._asked.add(key)
            if analysts.of(malicious=False).verdict != "true_positive":
                self._allowed.add(key)

    def missed(self, attack: Campaign, _: Day, /) -> bool:
        """Say whether each step is on the list."""
        return all((row.rule, row.workload) in self._allowed for row in attack.steps)


class Regression:
    """Logistic regression, learned one verdict at a time; nothing holds its signs."""

    name = "regression"

    def __init__(self) -> None:
        self._weights = np.zeros(WIDTH)

    def _score(self, features: Sequence[int]) -> float:
        return float(1 / (1 + np.exp(-self._weights[list(features)].sum())))

    def shown(self, day: Day) -> Flags:
        """Show what is not most likely harmless."""
        admins, rest = _split(day.told)
        return np.array([self._score(_features(row, admins, rest)) < SILENT for row in day.rows], dtype=bool)[day.of]

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Learn from the loudest rows."""
        admins, rest = _split(day.told)
        found, counts = np.unique(day.of[shown], return_counts=True)
        for of in found[np.argsort(-counts, kind="stable")][:budget]:
            features = list(_features(day.rows[of], admins, rest))
            harmless = analysts.of(malicious=False).verdict != "true_positive"
            self._weights[features] += RATE * (harmless - self._score(features))

    def missed(self, attack: Campaign, day: Day, /) -> bool:
        """Say whether each step seems harmless."""
        admins, rest = _split((*day.told, *attack.told))
        return all(self._score(_features(row, admins, rest)) >= SILENT for row in attack.steps)


def _features(row: Row, admins: frozenset[str], told: Sequence[Told]) -> tuple[int, ...]:
    """Return the places of what a row has: rule, image, workload, and what context says of it."""
    excused = any(row.workload in one.scope for one in told)
    image = row.image.partition(":")[0]
    words = (
        "always",
        row.rule,
        f"image {image}",
        f"at {row.workload}",
        f"admin {row.actor in admins}",
        f"told {excused}",
    )
    return tuple(_place(word) for word in words)


def _place(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") % WIDTH


class CoolDown:
    """A rule that told of a workload is silent there for an hour."""

    name = "cool-down"

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], list[int]] = {}

    def shown(self, day: Day) -> Flags:
        """Show the first after each hour of silence."""
        self._told.clear()
        flags = np.zeros(len(day.times), dtype=bool)
        keys = [(row.rule, row.workload) for row in day.rows]
        for at, (time, of) in enumerate(zip(day.times.tolist(), day.of.tolist(), strict=True)):
            told = self._told.setdefault(keys[of], [])
            if not told or time - told[-1] >= HOUR:
                told.append(time)
                flags[at] = True
        return flags

    def answer(self, day: Day, shown: Flags, budget: int, analysts: Analysts) -> None:
        """Verdicts change nothing."""

    def missed(self, attack: Campaign, _: Day, /) -> bool:
        """Say whether each step falls into such an hour."""
        steps = zip(attack.steps, attack.times, strict=True)
        return all(
            any(0 <= time - at < HOUR for at in self._told.get((row.rule, row.workload), ())) for row, time in steps
        )


def every() -> list[Rival]:
    """Return all of them, as they begin.

    >>> [one.name for one in every()]
    ['dedup', 'context', 'allow-list', 'regression', 'cool-down']
    """
    return [Dedup(), NaiveContext(), AllowList(), Regression(), CoolDown()]
