from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from plimsoll.evaluate import bounds


@given(st.integers(1, 3000), st.data())
def test_the_bound_is_that_of_clopper_and_pearson(of: int, data: st.DataObject) -> None:
    missed = data.draw(st.integers(0, min(of, 60)))
    exact = beta.ppf(0.95, missed + 1, of - missed) if missed < of else 1.0
    assert bounds.upper(missed, of) == pytest.approx(exact, abs=1e-6)


def test_nothing_was_tried_so_nothing_is_known() -> None:
    assert bounds.upper(0, 0) == 1.0


def test_probabilities_that_come_true_have_no_error() -> None:
    assert bounds.calibration_error([0.25] * 4, [1, 0, 0, 0], [1] * 4) == 0


def test_what_happens_often_weighs_more() -> None:
    assert bounds.calibration_error([0.95, 0.05], [1, 1], [99, 1]) == pytest.approx(0.99 * 0.05 + 0.01 * 0.95)
    assert bounds.calibration_error([], [], []) == 0
