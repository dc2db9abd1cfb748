"""From acts to stories: what one actor did from one place with one client, told once.

Acts that stand within a minute of each other are a chapter, and a chapter is judged as a whole:

    score = source + client + credential + ledger
            + the more of: best tactic + a quarter of the others; best rule + a quarter of the others
            + half of the less of these two

in bits, as `weigh` gives them; views no better than habit take at most one bit off. A chapter of the same hour
that tells nothing new belongs to the alert that was raised already. What a harmless chapter showed becomes
habit at once, so a change is told once; what a doubtful one showed does not (quarantine).
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from plimsoll.detect import audit_rules, changes
from plimsoll.detect.acts import Act, Fact

BREATH = timedelta(minutes=1)
"""Acts nearer than this are one chapter."""
LONGEST, MOST_ACTS = timedelta(hours=1), 10_000
"""A chapter that goes on is ended, and another begun: what never pauses must not grow for ever."""
TOLD = timedelta(days=7)
"""What was told and goes on is not told again, unless it had stopped for so long."""
NEWS = 2.0
"""Bits that a later chapter must bring beyond what was told, to be a story of its own."""
QUARANTINE = 8.0
"""Chapters of this many bits or more are not learned from."""
CERTAIN = 7.0
"""Stories of this many bits are always told, whatever the budget."""
DOUBTFUL = 5.0
"""Stories of this many bits are told where the budget has room."""
LEAST = 1.0
"""Bits below which a fact says nothing."""
OTHER_TACTICS = 0.25
"""Share of the tactics beside the best one: an upper bound that a single restore of a backup does not reach."""
BOTH = 0.25
"""Share of what rules say beside what is unusual, or the other way round: they speak of the same deed."""
FINDING_BITS = 14.0
"""What one finding of the token ledger weighs."""
POD_MOVED = 1.0
"""Most bits of a new address of a token that is bound to its pod."""
CHANGE = 4.0
"""Bits that a change in the same namespace takes off what is new there."""
UNHEARD = 1.0
"""Most bits of a namespace that nobody can know yet."""
SENSITIVE = 5.0
"""Bits from which something that attackers ask for does not become habit by itself."""
BROAD = 4.0
"""Bits from which a deed counts as one of many."""
OWN_OBJECT = 1.0
"""Most bits of what one does to what one made oneself, and of what a cluster does to set itself up."""
SLOT_CAP = 3
"""Times that one chapter can add to a habit."""

SEVERITIES = ((20.0, "critical"), (14.0, "high"), (10.0, "medium"), (0.0, "low"))
"""Bits from which an alert is called so."""
MOST_HABITS = 1_000_000
"""Facts that became habit while judging; of more the older half is forgotten."""

Key = tuple[str, str, str, str]
Actor = tuple[str, str, str]
"""Subject, address, client."""


class Memory(msgspec.Struct):
    """What a teller knows, for a restart to begin with: habits, and what was told."""

    habits: list[tuple[Key, int]] = []
    told: list[tuple[Actor, datetime, datetime, list[Key]]] = []
    """Of each story its actor, first and last act, and what spoke for it."""


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
    rules: dict[str, tuple[float, Act]] = {}
    """The first act that each rule hit, where it is no habit, with the rule's bits."""
    breadth: dict[str, set[tuple[str, str, str]]] = {}
    """For each tactic the different things it was done to, where that weighs at least BROAD bits."""
    telling: set[Key] = set()
    """The facts that speak for an alert, and each finding."""
    founding: bool = False
    """The cluster was being set up."""

    @property
    def score(self) -> float:
        """Bits of evidence that this chapter is no habit."""
        done = _most_of(max(0.0, bits) + self._broad(tactic) for tactic, (bits, _) in self.deeds.items())
        ruled = _most_of(bits for bits, _ in self.rules.values())
        return (
            sum(self._seen_as(view) for view in ("source", "client", "credential"))
            + max(done, ruled)
            + BOTH * min(done, ruled)
            + FINDING_BITS * bool(self.findings)
        )

    def _broad(self, tactic: str) -> float:
        """Bits of doing it to many things: each doubling is one more."""
        return math.log2(max(1, len(self.breadth.get(tactic, ()))))

    def _seen_as(self, view: str) -> float:
        """Bits of one view of the actor; usual surroundings take off one bit at most, for they can be forged."""
        return max(-1.0, sum(bits for bits, fact in self.views.values() if fact.view == view))

    @property
    def facts(self) -> list[Fact]:
        """The facts of all its acts."""
        return [fact for act in self.acts for fact in act.facts]


def _most_of(bits: Iterable[float]) -> float:
    """Return the most of these, and a quarter of the others."""
    ordered = sorted(bits, reverse=True)
    return ordered[0] + OTHER_TACTICS * sum(ordered[1:]) if ordered else 0.0


class Habits:
    """What was shown since learning ended, and is no longer news."""

    def __init__(self) -> None:
        self._seen: dict[Key, int] = {}

    def bits(self, fact: Fact) -> float:
        """Return the fact's bits as of now."""
        return fact.bits_after(self._seen.get(fact.key, 0))

    def memory(self) -> list[tuple[Key, int]]:
        """Return what was shown, and how often."""
        return list(self._seen.items())

    def restore(self, memory: Iterable[tuple[Key, int]]) -> None:
        """Begin with what was shown before."""
        self._seen = dict(memory)

    def learn(self, chapter: Chapter) -> None:
        """Take over what a harmless chapter showed."""
        counts: dict[Key, int] = {}
        for act in chapter.acts:
            for fact in act.facts:
                if not (act.tactic and fact.verb == "request" and fact.bits >= SENSITIVE):
                    counts[fact.key] = counts.get(fact.key, 0) + act.count
        if len(self._seen) >= MOST_HABITS:
            self._seen = dict(list(self._seen.items())[MOST_HABITS // 2 :])
        for key, count in counts.items():
            self._seen[key] = self._seen.get(key, 0) + min(count, SLOT_CAP)


class Chapters:
    """Chapters as they run and end, fed with acts in order of time."""

    def __init__(self, known: changes.Changes | None = None) -> None:
        self.habits = Habits()
        self._changes = known or changes.Changes()
        self._running: dict[Actor, Chapter] = {}

    def take(self, act: Act) -> tuple[list[Chapter], Chapter | None]:
        """Return the chapters that had ended when the act came, and the one it belongs to, if it tells anything."""
        ended = self.end(before=act.time)
        if (
            not act.findings
            and (not act.rules or act.habitual)
            and all(self.habits.bits(fact) < LEAST for fact in act.facts)
        ):
            return ended, None
        actor = (act.subject, act.address, act.product)
        chapter = self._running.get(actor)
        if chapter is None:
            chapter = self._running[actor] = Chapter(actor, [], act.time, act.last, {}, {}, [], {}, {}, set())
        _add(chapter, act, self.habits, self._changes)
        return ended, chapter

    def beyond(self, chapter: Chapter, known: Container[Key]) -> float:
        """Return what the chapter weighs where facts and findings that are known weigh nothing."""
        rest = Chapter(chapter.actor, [], chapter.first, chapter.last, {}, {}, [], {}, {}, set())
        for act in chapter.acts:
            facts = tuple(fact for fact in act.facts if fact.key not in known)
            findings = tuple(one for one in act.findings if _finding(act, one) not in known)
            rules = tuple(rule for rule in act.rules if _ruled(act, rule) not in known and not act.habitual)
            left = msgspec.structs.replace(act, facts=facts, findings=findings, rules=rules)
            _add(rest, left, self.habits, self._changes)
        return rest.score

    def alone(self, act: Act) -> float:
        """Return what an act says by itself, as of now: usual deeds weigh less the more usual they are, without a floor."""
        chapter = Chapter((act.subject, act.address, act.product), [], act.time, act.last, {}, {}, [], {}, {}, set())
        _add(chapter, act, self.habits, self._changes)
        done = min(0.0, chapter.deeds[act.tactic][0])
        return chapter.score + done + sum(fact.beneath for fact in act.facts if fact.view == "deed")

    def end(self, before: datetime | None = None) -> list[Chapter]:
        """End the chapters without an act for a breath, all of them without a time; the harmless become habit."""
        ended = [one for one in self._running.values() if before is None or _over(one, before)]
        for chapter in ended:
            del self._running[chapter.actor]
            if chapter.score < QUARANTINE:
                self.habits.learn(chapter)
        return ended


def _over(chapter: Chapter, at: datetime) -> bool:
    return at - chapter.last > BREATH or at - chapter.first > LONGEST or len(chapter.acts) >= MOST_ACTS


def chapters(acts: Iterable[Act]) -> Iterator[tuple[Chapter, float]]:
    """Yield the chapters of acts (ordered by time) as they end, each with its score at that time."""
    told = Chapters()
    for act in acts:
        for chapter in told.take(act)[0]:
            yield chapter, chapter.score
    for chapter in told.end():
        yield chapter, chapter.score


def _add(chapter: Chapter, act: Act, habits: Habits, known: changes.Changes) -> None:
    chapter.acts.append(act)
    chapter.last = max(chapter.last, act.last)
    chapter.founding = chapter.founding or known.founding(act.time)
    # A finding is told for itself: no other story must swallow it.
    chapter.telling |= {_finding(act, finding) for finding in act.findings}
    chapter.telling |= {fact.key for fact in act.facts if fact.bits >= LEAST}
    chapter.findings += [finding for finding in act.findings if finding not in chapter.findings]
    for rule in () if act.habitual else act.rules:
        chapter.rules.setdefault(rule, (audit_rules.by_id()[rule].bits, act))
        chapter.telling.add(_ruled(act, rule))
    for fact in act.facts:
        if fact.view != "deed" and (bits := _seen(fact, act, habits)) > chapter.views.get(fact.verb, (-99.0, fact))[0]:
            chapter.views[fact.verb] = (bits, fact)
    deed = _done(act, habits, known)
    if deed >= BROAD and act.tactic:
        chapter.breadth.setdefault(act.tactic, set()).add((act.request, act.namespace, act.name))
    if deed > chapter.deeds.get(act.tactic, (-99.0, act))[0]:
        chapter.deeds[act.tactic] = (deed, act)


def _finding(act: Act, finding: str) -> Key:
    return act.subject, "ledger", "", finding


def _ruled(act: Act, rule: str) -> Key:
    return act.subject, "rule", act.namespace, rule


def _seen(fact: Fact, act: Act, habits: Habits) -> float:
    """Return the bits of where an act came from; the address of a pod is the ledger's business."""
    bits = habits.bits(fact)
    return min(bits, POD_MOVED) if act.bound and fact.verb in ("from", "address") else bits


def _done(act: Act, habits: Habits, known: changes.Changes) -> float:
    """Return the bits of what was done, less what a change explains of it."""
    unheard = known.unheard(act.namespace, act.time)
    told = [
        (fact.verb, min(habits.bits(fact), UNHEARD) if unheard and fact.verb == "within" else habits.bits(fact))
        for fact in act.facts
        if fact.view == "deed"
    ]
    bits = sum(bits for verb, bits in told if verb != "touch" or bits > 0)
    if act.outcome == "ok" and known.own(act.subject, act.request, act.namespace, act.name, act.time):
        bits = min(bits, OWN_OBJECT)
    if known.founds(act.subject, act.time):
        bits = min(bits, OWN_OBJECT)
    return bits - CHANGE * known.explains(act.subject, act.namespace, act.time)


class Story(msgspec.Struct):
    """One alert in the making: a chapter, and the later ones that told the same."""

    chapter: Chapter
    last: datetime
    repeats: list[Chapter] = []
    severity: str = ""
    """What it was called when it was last told."""

    @property
    def score(self) -> float:
        """Bits of the chapter, as far as it has come."""
        return self.chapter.score

    def told(self) -> Story | None:
        """Return the story where it is to be told: for the first time, or as graver than before."""
        called, before = severity(self.score, found=bool(self.chapter.findings)), self.severity
        if before and _GRAVITY[called] <= _GRAVITY[before]:
            return None
        self.severity = called
        return self


def severity(bits: float, *, found: bool = False) -> str:
    """Return what an alert of so many bits is called; a finding of the ledger is at least high.

    >>> severity(7.5), severity(7.5, found=True)
    ('low', 'high')
    """
    return next(name for least, name in SEVERITIES if max(bits, 14.0 if found else 0.0) >= least)


_GRAVITY = {name: least for least, name in SEVERITIES}


class Teller:
    """Tells the stories of at least `threshold` bits as soon as they weigh as much."""

    def __init__(self, threshold: float, known: changes.Changes | None = None) -> None:
        self._threshold = threshold
        self._chapters = Chapters(known)
        self._recent: dict[str, list[Story]] = {}

    def tell(self, acts: Iterable[Act]) -> list[Story]:
        """Return the stories that begin with these acts (ordered by time), or became graver with them, each once."""
        told: dict[int, Story] = {}
        for act in acts:
            ended, chapter = self._chapters.take(act)
            self._repeat(ended)
            if chapter is not None and chapter.score >= self._threshold and (story := self._news(chapter)):
                told[id(story)] = story
        return list(told.values())

    def memory(self) -> Memory:
        """Return habits and what was told in the last days; chapters that run will have ended by the next start."""
        known = [story for stories in self._recent.values() for story in stories]
        latest = max((story.last for story in known), default=None)
        told = [
            (story.chapter.actor, story.chapter.first, story.last, sorted(story.chapter.telling))
            for story in known
            if latest is not None and latest - story.last <= TOLD
        ]
        return Memory(self._chapters.habits.memory(), told)

    def restore(self, memory: Memory) -> None:
        """Begin with what an earlier teller knew."""
        self._chapters.habits.restore(memory.habits)
        for actor, first, last, telling in memory.told:
            chapter = Chapter(actor, [], first, last, {}, {}, [], {}, {}, set(telling))
            self._recent.setdefault(actor[0], []).append(Story(chapter, last, []))

    def end(self) -> None:
        """Close what is still running."""
        self._repeat(self._chapters.end())

    def _news(self, chapter: Chapter) -> Story | None:
        """Return a new story where the chapter tells enough that no story told before; its own where that is graver now."""
        stories = self._open(chapter)
        if own := next((story for story in stories if story.chapter is chapter), None):
            return own.told()
        known = set().union(*(story.chapter.telling for story in stories))
        if stories and (chapter.telling <= known or self._chapters.beyond(chapter, known) < NEWS):
            return None
        story = Story(chapter, chapter.last, [])
        self._recent[chapter.actor[0]] = [*stories, story]
        return story.told()

    def _repeat(self, ended: Iterable[Chapter]) -> None:
        """Add chapters that told nothing new to the last story of the hour."""
        for chapter in ended:
            told = self._open(chapter)
            own = next((story for story in told if story.chapter is chapter), None)
            if own:
                own.last = max(own.last, chapter.last)
            elif told and chapter.score >= self._threshold:
                told[-1].repeats.append(chapter)
                told[-1].last = chapter.last

    def _open(self, chapter: Chapter) -> list[Story]:
        """Return the stories of the subject that are not an hour old, and forget the others."""
        subject = chapter.actor[0]
        told = [story for story in self._recent.get(subject, []) if chapter.first - story.last <= TOLD]
        self._recent[subject] = told
        return told


def stories(acts: Iterable[Act], threshold: float, known: changes.Changes | None = None) -> list[Story]:
    """Return the stories of acts (ordered by time) whose chapter weighs at least `threshold` bits."""
    teller = Teller(threshold, known)
    told = teller.tell(acts)
    teller.end()
    return told
