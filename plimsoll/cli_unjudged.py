"""What verbs that judge objects say of what they could not judge, and the exit code for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from plimsoll.outputs import plain

OK, INCOMPLETE = 0, 3
_SHOWN = 12


def code(problems: Sequence[str], total: int) -> int:
    """Say what could not be judged, the first of it, and return the exit code."""
    for problem in problems[:_SHOWN]:
        print(f"plimsoll: {plain.shown(problem)}", file=sys.stderr)
    if total > _SHOWN:
        print(f"plimsoll: {total:,} documents in all were set aside", file=sys.stderr)
    return INCOMPLETE if total else OK


def nothing(sources: Sequence[str]) -> int:
    """Say that there was nothing to judge: no finding, no path and no denial are good news only of objects."""
    named = ", ".join(sources[:_SHOWN]) + (", …" if len(sources) > _SHOWN else "")
    told = f"nothing was judged: {named} {'holds' if len(sources) == 1 else 'hold'} no Kubernetes objects"
    print(f"plimsoll: {plain.shown(told)}", file=sys.stderr)
    return INCOMPLETE
