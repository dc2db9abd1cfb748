"""A rollout that stands beside an alert: its workload was just changed, by somebody else. It is shown, and excuses nothing.

A new image stays unconfirmed however it came (gate G7). What the actor rolled out himself explains nothing of what
he does, nor does an earlier rollout that his own replaced.
"""

from __future__ import annotations

from typing import NamedTuple

from plimsoll.triage import verdicts
from plimsoll.triage.excuses import MINUTE, Context, Statement
from plimsoll.triage.incidents import plain
from plimsoll.triage.memory import Case, Habit
from plimsoll.triage.reading import Seen

TTL = 5 * MINUTE
MOST = 8
"""Rollouts kept of a case."""
SHOWN = 19
"""Letters of a digest that tell it apart: `sha256:` and twelve."""


class Rollout(NamedTuple):
    """What stands beside an alert."""

    key: str
    """Which rollout it is."""
    words: str
    link: str


def beside(context: Context, seen: Seen, habit: Habit) -> Rollout | None:
    """Return the last rollout of an alert's workload, where it holds and others did it."""
    told = context.rollouts.get(plain(seen.shape.workload)) if context.rollouts else None
    if not told:
        return None
    before = [one for one in told if one.since is not None and one.since <= seen.time]
    last = max(before, key=lambda one: (one.since or 0, one.id), default=None)
    if last is None or not _counts(last, seen):
        return None
    minutes = (seen.time - (last.since or 0)) // MINUTE
    words = f"rolled out {minutes} min before by {last.creator}{_images(seen, habit)}"
    return Rollout(f"{last.since} {last.creator}", words, last.link)


def _counts(one: Statement, seen: Seen) -> bool:
    """Say whether a rollout holds still, was heard in time, and is somebody else's than the alert's actor."""
    actor = verdicts.person(seen.shape.actor or seen.shape.workload)
    heard = one.fetched is not None and seen.time - one.fetched <= TTL
    holds = one.until is None or seen.time <= one.until
    return heard and holds and bool(one.creator) and verdicts.person(one.creator) != actor


def _images(seen: Seen, habit: Habit) -> str:
    if not (seen.digest and habit.digest_before):
        return ""
    return f", image digest {habit.digest_before[:SHOWN]}→{seen.digest[:SHOWN]}"


def remember(habit: Habit, digest: str) -> None:
    """Remember in which image a signature was seen.

    >>> habit = Habit()
    >>> for digest in ("a", "b", "b"):
    ...     remember(habit, digest)
    >>> habit.digest_before, habit.digest
    ('a', 'b')
    """
    if digest != habit.digest:
        habit.digest_before, habit.digest = habit.digest, digest


def note(case: Case, rollout: Rollout) -> None:
    """Write a rollout down in a case, once."""
    if rollout.key not in case.rollouts and len(case.rollouts) < MOST:
        case.rollouts[rollout.key] = rollout.words
