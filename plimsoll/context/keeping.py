"""What a source last said, for as long as that holds; and when it fails again and again, peace for both sides.

Within its time to live an answer is used without asking. Afterwards it is as good as never given: a group that
somebody left, or a ticket that was closed, must not go on excusing because a service cannot be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from plimsoll.context.statements import Said, Silent

FAILURES = 3
"""So many in a row, and the source is left in peace."""
REST, LONGEST = timedelta(minutes=1), timedelta(minutes=30)


class Kept:
    """The answer of one source, with its age, and the breaker before it."""

    def __init__(self, ask: Callable[[datetime], Said], ttl: timedelta) -> None:
        self._ask, self._ttl = ask, ttl
        self._said: Said | None = None
        self._fetched: datetime | None = None
        self._failures = 0
        self._rests_until: datetime | None = None
        self._reason = ""

    def said(self, now: datetime) -> tuple[Said, datetime]:
        """Return what holds now and since when we know; raise Silent where nothing does."""
        if self._said and self._fetched and timedelta(0) <= now - self._fetched < self._ttl:
            return self._said, self._fetched
        self._said = None
        if self._rests_until and now < self._rests_until:
            raise Silent(f"{self._reason}; not asked again before {self._rests_until:%H:%M:%S} UTC")
        try:
            self._said, self._fetched = self._ask(now), now
        except Silent as silent:
            self._failed(silent, now)
            raise
        self._failures, self._rests_until = 0, None
        return self._said, self._fetched

    def _failed(self, silent: Silent, now: datetime) -> None:
        self._failures += 1
        self._reason = str(silent)
        rest = silent.rest
        if self._failures >= FAILURES:
            doubled = min(REST * 2 ** min(self._failures - FAILURES, 10), LONGEST)
            rest = max(rest or doubled, doubled)
        self._rests_until = now + rest if rest else None
