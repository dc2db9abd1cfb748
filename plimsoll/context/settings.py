"""What the configuration of context says of every source, whichever its kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from plimsoll.context.people import People

Minutes = Annotated[float, msgspec.Meta(gt=0, le=24 * 60)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source."""

    kind: str
    """Which adapter."""
    name: str = ""
    """What it is called in cases; by default its kind."""
    minutes: Minutes | None = None
    """How long an answer holds."""
    people: People = People()
    allows: tuple[str, ...] = ()
    """Rule classes excused where a statement does not say which."""

    def ttl(self, usual: timedelta) -> timedelta:
        """Return how long an answer holds; it can be shortened, not stretched.

        >>> Options(kind="jira", minutes=60).ttl(timedelta(minutes=5))
        datetime.timedelta(seconds=300)
        """
        return usual if self.minutes is None else min(usual, timedelta(minutes=self.minutes))
