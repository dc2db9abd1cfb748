"""How many bits a doubtful story needs: as many as let through, while learning, the alerts a day that somebody can read.

Every threshold is fixed by what was learned, before anything is judged: what was new after the warm-up is weighed as if
it were judged (`quarantine.scores`), and the budget's share of it is what would have been told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from plimsoll.detect import stories


class Budget(NamedTuple):
    """What learning's own sessions weighed, most first, and on how many days there were any."""

    scores: tuple[float, ...]
    days: int

    def least(self, alerts: int) -> float | None:
        """Return the bits that no more than so many sessions a day exceeded; None where there were no more than that.

        Certain stories are always told, whatever learning had.

        >>> Budget((9.0, 6.5, 6.0, 5.5, 2.0), 2).least(1), Budget((9.0,), 1).least(1), Budget((9.0, 8.0), 1).least(1)
        (6.0, None, 7.0)
        """
        room = alerts * self.days
        return min(stories.CERTAIN, max(stories.DOUBTFUL, self.scores[room])) if room < len(self.scores) else None


def of(sessions: Iterable[tuple[datetime, float]]) -> Budget:
    """Return the budget that sessions (their beginning, their bits) stand for."""
    known = list(sessions)
    scores = tuple(sorted((bits for _, bits in known), reverse=True))
    return Budget(scores, max(1, len({begun.date() for begun, _ in known})))
