"""By lot, and what a clean look proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import audits


def test_the_lot_falls_as_often_as_it_should():
    drawn = sum(audits.drawn(b"secret", f"key {number}", 1, 0.02) for number in range(20_000))
    assert 300 < drawn < 500


@given(st.binary(max_size=100), st.text(max_size=20), st.integers(0, 30_000))
def test_the_lot_is_the_same_each_time_it_is_asked(secret, key, day):
    assert audits.drawn(secret, key, day, 0.5) == audits.drawn(secret, key, day, 0.5)


def test_another_secret_draws_others():
    keys = [f"key {number}" for number in range(200)]
    assert [audits.drawn(b"a", key, 1, 0.5) for key in keys] != [audits.drawn(b"b", key, 1, 0.5) for key in keys]


@pytest.mark.parametrize(("audited", "bound"), [(299, 0.01), (598, 0.005)])
def test_clean_audits_bound_what_is_missed(audited, bound):
    assert audits.bound(audited) == pytest.approx(bound, abs=2e-4)


def test_one_malicious_audit_bounds_nothing():
    assert audits.bound(299, 1) is None
