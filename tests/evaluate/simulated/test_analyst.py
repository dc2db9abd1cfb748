from __future__ import annotations

from collections import Counter

import pytest

from plimsoll.evaluate.simulated.analyst import Analysts


def test_about_three_of_a_hundred_verdicts_are_wrong() -> None:
    analysts = Analysts(1)
    said = Counter(analysts.of(malicious=False).verdict for _ in range(10_000))
    assert said["true_positive"] / 10_000 == pytest.approx(0.03, abs=0.01)
    assert set(said) == {"true_positive", "benign"}


def test_whoever_errs_about_an_attack_calls_it_benign() -> None:
    analysts = Analysts(2)
    said = {analysts.of(malicious=True).verdict for _ in range(500)}
    assert said == {"true_positive", "benign"}


def test_whoever_calls_something_malicious_calls_the_others() -> None:
    said = Analysts(4).others("omar", malicious=False)
    assert [one.by for one in said] == ["nora", "petra"]


def test_most_who_are_asked_confirm_their_work() -> None:
    analysts = Analysts(3)
    assert sum(analysts.confirms() for _ in range(1000)) == pytest.approx(950, abs=30)
