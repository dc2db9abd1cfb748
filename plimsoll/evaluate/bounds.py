"""How much a count proves: the upper bound of a share, and how far probabilities are from what happened."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
BINS = 10


def upper(missed: int, of: int, confidence: float = CONFIDENCE) -> float:
    """Return the one-sided upper bound of a share (Clopper and Pearson 1934): more would seldom show so few.

    >>> round(upper(0, 299), 4), round(upper(2, 1956), 4), upper(5, 5)
    (0.01, 0.0032, 1.0)
    """
    if missed >= of:
        return 1.0
    low, high = missed / of, 1.0
    while high - low > 1e-9:
        share = (low + high) / 2
        low, high = (share, high) if _seen(missed, of, share) > 1 - confidence else (low, share)
    return high


def _seen(missed: int, of: int, share: float) -> float:
    """Return how likely no more than so many are, of so many with this share."""
    hit, spared = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * hit + (of - k) * spared)
        for k in range(missed + 1)
    )


def calibration_error(said: ArrayLike, true: ArrayLike, weight: ArrayLike) -> float:
    """Return how far, in the mean, probabilities are from the share that was true (ECE, ten bins of equal width).

    >>> calibration_error([0.9, 0.9, 0.1], [1, 1, 0], [1, 1, 2])
    0.1
    """
    p, y, w = (np.asarray(one, dtype=float) for one in (said, true, weight))
    if not w.sum():
        return 0.0
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    heavy, told, came = (np.bincount(bins, part, BINS) for part in (w, w * p, w * y))
    return round(float(np.abs(told - came).sum() / heavy.sum()), 9)
