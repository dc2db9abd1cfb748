"""Verdicts → how often a signature was harmless: Beta distributions on the ladder, each rung the prior of the next.

    θ_l = (κ_l · θ_{l-1} + b_l) / (κ_l + b_l + m_l)        κ = 6, 4, 2, 4 for L1 … L4

b counts benign verdicts and fades with a half-life of 45 days, m counts malicious ones and fades with 180.
One malicious verdict ends a habit, until who gave it takes it back or two others contradict. A signature nobody judged yet, nor two people all of its kind, gets three quarters of what its elders suggest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

DAY = 86_400_000_000
"""Microseconds."""
KAPPA = (6.0, 4.0, 2.0, 4.0)
BENIGN_HALF_LIFE, MALICIOUS_HALF_LIFE = 45 * DAY, 180 * DAY
UNSEEN = 0.75
FRESH = 90 * DAY
"""A habit that nobody confirmed for so long is none."""
ALL = "all"
"""The key of L0."""
MOST_A_VERDICT = 3
"""Occurrences that one verdict can speak for: more of the same say the same."""
SPREAD = 2
"""Workloads at which a signature that is nothing but its rule must have been benign, to be so at others."""
TAKEN_BACK = 2
"""People who must call benign what one called malicious, for it to be so again."""
NEEDED = {"info": 1, "low": 1, "medium": 2, "high": 2, "critical": 3}
"""Benign occurrences that make a habit."""
HARMLESS = frozenset({"benign", "false_positive"})
"""Verdicts that say so."""
WIDEST = 3
"""Scope of a verdict that one person may give: the signature, at whatever workload."""


class Answer(msgspec.Struct, frozen=True):
    """A verdict as learning reads it."""

    time: int
    by: str
    verdict: str
    """true_positive, benign, false_positive or unsure."""
    keys: tuple[str, str, str, str]
    count: int
    """Alerts it answers."""
    scope: int = WIDEST
    """The rung it speaks for."""
    workload: str = ""
    detailed: bool = True
    digests: tuple[str, ...] = ()
    exe_hashes: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """Networks and clients the actor was at."""
    actor: str = ""
    features: tuple[float, ...] = ()


class Tally(msgspec.Struct):
    """Benign and malicious verdicts on one rung, faded to a moment."""

    benign: float = 0.0
    malicious: float = 0.0
    time: int = 0

    def add(self, benign: float, malicious: float, time: int) -> None:
        """Count a verdict."""
        at = max(time, self.time)
        self.benign, self.malicious = self.faded(at)
        self.benign += benign
        self.malicious += malicious
        self.time = at

    def faded(self, time: int) -> tuple[float, float]:
        """Return both counts as they weigh at a time."""
        age = max(0, time - self.time)
        return self.benign * 0.5 ** (age / BENIGN_HALF_LIFE), self.malicious * 0.5 ** (age / MALICIOUS_HALF_LIFE)


class History(msgspec.Struct):
    """What was said of one signature, or of one signature at one workload."""

    benign: int = 0
    warners: set[str] = msgspec.field(default_factory=set)
    """Who called it malicious, and did not take it back."""
    cleared: set[str] = msgspec.field(default_factory=set)
    """Who called it benign since the last warning."""
    last: int = 0
    by: set[str] = msgspec.field(default_factory=set)
    workloads: set[str] = msgspec.field(default_factory=set)
    digests: set[str] = msgspec.field(default_factory=set)
    exe_hashes: set[str] = msgspec.field(default_factory=set)

    @property
    def malicious(self) -> bool:
        """Say whether a warning stands: until who gave it takes it back, or two others contradict."""
        return bool(self.warners) and len(self.cleared) < TAKEN_BACK


class Beliefs:
    """What verdicts taught: add them in order, then ask.

    >>> beliefs = Beliefs()
    >>> keys = ("r", "i", "s", "w")
    >>> round(beliefs.theta(keys, 0), 2)
    0.38
    >>> beliefs.add(Answer(0, "ann", "benign", keys, 12))
    >>> round(beliefs.theta(keys, 0), 2), beliefs.habit(keys, "medium", 0, detailed=True)
    (0.88, True)
    """

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self._tallies: dict[str, Tally] = {}
        self._histories: dict[str, History] = {}
        self._places: dict[str, set[str]] = {}
        self._digests: set[str] = set()
        self._people: set[str] = set()
        self._said: set[tuple[str, str, int]] = set()
        self.count = 0
        for answer in answers:
            self.add(answer)

    def add(self, answer: Answer) -> None:
        """Learn a verdict; a second one of the same person on the same signature that day only counts if it warns."""
        once = (answer.by, answer.keys[3], answer.time // DAY)
        benign = answer.verdict in HARMLESS
        malicious = answer.verdict == "true_positive"
        if not (benign or malicious) or (benign and once in self._said):
            return
        self._said.add(once)
        self._people.add(answer.by)
        self.count += 1
        for key in (ALL, *answer.keys):
            self._tallies.setdefault(key, Tally()).add(float(benign), float(malicious), answer.time)
        for rung in (2, 3):
            if rung == 3 or malicious or answer.scope <= WIDEST:
                self._remember(answer.keys[rung], answer, benign=benign)
        for rung in range(answer.scope - 1, 2):
            self._remember(answer.keys[rung], answer, benign=benign)

    def _remember(self, key: str, answer: Answer, *, benign: bool) -> None:
        history = self._histories.setdefault(key, History())
        if not benign:
            history.warners.add(answer.by)
            history.cleared.clear()
            return
        history.warners.discard(answer.by)
        history.cleared.add(answer.by)
        history.benign += min(answer.count, MOST_A_VERDICT)
        history.last = max(history.last, answer.time)
        history.by.add(answer.by)
        history.workloads.add(answer.workload)
        history.digests.update(answer.digests)
        self._digests.update(answer.digests)
        history.exe_hashes.update(answer.exe_hashes)
        if answer.actor:
            self._places.setdefault(answer.actor, set()).update(answer.places)

    def theta(self, keys: Sequence[str], time: int) -> float:
        """Return the share of harmless ones to be expected of a signature at its workload."""
        benign, malicious = self._faded(ALL, time)
        theta = (1.0 + benign) / (2.0 + benign + malicious)
        for kappa, key in zip(KAPPA, keys, strict=True):
            benign, malicious = self._faded(key, time)
            theta = (kappa * theta + benign) / (kappa + benign + malicious)
        seen = keys[2] in self._tallies or any(key in self._histories for key in keys[:2])
        return theta if seen else UNSEEN * theta

    def _faded(self, key: str, time: int) -> tuple[float, float]:
        tally = self._tallies.get(key)
        return tally.faded(time) if tally else (0.0, 0.0)

    def habit(self, keys: Sequence[str], severity: str, time: int, *, detailed: bool) -> bool:
        """Say whether history excuses: often enough benign, lately, never malicious.

        A signature at its workload is asked first, then the signature anywhere, as far as verdicts spoke for that.
        """
        return self.source(keys, severity, time, detailed=detailed) is not None

    def source(self, keys: Sequence[str], severity: str, time: int, *, detailed: bool) -> History | None:
        """Return the history that excuses, the narrowest first; None where none does."""
        own, any_where = self._histories.get(keys[3]), self._histories.get(keys[2])
        if (own and own.malicious) or (detailed and any_where and any_where.malicious):
            return None
        if own and self._enough(own, severity, time):
            return own
        if any_where and any_where.malicious:
            return None
        spread = any_where and (detailed or len(any_where.workloads) >= SPREAD)
        if any_where and spread and self._enough(any_where, severity, time):
            return any_where
        for key in (keys[1], keys[0]):
            wide = self._histories.get(key)
            if wide and not wide.malicious and self._enough(wide, severity, time):
                return wide
        return None

    def confirmed(self, keys: Sequence[str], digest: str, exe_hash: str) -> bool:
        """Say whether an image is confirmed: by a verdict on anything it does, or since the executable is the same."""
        found = [history for key in keys[2:] if (history := self._histories.get(key)) is not None]
        if digest in self._digests or not any(history.digests for history in found):
            return True
        return bool(exe_hash) and any(exe_hash in history.exe_hashes for history in found)

    def malicious(self, keys: Sequence[str]) -> bool:
        """Say whether the signature was called malicious at this workload."""
        own = self._histories.get(keys[3])
        return bool(own and own.malicious)

    @staticmethod
    def _enough(history: History, severity: str, time: int) -> bool:
        enough = history.benign >= NEEDED[severity] and not history.malicious
        people = 2 if severity == "critical" else 1
        return enough and len(history.by) >= people and time - history.last <= FRESH

    def agreed(self, keys: Sequence[str]) -> bool:
        """Say whether a warning stands that two people gave, or the only one who ever gives verdicts here."""
        own = self._histories.get(keys[3])
        return bool(own and own.malicious and len(own.warners) >= min(2, len(self._people)))

    def usual(self, actor: str, place: str) -> bool:
        """Say whether an actor was at this network or client when what he did was called benign."""
        return place in self._places.get(actor, ())
