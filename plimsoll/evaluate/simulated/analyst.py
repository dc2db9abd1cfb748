"""What analysts say of a case: the truth, and now and then not."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

PEOPLE = (("nora", 0.01), ("omar", 0.03), ("petra", 0.05))
"""Who is on duty, and what share of their verdicts is wrong."""
CONFIRMS = 0.95
"""How often one who approved of work answers in time when asked about it."""


class Said(NamedTuple):
    """A verdict."""

    by: str
    verdict: str


class Analysts:
    """Those on duty, who take turns.

    >>> said = Analysts(1).of(malicious=False)
    >>> said.by in ("nora", "omar", "petra"), said.verdict
    (True, 'benign')
    """

    def __init__(self, seed: int) -> None:
        self._dice = np.random.default_rng([seed, 4])

    def of(self, *, malicious: bool) -> Said:
        """Return what somebody says of a case."""
        return self._said(int(self._dice.integers(len(PEOPLE))), malicious=malicious)

    def others(self, by: str, *, malicious: bool) -> list[Said]:
        """Return what all others say of a case: whoever calls something malicious calls for them."""
        return [self._said(who, malicious=malicious) for who, (name, _) in enumerate(PEOPLE) if name != by]

    def _said(self, who: int, *, malicious: bool) -> Said:
        by, wrong = PEOPLE[who]
        truth, error = ("true_positive", "benign") if malicious else ("benign", "true_positive")
        return Said(by, error if self._dice.random() < wrong else truth)

    def confirms(self) -> bool:
        """Say whether one who approved of what was done says so when asked."""
        return bool(self._dice.random() < CONFIRMS)
