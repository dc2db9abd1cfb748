"""Sets of whole numbers as intervals: sorted, disjoint, never touching, so that equal sets are equal values.

Ports of the three protocols lie on one such line (`ports`), addresses of both families on another (`addresses`).
"""

from __future__ import annotations

from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]
"""First and last number of each."""

NONE: Intervals = ()


def union(*sets: Iterable[tuple[int, int]]) -> Intervals:
    """Return what is in any of these; the intervals given may overlap and be in any order.

    >>> union([(5, 9), (1, 3)], [(4, 4), (20, 30)])
    ((1, 9), (20, 30))
    """
    made: list[tuple[int, int]] = []
    for low, high in sorted(one for of_set in sets for one in of_set):
        if made and low <= made[-1][1] + 1:
            if high > made[-1][1]:
                made[-1] = made[-1][0], high
        else:
            made.append((low, high))
    return tuple(made)


def intersection(left: Intervals, right: Intervals) -> Intervals:
    """Return what is in both.

    >>> intersection(((1, 9), (20, 30)), ((8, 22),))
    ((8, 9), (20, 22))
    """
    if left == right or not left:
        return left
    made: list[tuple[int, int]] = []
    at = other = 0
    while at < len(left) and other < len(right):
        low, high = max(left[at][0], right[other][0]), min(left[at][1], right[other][1])
        if low <= high:
            made.append((low, high))
        if left[at][1] < right[other][1]:
            at += 1
        else:
            other += 1
    return tuple(made)


def difference(left: Intervals, right: Intervals) -> Intervals:
    """Return what is in the first only.

    >>> difference(((1, 9),), ((3, 4), (9, 12)))
    ((1, 2), (5, 8))
    """
    if not left or not right:
        return left
    gaps: list[tuple[int, int]] = []
    start = left[0][0]
    for low, high in right:
        gaps.append((start, low - 1))
        start = max(start, high + 1)
    gaps.append((start, left[-1][1]))
    return intersection(left, tuple(gap for gap in gaps if gap[0] <= gap[1]))


def has(intervals: Intervals, number: int) -> bool:
    """Say whether a number is in the set.

    >>> has(((1, 9), (20, 30)), 25), has(((1, 9),), 10)
    (True, False)
    """
    return any(low <= number <= high for low, high in intervals)


def covers(outer: Intervals, inner: Intervals) -> bool:
    """Say whether all of a set is in another.

    >>> covers(((1, 9),), ((2, 3), (5, 9))), covers(((1, 9),), ((9, 10),))
    (True, False)
    """
    return intersection(outer, inner) == inner


def size(intervals: Intervals) -> int:
    """Return how many numbers there are.

    >>> size(((1, 9), (20, 20)))
    10
    """
    return sum(high - low + 1 for low, high in intervals)
