"""What came lately, so that what is sent again is known: bounded memory, the oldest half is forgotten first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 200_000
"""Keys of a half; about 80 bytes each. An API server sends again within seconds what was not acknowledged."""


class Seen:
    """The last keys: at least `most`, and about twice as many at the most.

    >>> seen = Seen(2)
    >>> seen.add([1, 1]), seen.add([2, 3]), seen.add([3]), seen.add([1])
    ([True, False], [True, True], [False], [True])
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._new, self._old = set[int](), set[int]()

    def __contains__(self, key: int) -> bool:
        return key in self._new or key in self._old

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, keys: Sequence[int]) -> list[bool]:
        """Take keys in; whether each is new."""
        if len(self._new) + len(keys) > self._most:
            self._old, self._new = self._new, set()
        # At C's speed where all are new, as they should be.
        if len(set(keys)) == len(keys) and self._new.isdisjoint(keys) and self._old.isdisjoint(keys):
            self._new.update(keys)
            return [True] * len(keys)
        return [self._is_new(key) for key in keys]

    def forget(self, keys: Iterable[int]) -> None:
        """Let go of keys whose records could not be kept after all."""
        for key in keys:
            self._new.discard(key)
            self._old.discard(key)

    def _is_new(self, key: int) -> bool:
        if key in self:
            return False
        self._new.add(key)
        return True
