"""Verdicts → how much each feature weighs: Bayesian logistic regression whose signs are fixed beforehand.

    z = logit(θ) + Σ w_j x_j

A verdict moves the weights by one Newton step from their prior (Laplace): H ← H + p(1-p) x xᵀ, w ← w + H⁻¹ x (y - p).
No verdict can make authority speak against, or a new address speak for, an act.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

FEATURES = ("auth", "auth_weak", "ident", "ident_weak", "win_hist", "age", "off_hours", "new_ip")
PRIOR = (2.5, 0.3, 1.5, 0.0, 1.2, 1.0, -0.5, -2.5)
SIGNS = (1, 1, 1, 1, 1, 1, 0, -1)
"""1: never against, -1: never for."""
SPREAD = 0.6
"""Standard deviation of the prior."""
MUTED_FROM = 1.5
"""z from which an act is muted: 82 % harmless."""
DECIBANS = 10 / math.log(10)


class Weights:
    """The weights as of now.

    >>> weights = Weights()
    >>> weights.sum((1, 0, 0, 0, 0, 0, 0, 0))
    2.5
    >>> weights.learn(0.0, (1, 0, 0, 0, 0, 0, 0, 0), benign=False)
    >>> weights.sum((1, 0, 0, 0, 0, 0, 0, 0)) < 2.5
    True
    """

    def __init__(self) -> None:
        self._prior = np.array(PRIOR)
        self._w: NDArray[np.float64] = self._prior.copy()
        self._h: NDArray[np.float64] = np.eye(len(PRIOR)) / SPREAD**2
        self._plain: tuple[float, ...] = PRIOR

    def learn(self, offset: float, features: Sequence[float], *, benign: bool) -> None:
        """Take one verdict in; `offset` is the logit of what its history alone suggested."""
        x = np.array(features, dtype=float)
        if not x.any():
            return
        p = sigmoid(offset + float(self._w @ x))
        self._h += p * (1 - p) * np.outer(x, x)
        self._w = self._w + np.linalg.solve(self._h, x) * (float(benign) - p)
        signs = np.array(SIGNS)
        self._w = np.where((signs != 0) & (self._w * signs < 0), 0.0, self._w)
        self._plain = tuple(float(weight) for weight in self._w)

    def sum(self, features: Sequence[float]) -> float:
        """Return what the features add to z."""
        return float(sum(weight * x for weight, x in zip(self._plain, features, strict=True)))

    def parts(self, features: Sequence[float]) -> dict[str, float]:
        """Return in decibans what each feature adds, as far as it adds anything."""
        named = zip(FEATURES, self._plain, features, strict=True)
        return {name: round(DECIBANS * weight * x, 1) for name, weight, x in named if weight * x}

    @classmethod
    def learned(cls, verdicts: Iterable[tuple[float, Sequence[float], bool]]) -> Weights:
        """Return the weights after these verdicts: offset, features, benign."""
        weights = cls()
        for offset, features, benign in verdicts:
            weights.learn(offset, features, benign=benign)
        return weights


def sigmoid(z: float) -> float:
    """Return the probability of these log odds.

    >>> sigmoid(0.0), sigmoid(-1000.0)
    (0.5, 0.0)
    """
    return 1 / (1 + math.exp(-z)) if z > -700 else 0.0


def logit(p: float) -> float:
    """Return the log odds of a probability, away from certainty.

    >>> logit(0.5), round(logit(1.0), 1)
    (0.0, 13.8)
    """
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))
