from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.server import seen

KEYS = st.lists(st.integers(0, 60), max_size=200)


@given(KEYS, st.integers(1, 20))
def test_memory_is_bounded_and_the_latest_are_known(keys: list[int], most: int) -> None:
    known = seen.Seen(most)
    for key in keys:
        known.add(key)
    assert len(known) <= 2 * most
    latest = list(dict.fromkeys(reversed(keys)))
    # A key that was known already is not moved to the front, so only first sightings count as late ones.
    firsts = list(dict.fromkeys(keys))
    if len(firsts) <= most:
        assert all(key in known for key in latest)


@given(KEYS)
def test_a_key_is_new_once(keys: list[int]) -> None:
    known = seen.Seen(1000)
    assert [known.add(key) for key in keys] == [key not in keys[:at] for at, key in enumerate(keys)]


def test_what_could_not_be_kept_is_new_again() -> None:
    known = seen.Seen()
    known.add(7)
    known.forget([7, 8])
    assert known.add(7)
