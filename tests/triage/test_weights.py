"""What features weigh, and which way no verdict can turn them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import weights
from plimsoll.triage.weights import PRIOR, SIGNS, Weights

FEATURE = st.tuples(*(st.floats(0, 1) for _ in PRIOR))


def test_one_verdict_is_one_newton_step_of_the_formula():
    x, offset = np.array([1, 0, 1, 0, 0, 0.5, 0, 0]), 0.3
    p = weights.sigmoid(offset + float(np.array(PRIOR) @ x))
    h = np.eye(8) / 0.36 + p * (1 - p) * np.outer(x, x)
    expected = np.array(PRIOR) + np.linalg.solve(h, x) * (0 - p)
    learned = Weights()
    learned.learn(offset, tuple(x), benign=False)
    assert [learned.sum(tuple(row)) for row in np.eye(8)] == pytest.approx(list(expected))


@given(st.lists(st.tuples(FEATURE, st.booleans()), max_size=30))
def test_no_verdicts_turn_a_sign(verdicts):
    learned = Weights.learned((0.0, features, benign) for features, benign in verdicts)
    for sign, row in zip(SIGNS, np.eye(8), strict=True):
        assert sign * learned.sum(tuple(row)) >= 0


def test_parts_are_decibans_of_what_weighs_something():
    assert Weights().parts((1, 0, 0, 0, 0, 0, 1, 0)) == {"auth": 10.9, "off_hours": -2.2}


def test_a_verdict_without_features_teaches_nothing():
    learned = Weights()
    learned.learn(1.0, (0.0,) * 8, benign=False)
    assert learned.sum((1.0,) * 8) == sum(PRIOR)


def test_certainty_has_log_odds_all_the_same():
    assert weights.logit(0.0) == pytest.approx(-13.8, abs=0.1)
    assert weights.sigmoid(weights.logit(0.25)) == pytest.approx(0.25)
