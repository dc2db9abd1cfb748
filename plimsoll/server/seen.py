"""What came lately, so that what is sent again is known: bounded memory, the oldest half is forgotten first."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 200_000
"""Keys of a half; about 80 bytes each. An API server sends again within seconds what was not acknowledged."""


class Seen:
    """The last keys, at least `most` and at most twice as many.

    >>> seen = Seen(2)
    >>> [seen.add(key) for key in (1, 1, 2, 3, 4, 5)], 1 in seen, 3 in seen
    ([True, False, True, True, True, True], False, True)
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._new, self._old = set[int](), set[int]()

    def __contains__(self, key: int) -> bool:
        return key in self._new or key in self._old

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, key: int) -> bool:
        """Take a key in; whether it is new."""
        if key in self:
            return False
        if len(self._new) >= self._most:
            self._old, self._new = self._new, set()
        self._new.add(key)
        return True

    def forget(self, keys: Iterable[int]) -> None:
        """Let go of keys whose records could not be kept after all."""
        for key in keys:
            self._new.discard(key)
            self._old.discard(key)
