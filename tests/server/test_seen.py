from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.server import seen

KEYS = st.lists(st.integers(0, 60), max_size=200)


@given(st.lists(KEYS, max_size=20), st.integers(1, 20))
def test_memory_is_bounded_and_what_came_last_is_known(batches: list[list[int]], most: int) -> None:
    known = seen.Seen(most)
    for keys in batches:
        known.add(keys)
        assert all(key in known for key in keys)
        assert len(known) <= 2 * max(most, len(set(keys)), *map(len, batches))


@given(st.lists(KEYS))
def test_a_key_is_new_once(batches: list[list[int]]) -> None:
    known, before = seen.Seen(1_000_000), set[int]()
    for keys in batches:
        told = known.add(keys)
        for key, is_new in zip(keys, told, strict=True):
            assert is_new == (key not in before)
            before.add(key)


def test_what_could_not_be_kept_is_new_again() -> None:
    known = seen.Seen()
    known.add([7])
    known.forget([7, 8])
    assert known.add([7]) == [True]
