"""The laws of sets, on intervals, against Python's own sets."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import intervals

numbers = st.sets(st.integers(0, 40))


def of(members: set[int]) -> intervals.Intervals:
    return intervals.union([(one, one) for one in members])


def members(found: intervals.Intervals) -> set[int]:
    return {number for low, high in found for number in range(low, high + 1)}


@given(numbers, numbers)
def test_they_are_sets_of_numbers(left: set[int], right: set[int]) -> None:
    assert intervals.union(of(left), of(right)) == of(left | right)
    assert intervals.intersection(of(left), of(right)) == of(left & right)
    assert intervals.difference(of(left), of(right)) == of(left - right)
    assert intervals.covers(of(left), of(right)) == (right <= left)
    assert intervals.size(of(left)) == len(left)
    assert all(intervals.has(of(left), number) == (number in left) for number in range(42))


@given(numbers)
def test_equal_sets_are_equal_values(some: set[int]) -> None:
    found = of(some)
    assert members(found) == some
    assert all(after[0] > before[1] + 1 for before, after in itertools.pairwise(found))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1]))))
def test_a_union_takes_overlapping_intervals_in_any_order(pieces: list[tuple[int, int]]) -> None:
    assert members(intervals.union(pieces)) == {n for low, high in pieces for n in range(low, high + 1)}
