"""What synthetic attacks prove of today's state: a bound on the campaigns that muting would hide.

Half of the campaigns choose the cells (rule class, human or machine) that muting may not enter, worst first, until
the upper bound of Clopper and Pearson at 95 % holds; the other half, which chose nothing, gives the bound that is
shown. Above twice the allowed share muting is frozen, and marks only; three passes in a row thaw it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import msgspec

from plimsoll.triage import autonomy, campaigns, judging, scoring
from plimsoll.triage.belief import HARMLESS
from plimsoll.triage.campaigns import Campaign
from plimsoll.triage.excuses import Context
from plimsoll.triage.scoring import Cell, Policy

COUNT = 5_000
"""Campaigns a day: with fewer, chance alone closes cells that hide nothing."""
ALPHA = 0.005
CONFIDENCE = 0.95
THAW = 3


class Share(msgspec.Struct, frozen=True):
    """How many of how many campaigns were missed."""

    campaigns: int
    missed: int
    upper: float
    """At most this share is missed, at 95 %."""


class Certificate(msgspec.Struct, frozen=True):
    """What a day's attacks showed."""

    day: int
    entries: int
    """Length of the log of verdicts that was attacked."""
    alpha: float
    share: Share
    """Of the half that chose nothing."""
    indistinguishable: Share
    """Of campaigns whose every step is an exact copy of approved behaviour: not covered."""
    families: dict[str, Share]
    contexts: dict[str, Share]
    cells_off: tuple[Cell, ...] = ()
    frozen: bool = False
    passes: int = 0
    """Passes in a row since it was frozen."""

    @property
    def holds(self) -> bool:
        """Say whether the bound is within what is allowed."""
        return self.share.upper <= self.alpha


def upper(missed: int, of: int, confidence: float = CONFIDENCE) -> float:
    """Return the upper bound of Clopper and Pearson for so many misses.

    >>> round(upper(0, 299), 4), round(upper(2, 1956), 4), upper(3, 3)
    (0.01, 0.0032, 1.0)
    """
    if of == 0 or missed >= of:
        return 1.0
    low, high = missed / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(missed, of, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(missed: int, of: int, share: float) -> float:
    """Return the probability of no more misses than these."""
    if share in (0.0, 1.0):
        return 1.0 - share
    logs = math.log(share), math.log1p(-share)
    ways = (math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(missed + 1))
    return sum(math.exp(way + k * logs[0] + (of - k) * logs[1]) for k, way in enumerate(ways))


def policy(certificate: Certificate | None, most: autonomy.Rung = "mute", alpha: float = ALPHA) -> Policy:
    """Return how far muting may go; without a certificate as far as people allow."""
    if certificate is None:
        return Policy(most=most, alpha=alpha)
    return Policy(
        most=most, frozen=certificate.frozen, cells_off=frozenset(certificate.cells_off), alpha=certificate.alpha
    )


def certify(
    judge: judging.Judge,
    *,
    day: int,
    entries: int,
    last: Certificate | None = None,
    count: int = COUNT,
    alpha: float = ALPHA,
    mimicry: float = campaigns.MIMICRY,
    families: Sequence[str] = tuple(campaigns.FAMILIES),
) -> Certificate:
    """Attack what a judge knows; nothing of it is remembered.

    >>> certify(judging.Judge(), day=1, entries=0, count=600).share
    Share(campaigns=300, missed=0, upper=0.00993608194445771)
    """
    cases = list(judge.memory.cases.values())
    drawn = list(campaigns.draw(count, (day, entries), campaigns.grounds(cases), judge.memory.clock, mimicry, families))
    choosing, proving = drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]
    benefit = _benefit(judge)
    off: set[Cell] = set()
    missed = _missed([one for one in choosing if not one.copied], judge, off)
    while missed and upper(len(missed), len(choosing)) > alpha and len(off) < len(benefit) + len(missed):
        off.add(_worst(missed, benefit, off))
        missed = _missed(missed, judge, off)
    return _told(proving, judge, off, day, entries, alpha, last)


def _told(
    proving: Sequence[Campaign],
    judge: judging.Judge,
    off: Collection[Cell],
    day: int,
    entries: int,
    alpha: float,
    last: Certificate | None,
) -> Certificate:
    real, copies = [one for one in proving if not one.copied], [one for one in proving if one.copied]
    missed = _missed(real, judge, off)
    share = _share(len(missed), len(real))
    was_frozen = last is not None and last.frozen
    passes = (last.passes + 1 if last else 1) if share.upper <= alpha and was_frozen else 0
    return Certificate(
        day=day,
        entries=entries,
        alpha=alpha,
        share=share,
        indistinguishable=_share(len(_missed(copies, judge, off)), len(copies)),
        families=_shares((one.family for one in real), (one.family for one in missed)),
        contexts=_shares((one.context for one in real), (one.context for one in missed)),
        cells_off=tuple(sorted(off)),
        frozen=share.upper > 2 * alpha or (was_frozen and passes < THAW),
        passes=passes,
    )


def _share(missed: int, of: int) -> Share:
    return Share(of, missed, upper(missed, of))


def _shares(drawn: Iterable[str], missed: Iterable[str]) -> dict[str, Share]:
    lost = Counter(missed)
    return {name: _share(lost[name], count) for name, count in sorted(Counter(drawn).items())}


def _missed(attacks: Iterable[Campaign], judge: judging.Judge, off: Collection[Cell]) -> list[Campaign]:
    """Return the campaigns of which every alert would be muted."""
    allowed = msgspec.structs.replace(judge.scorer.policy, frozen=False, cells_off=frozenset(off))
    return [one for one in attacks if _is_missed(one, judge, allowed)]


def _is_missed(one: Campaign, judge: judging.Judge, allowed: Policy) -> bool:
    known = judge.scorer
    scorer = scoring.Scorer(known.beliefs, known.weights, Context(one.statements), allowed, known.records)
    for seen in one.steps:
        found = scorer.judge(seen, judge.memory.habits.get(seen.shape.keys[3]))
        if not found.mute or (found.asks and not one.fooled):
            return False
    return True


def _cells(one: Campaign) -> set[Cell]:
    return {scoring.cell(seen.shape.rule_class, seen.shape.actor) for seen in one.steps}


def _benefit(judge: judging.Judge) -> Counter[Cell]:
    """Return how many alerts muting takes away in each cell, or will, since verdicts called them harmless."""
    found: Counter[Cell] = Counter()
    for case in judge.memory.cases.values():
        for part in case.parts.values():
            found[scoring.cell(part.rule, case.actor)] += part.count if case.verdict in HARMLESS else part.muted
    return found


def _worst(missed: Iterable[Campaign], benefit: Counter[Cell], off: Collection[Cell]) -> Cell:
    """Return the cell that hides most campaigns for what it is worth."""
    hides = Counter(cell for one in missed for cell in _cells(one) if cell not in off)
    return max(hides, key=lambda cell: (hides[cell] / (1 + benefit[cell]), cell))
