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

    def of(self, *, malicious: bool, alert_is_wrong: bool = False) -> Said:
        """Return what somebody says of a case."""
        by, wrong = PEOPLE[int(self._dice.integers(len(PEOPLE)))]
        truth = "true_positive" if malicious else "false_positive" if alert_is_wrong else "benign"
        if self._dice.random() >= wrong:
            return Said(by, truth)
        return Said(by, "benign" if malicious else "true_positive")

    def confirms(self) -> bool:
        """Say whether one who approved of what was done says so when asked."""
        return bool(self._dice.random() < CONFIRMS)
