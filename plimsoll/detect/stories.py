"""From acts to stories: what one actor did from one place with one client, told once.

Acts that stand within a minute of each other are a chapter, and a chapter is judged as a whole:

    score = source + client + credential + ledger + best tactic + a quarter of the other tactics

in bits, as `weigh` gives them; views no better than habit take at most one bit off. A chapter of the same hour
that tells nothing new belongs to the alert that was raised already. What a harmless chapter showed becomes
habit at once, so a change is told once; what a doubtful one showed does not (quarantine).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from plimsoll.detect.acts import Act, Fact

BREATH = timedelta(minutes=1)
"""Acts nearer than this are one chapter."""
HOUR = timedelta(hours=1)
"""What is told once within this time is not told again."""
QUARANTINE = 8.0
"""Chapters of this many bits or more are not learned from."""
CERTAIN = 8.0
"""Stories of this many bits are always told, whatever the budget."""
DOUBTFUL = 5.0
"""Stories of this many bits are told where the budget has room."""
LEAST = 1.0
"""Bits below which a fact says nothing."""
OTHER_TACTICS = 0.25
"""Share of the tactics beside the best one: an upper bound that a single restore of a backup does not reach."""
FINDING_BITS = 14.0
"""What one finding of the token ledger weighs."""
SLOT_CAP = 3
"""Times that one chapter can add to a habit."""

Actor = tuple[str, str, str]
"""Subject, address, client."""


class Chapter(msgspec.Struct):
    """The acts of one actor within a breath, and what they weigh."""

    actor: Actor
    acts: list[Act]
    first: datetime
    last: datetime
    views: dict[str, tuple[float, Fact]] = {}
    """The weightiest fact of each view that describes the actor: source, client, credential."""
    deeds: dict[str, tuple[float, Act]] = {}
    """The weightiest act of each tactic."""
    findings: list[str] = []

    @property
    def score(self) -> float:
        """Bits of evidence that this chapter is no habit."""
        tactics = sorted((max(0.0, bits) for bits, _ in self.deeds.values()), reverse=True)
        told = tactics[0] + OTHER_TACTICS * sum(tactics[1:]) if tactics else 0.0
        return (
            sum(self._seen_as(view) for view in ("source", "client", "credential"))
            + told
            + FINDING_BITS * bool(self.findings)
        )

    def _seen_as(self, view: str) -> float:
        """Bits of one view of the actor; usual surroundings take off one bit at most, for they can be forged."""
        return max(-1.0, sum(bits for bits, fact in self.views.values() if fact.view == view))

    @property
    def facts(self) -> list[Fact]:
        """The facts of all its acts."""
        return [fact for act in self.acts for fact in act.facts]

    @property
    def telling(self) -> frozenset[tuple[str, str, str, str]]:
        """The facts that speak for an alert, and each finding: no other story must swallow it."""
        found = [(self.actor[0], "ledger", "", finding) for finding in self.findings]
        return frozenset([*found, *(fact.key for fact in self.facts if fact.bits >= LEAST)])


class Habits:
    """What was shown since learning ended, and is no longer news."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str, str], int] = {}

    def bits(self, fact: Fact) -> float:
        """Return the fact's bits as of now."""
        return fact.bits_after(self._seen.get(fact.key, 0))

    def learn(self, chapter: Chapter) -> None:
        """Take over what a harmless chapter showed."""
        counts: dict[tuple[str, str, str, str], int] = {}
        for act in chapter.acts:
            for fact in act.facts:
                counts[fact.key] = counts.get(fact.key, 0) + act.count
        for key, count in counts.items():
            self._seen[key] = self._seen.get(key, 0) + min(count, SLOT_CAP)


def chapters(acts: Iterable[Act]) -> Iterator[tuple[Chapter, float]]:
    """Yield the chapters of acts (ordered by time) as they end, each with its score at that time."""
    habits = Habits()
    running: dict[Actor, Chapter] = {}
    for act in acts:
        for actor in [actor for actor, chapter in running.items() if act.time - chapter.last > BREATH]:
            yield _ended(running.pop(actor), habits)
        if not act.findings and all(habits.bits(fact) < LEAST for fact in act.facts):
            continue
        actor = (act.subject, act.address, act.product)
        chapter = running.get(actor)
        if chapter is None:
            chapter = running[actor] = Chapter(actor, [], act.time, act.last, {}, {}, [])
        _add(chapter, act, habits)
    for chapter in running.values():
        yield _ended(chapter, habits)


def _add(chapter: Chapter, act: Act, habits: Habits) -> None:
    chapter.acts.append(act)
    chapter.last = max(chapter.last, act.last)
    chapter.findings += [finding for finding in act.findings if finding not in chapter.findings]
    deed = 0.0
    for fact in act.facts:
        bits = habits.bits(fact)
        if fact.view != "deed":
            if bits > chapter.views.get(fact.verb, (-99.0, fact))[0]:
                chapter.views[fact.verb] = (bits, fact)
        elif fact.verb != "touch" or bits > 0:
            deed += bits
    if deed > chapter.deeds.get(act.tactic, (-99.0, act))[0]:
        chapter.deeds[act.tactic] = (deed, act)


def _ended(chapter: Chapter, habits: Habits) -> tuple[Chapter, float]:
    score = chapter.score
    if score < QUARANTINE:
        habits.learn(chapter)
    return chapter, score


class Story(msgspec.Struct):
    """One alert in the making: a chapter, and the later ones that told the same."""

    chapter: Chapter
    score: float
    last: datetime
    repeats: list[Chapter] = []


def stories(acts: Iterable[Act], threshold: float) -> list[Story]:
    """Return the stories of acts (ordered by time) whose first chapter weighs at least `threshold` bits."""
    told: list[Story] = []
    recent: dict[str, list[Story]] = {}
    for chapter, score in chapters(acts):
        if score < threshold:
            continue
        subject = chapter.actor[0]
        open_stories = [story for story in recent.get(subject, []) if chapter.first - story.last <= HOUR]
        known = frozenset().union(*(one.telling for story in open_stories for one in (story.chapter, *story.repeats)))
        if open_stories and chapter.telling <= known:
            nearest = open_stories[-1]
            nearest.repeats.append(chapter)
            nearest.last = chapter.last
        else:
            story = Story(chapter, score, chapter.last, [])
            told.append(story)
            open_stories.append(story)
        recent[subject] = open_stories
    return told
