"""What a change of a cluster opens and closes: from which starts which goals can be reached now, and could be before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from plimsoll.paths.answer import Answer
from plimsoll.paths.search import Route


class Difference(NamedTuple):
    """Paths that are there on one side of a change only."""

    opened: list[Route]
    """The easiest of each start and goal that had none, most worth closing first."""
    closed: list[Route]


def difference(before: Answer, after: Answer) -> Difference:
    """Return which ends a change joins, and which it parts."""
    old, new = _ends(before.routes), _ends(after.routes)
    opened = [one for ends, one in new.items() if ends not in old]
    return Difference(opened, [one for ends, one in old.items() if ends not in new])


def _ends(routes: Iterable[Route]) -> dict[tuple[str, str], Route]:
    """Return the first route of each start and goal."""
    found: dict[tuple[str, str], Route] = {}
    for one in routes:
        found.setdefault((one.nodes[0], one.nodes[-1]), one)
    return found
