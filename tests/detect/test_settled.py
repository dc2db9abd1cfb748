from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect import settled

KEYS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 20), max_size=12)


@given(st.lists(KEYS, max_size=6), KEYS, st.integers(1, 6))
def test_what_was_added_is_held_and_nothing_else(added, asked, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settled, "FEW", few)
        found = settled.Settled()
        for keys in added:
            found.add(pl.Series(keys, dtype=pl.UInt64))
    known = {key for keys in added for key in keys}
    assert found.holds(pl.Series(asked, dtype=pl.UInt64)).to_list() == [key in known for key in asked]
    assert len(found) >= len(known)


def test_beyond_a_bound_it_begins_anew(monkeypatch):
    monkeypatch.setattr(settled, "MOST", 3)
    found = settled.Settled()
    for key in range(10):
        found.add(pl.Series([key], dtype=pl.UInt64))
        assert len(found) <= 3
    assert found.holds(pl.Series([9], dtype=pl.UInt64)).to_list() == [True]
