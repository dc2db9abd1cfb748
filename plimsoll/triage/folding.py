"""Repeats of what an open case told already: counted in it, and not told one by one.

A crash loop says the same thousands of times. Its case waits in the queue from the first one, and stays there; what
repeats of a habit that verdicts called harmless adds to it is only how many.
"""

from __future__ import annotations

import hashlib

from plimsoll.triage import gates
from plimsoll.triage.memory import DAY, Case
from plimsoll.triage.reading import Seen
from plimsoll.triage.scoring import Judgement

TOLD = 20
"""Repeats that are told of a day, before the rest is counted."""
MOST_ALIKE = 32
"""Alerts told apart in a case and a day: what is beyond is told."""
BEHIND = frozenset({gates.BURST, gates.CHAINED, gates.IMAGE})
"""Gates behind which repeats are the same story."""


def folds(case: Case, seen: Seen, judgement: Judgement) -> bool:
    """Say whether an alert of a case that waits only repeats what was told there today; count it.

    Nothing is folded but what a machine did and verdicts called harmless, and what is the same in all that was told:
    pod, node, image, executable, severity and words.
    """
    if (
        not judgement.known
        or case.kind != "signature"
        or case.state != "open"
        or not BEHIND.issuperset(judgement.gates)
    ):
        return False
    day, alike = seen.time // DAY, likeness(seen)
    if case.told_day != day:
        case.told_day, case.told = day, {}
    told = case.told.get(alike, 0)
    if told < TOLD and (told or len(case.told) < MOST_ALIKE):
        case.told[alike] = told + 1
    if told < TOLD:
        return False
    case.folded_since = case.folded_since or seen.time
    return True


def likeness(seen: Seen) -> str:
    """Return what is the same for alerts that differ in nothing but their time."""
    told = (seen.shape.keys[3], seen.severity, seen.title, seen.pod, seen.node, seen.digest, seen.exe_hash)
    return hashlib.blake2b("\x1f".join(told).encode("utf-8", "replace"), digest_size=6).hexdigest()
