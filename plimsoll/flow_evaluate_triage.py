"""The wiring of triage's evaluation: a simulated cluster → triage, as users run it, and its rivals → figures.

Each day begins with what was learned so far. Attacks held back are judged against that and never learned; then the
day's alerts come, and then the analysts, who answer the most pressing cases as far as their verdicts go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from plimsoll.evaluate import bounds, muting, rivals
from plimsoll.evaluate.simulated import days, frozen, intrusions
from plimsoll.evaluate.simulated.analyst import Analysts, Said
from plimsoll.evaluate.simulated.days import DAY, Day, Row, Told, World
from plimsoll.evaluate.simulated.intrusions import Campaign
from plimsoll.triage import campaigns as own_attacks
from plimsoll.triage import certificate, excuses, judging, memory, queue, reading, scoring, verdicts, weights
from plimsoll.triage.reading import Seen

SESSION, DAILY = 40, 12
"""Verdicts of a day: in the first sessions, until WITHIN were given, and from then on."""
MILESTONES = (12, 40, 60, 136, 150, 168, 300)
MIMICRY = (0.0, 0.15, 0.3, 0.4, 0.6, 0.8)
KEPT = ("web-shell", "exfiltration", "persistence", "privileges", "cover")
"""Families of the certificate's own attacks that stay when the others are left out."""
LEFT_OUT = ("mining", "token-theft", "key-hunting", "moving-on", "hands-on", "breakout")
"""Attacks held back whose kin the certificate then never tried."""
Progress = Callable[[str], None]


class Options(NamedTuple):
    """How to evaluate."""

    seeds: tuple[int, ...] = (6,)
    days: int = 28
    campaigns: int = 2_400
    """Attacks held back, of each day that is probed."""
    session: int = SESSION
    rivals: bool = True
    certify: int = certificate.COUNT
    """Attacks of the certificate a day."""


def quiet(_: str) -> None:
    """Show no progress."""


def evaluate(options: Options, progress: Progress = quiet) -> muting.Report:
    """Return all figures."""
    daily: list[muting.Daily] = []
    left: list[tuple[int, muting.Missed]] = []
    curve: list[tuple[int, float, muting.Missed]] = []
    for seed in options.seeds:
        world = World(seed)
        trial = Trial(world, options)
        daily += list(trial.run(progress))
        curve += [(seed, share, trial.probe(options.days - 1, share, 1)[0]) for share in MIMICRY]
        left.append((seed, trial.left_out()))
        if options.rivals:
            daily += list(_rivals(world, options, progress))
    told = tuple(daily)
    milestones = tuple(_milestones(told))
    return muting.Report(
        frozen.digest(),
        options.seeds,
        options.days,
        told,
        milestones,
        tuple(left),
        tuple(curve),
        _met(told, left),
    )


class Trial:
    """Triage on trial in a world."""

    def __init__(self, world: World, options: Options) -> None:
        self._world, self._options = world, options
        self._analysts = Analysts(world.seed)
        self._certificate: certificate.Certificate | None = None
        self._said = 0
        self._seen: dict[Row, Seen] = {}
        self.judge = judging.Judge(memory.Memory(), secret=f"seed {world.seed}".encode())

    def run(self, progress: Progress) -> Iterator[muting.Daily]:
        """Yield the figures of each day."""
        for number in range(self._options.days):
            progress(f"seed {self._world.seed}: day {number + 1} of {self._options.days}")
            yield self._day(number)

    def _day(self, number: int) -> muting.Daily:
        self._certify(number)
        before = self._said
        missed, scores = self.probe(number)
        day = self._world.day(number)
        self.judge.hear(_context(day.told, number))
        decisions = self.judge.take(self._alerts(day))
        self._confirm(number)
        shown = np.array([not one.mute for one in decisions], dtype=bool)
        audits = np.array([one.judgement.mute and not one.mute and not one.turned for one in decisions], dtype=bool)
        ece = _calibration(decisions, scores, self._options.campaigns)
        self._answer(self._budget())
        memory.prune(self.judge.memory)
        self.judge.changed_habits.clear()
        self.judge.changed_cases.clear()
        loud = muting.kept_loud(day, [_reason(one) for one in decisions])
        hidden = muting.hidden(day, shown, audits)
        return muting.Daily("plimsoll", self._world.seed, number, before, hidden, missed, ece, loud)

    def _certify(self, number: int) -> None:
        self._certificate = self._attacked(number)
        self.judge.allow(certificate.policy(self._certificate))

    def _alerts(self, day: Day) -> Iterator[Seen]:
        """Yield a day's alerts as triage reads them; the same row is read once."""
        known = [self._read(row) for row in day.rows]
        for number, (time, of) in enumerate(zip(day.times.tolist(), day.of.tolist(), strict=True)):
            yield msgspec.structs.replace(known[of], id=f"{day.number}-{number}", time=time)

    def _read(self, row: Row) -> Seen:
        seen = self._seen.get(row)
        if seen is None:
            seen = self._seen[row] = msgspec.structs.replace(reading.of(_line(row)), gap=row.gap)
        return seen

    def probe(
        self,
        number: int,
        mimicry: float = intrusions.MIMICRY,
        mark: int = 0,
        families: Sequence[str] = tuple(intrusions.FAMILIES),
        policy: scoring.Policy | None = None,
    ) -> tuple[muting.Missed, NDArray[np.float64]]:
        """Return which attacks of a day would be missed as things are, and how harmless each step seemed."""
        attacks = intrusions.campaigns(self._world, number, self._options.campaigns, mimicry, mark, families)
        known = self.judge.scorer
        scorer = scoring.Scorer(known.beliefs, known.weights, known.context, policy or known.policy, known.records)
        standing = self._world.standing(number)
        loud, scores = [], list[float]()
        for attack in attacks:
            scorer.context = _context((*standing, *attack.told), number)
            judged = [self._judged(scorer, attack, at) for at in range(len(attack.steps))]
            loud.append([not one.mute or bool(one.asks and not attack.fooled) for one in judged])
            scores += [weights.sigmoid(one.z) for one in judged]
        return muting.missed(attacks, loud), np.array(scores)

    def _judged(self, scorer: scoring.Scorer, attack: Campaign, at: int) -> scoring.Judgement:
        seen = msgspec.structs.replace(self._read(attack.steps[at]), time=attack.times[at])
        return scorer.judge(seen, self.judge.memory.habits.get(seen.shape.keys[3]))

    def left_out(self) -> muting.Missed:
        """Return what is missed of the kin of attacks that the certificate is not given."""
        number = self._options.days - 1
        told = self._attacked(number, KEPT)
        return self.probe(number, mark=2, families=LEFT_OUT, policy=certificate.policy(told))[0]

    def _attacked(self, number: int, families: Sequence[str] = tuple(own_attacks.FAMILIES)) -> certificate.Certificate:
        return certificate.certify(
            self.judge,
            day=days.START // DAY + number,
            entries=self._said,
            last=self._certificate,
            count=self._options.certify,
            families=families,
        )

    def _confirm(self, number: int) -> None:
        """Let those who approved of muted work answer for it, most of them in time."""
        for case in self.judge.memory.cases.values():
            if case.due and case.state == "muted" and self._analysts.confirms():
                case.due = 0
        self.judge.overdue(days.START + (number + 1) * DAY)

    def _budget(self) -> int:
        if self._said >= muting.WITHIN or self._options.session == DAILY:
            return DAILY
        return min(self._options.session, muting.WITHIN - self._said)

    def _answer(self, budget: int) -> None:
        """Answer the most pressing cases; one verdict answers all open cases of the same behaviour.

        Nobody was attacked, but now and then somebody errs: who calls something malicious calls the others to it, and
        what they say counts as verdicts too.
        """
        for cases in _alike(queue.queue(self.judge.memory.cases.values())):
            if budget <= 0:
                return
            said = self._analysts.of(malicious=False)
            alarmed = said.verdict == "true_positive"
            opinions = [said, *(self._analysts.others(said.by, malicious=False) if alarmed else ())]
            for one in opinions:
                self._say(cases, one)
            budget -= len(opinions)

    def _say(self, cases: Sequence[memory.Case], said: Said) -> None:
        for case in cases:
            if not verdicts.refused(case, said.verdict, said.by, scope=3):
                self.judge.answer(case.id, said.verdict, said.by, at=self.judge.memory.clock)
        self._said += 1


def _alike(waiting: Sequence[queue.Queued]) -> Iterator[list[memory.Case]]:
    """Yield open cases, most pressing first, those of the same behaviour together; what a person did stands alone."""
    found: dict[tuple[str, ...], list[memory.Case]] = {}
    for case in (one.case for one in waiting):
        signatures = tuple(sorted(part.keys[2] for part in case.parts.values()))
        found.setdefault((case.id,) if case.actor else signatures, []).append(case)
    yield from found.values()


def _reason(one: judging.Decision) -> str:
    """Return what kept an alert loud; empty where nothing did."""
    judged = one.judgement
    if one.mute:
        return ""
    if judged.mute:
        return "brought back" if one.turned else "audit"
    if judged.gates:
        return judged.gates[0].name
    if judged.state != "shown":
        return judged.state
    if one.seen.shape.actor:
        return "a person, too little evidence"
    return "score" if judged.kinds else "no history"


def _line(row: Row) -> dict[str, object]:
    told = row._asdict()
    gap = told.pop("gap")
    title = told.pop("rule")
    return {
        "id": "0",
        "time": "2026-01-01T00:00:00Z",
        "title": title,
        "kind": "falco",
        "subject": row.workload,
        **told,
    } | ({"groups": list(row.groups)} if not gap else {"groups": []})


def _context(told: Sequence[Told], number: int) -> excuses.Context:
    """Return what context says, as heard all through the day."""
    heard = days.START + (number + 1) * DAY
    return excuses.Context(excuses.Statement(**one._asdict(), source="simulated", fetched=heard) for one in told)


def _calibration(decisions: Sequence[judging.Decision], attacks: NDArray[np.float64], campaigns: int) -> float:
    """Return how far the scores of a day are from the truth, were there one attack a day."""
    counted: dict[int, list[float]] = {}
    for one in decisions:
        counted.setdefault(id(one.judgement), [one.judgement.z, 0.0])[1] += 1
    said = [weights.sigmoid(z) for z, _ in counted.values()] + attacks.tolist()
    true = [1.0] * len(counted) + [0.0] * len(attacks)
    weight = [count for _, count in counted.values()] + [1 / campaigns] * len(attacks)
    return bounds.calibration_error(said, true, weight)


def _rivals(world: World, options: Options, progress: Progress) -> Iterator[muting.Daily]:
    """Yield the figures of each day of each rival, on verdicts of the same number."""
    known = rivals.every()
    said = dict.fromkeys((one.name for one in known), 0)
    analysts = {one.name: Analysts(world.seed) for one in known}
    for number in range(options.days):
        progress(f"seed {world.seed}: rivals, day {number + 1} of {options.days}")
        day = world.day(number)
        last = number == options.days - 1
        attacks = intrusions.campaigns(world, number, options.campaigns) if last else []
        for one in known:
            shown = one.shown(day)
            missed = muting.missed(attacks, [[not one.missed(attack, day)] for attack in attacks]) if last else None
            yield muting.Daily(one.name, world.seed, number, said[one.name], muting.hidden(day, shown), missed)
            budget = DAILY if said[one.name] >= muting.WITHIN else min(options.session, muting.WITHIN - said[one.name])
            one.answer(day, shown, budget, analysts[one.name])
            said[one.name] += budget


def _milestones(daily: Sequence[muting.Daily]) -> Iterator[muting.Daily]:
    """Yield for each seed the first day after so many verdicts, and the first and last day."""
    for seed in dict.fromkeys(one.seed for one in daily):
        own = [one for one in daily if one.seed == seed and one.method == "plimsoll"]
        found = [next((at for at, one in enumerate(own) if one.verdicts >= wanted), 0) for wanted in MILESTONES]
        yield from (own[at] for at in sorted({0, *found, len(own) - 1}))


def _met(daily: Sequence[muting.Daily], left: Sequence[tuple[int, muting.Missed]]) -> dict[str, bool]:
    """Return which targets every seed meets, in the week after WITHIN verdicts and in the last one."""
    weeks = list(_weeks(daily))
    wanted = muting.TARGETS
    probes = [muting.added(one.missed for one in week[:1] if one.missed) for week in weeks]
    return {
        "raw_hidden": bool(weeks)
        and all(_mean(one.hidden.raw_hidden for one in week) >= wanted["raw_hidden"] for week in weeks),
        "cases_hidden": bool(weeks)
        and all(_mean(one.hidden.cases_hidden for one in week) >= wanted["cases_hidden"] for week in weeks),
        "campaign_upper": bool(weeks) and all(one.upper <= wanted["campaign_upper"] for one in probes),
        "left_out_upper": all(one.upper <= wanted["left_out_upper"] for _, one in left),
        "ece": bool(weeks) and all(_mean(one.ece or 0.0 for one in week) <= wanted["ece"] for week in weeks),
    }


def _weeks(daily: Sequence[muting.Daily]) -> Iterator[list[muting.Daily]]:
    """Yield for each seed the week that begins once WITHIN verdicts were given, and the last one."""
    for seed in dict.fromkeys(one.seed for one in daily):
        known = [
            one for one in daily if one.seed == seed and one.method == "plimsoll" and one.verdicts >= muting.WITHIN
        ]
        yield from ([known[: muting.WEEK], known[-1 : -muting.WEEK - 1 : -1]] if known else [])


def _mean(values: Iterable[float]) -> float:
    told = list(values)
    return sum(told) / max(1, len(told))
