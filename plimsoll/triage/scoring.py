"""One alert against what is known: the gates, the kinds of evidence, the score. Nothing is remembered here.

A machine's alert is muted on history alone. What a person did needs two independent kinds, one of them authority or
a window; who he is excuses nothing by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from plimsoll import normal
from plimsoll.triage import autonomy, gates, weights
from plimsoll.triage.belief import DAY, Beliefs, History
from plimsoll.triage.excuses import Context, Excuses
from plimsoll.triage.gates import Gate
from plimsoll.triage.memory import Habit
from plimsoll.triage.reading import Seen

HOUR = 3_600_000_000
SETTLED = 7 * DAY
"""Age at which a signature counts as old."""
OFFICE = range(7, 20)
"""Hours of the working day."""
EARLIER_WINDOWS = 2
"""Windows a signature must have been seen in before, for the next one to excuse it."""
MOST = 1 << 16
"""Judgements kept, to be given again for what is the same."""
Cell = tuple[str, str]
"""A rule class, and `human` or `machine`."""


class Policy(msgspec.Struct, frozen=True):
    """How far muting may go: what people set, and what the certificate left of it."""

    most: autonomy.Rung = "mute"
    frozen: bool = False
    """The certificate's bound does not hold: nothing is muted, what would be is only marked."""
    cells_off: frozenset[Cell] = frozenset()
    alpha: float = 0.005
    confirm: int = 4 * HOUR
    """How long the approver of what was muted on his word has to say so; 0 = he is not asked."""
    audit: bool = True
    """Some of what is muted is shown all the same."""
    utc_offset: int = 0
    """Hours by which the office's clock is ahead of UTC."""


class Judgement(NamedTuple):
    """What became of one alert, and why."""

    mute: bool
    state: str
    """shown, annotated, demoted, muted or closed."""
    gates: tuple[Gate, ...]
    kinds: tuple[str, ...]
    """Evidence that speaks for it: HIST, AUTH, IDENT, WIN."""
    urls: tuple[str, ...]
    z: float
    theta: float
    features: tuple[float, ...]
    asks: str = ""
    """Who has to confirm it."""
    opener: str = ""
    """Who made the paper that it is muted on."""
    until: int | None = None
    """When the evidence ends."""
    window: str = ""
    """The opening of a calendar's window it falls into."""
    known: bool = False
    """A machine's habit that verdicts called harmless: it would be muted, but for its new image or what is around it."""


class Scorer:
    """What verdicts, context and policy say of alerts."""

    def __init__(
        self,
        beliefs: Beliefs,
        weighed: weights.Weights,
        context: Context,
        policy: Policy,
        records: dict[str, autonomy.Record],
    ) -> None:
        self.beliefs, self.weights, self.context, self.policy, self.records = beliefs, weighed, context, policy, records
        self._machine: dict[tuple[object, ...], Judgement] = {}
        self._behind: dict[tuple[int, tuple[Gate, ...], bool], tuple[Judgement, Judgement]] = {}

    def judge(
        self, seen: Seen, habit: Habit | None, *, around: Collection[Gate] = (), burst: bool = False
    ) -> Judgement:
        """Return what is to be done with an alert; `around` are the gates that what happened around it shut."""
        shape = seen.shape
        if shape.actor:
            found = self._of_a_person(seen, habit)
        else:
            known = (shape.keys, seen.severity, seen.digest, seen.exe_hash, seen.time // DAY)
            kept = self._machine.get(known)
            found = kept if kept is not None else self._of_a_machine(seen, habit)
            if kept is None:
                if len(self._machine) >= MOST:
                    self._machine.clear()
                self._machine[known] = found
        return self._shut(found, around, burst=burst) if burst or around else found

    def _shut(self, found: Judgement, around: Collection[Gate], *, burst: bool) -> Judgement:
        """Return a judgement behind the gates that what happened around it shut; the same one for the same."""
        known = (id(found), tuple(around), burst)
        kept = self._behind.get(known)
        if kept is not None and kept[0] is found:
            return kept[1]
        shut = tuple(sorted({*found.gates, *around, *((gates.BURST,) if burst else ())}))
        shown = found._replace(mute=False, state="shown", gates=shut)
        if len(self._behind) >= MOST:
            self._behind.clear()
        self._behind[known] = (found, shown)
        return shown

    def forget(self) -> None:
        """Drop what was worked out, since verdicts, context or policy changed."""
        self._machine.clear()
        self._behind.clear()

    def _of_a_machine(self, seen: Seen, habit: Habit | None) -> Judgement:
        history = self._history(seen)
        features = (0.0, 0.0, 0.0, 0.0, 0.0, _age(seen, habit), 0.0, 0.0)
        kinds = ("HIST",) if history else ()
        judged = self._scored(seen, history, kinds, (), features, Excuses(), enough=bool(history))
        but_for = judged.mute or (judged.gates == (gates.IMAGE,) and self._may_mute(seen))
        return judged._replace(known=bool(history) and judged.z >= weights.MUTED_FROM and but_for)

    def _of_a_person(self, seen: Seen, habit: Habit | None) -> Judgement:
        actor, network = seen.shape.actor, normal.network(seen.ip) if seen.ip else ""
        usual = bool(network) and self.beliefs.usual(actor, network) and self.beliefs.usual(actor, client(seen))
        found = self.context.excuses(seen, usual_place=usual)
        history = self._history(seen)
        windows = set(habit.windows if habit else ())
        window = found.window if found.window and len(windows - {window_id(found)}) >= EARLIER_WINDOWS else None
        named = (("HIST", history), ("AUTH", found.authority), ("IDENT", found.identity), ("WIN", window))
        kinds = tuple(name for name, it in named if it)
        features = (
            float(found.authority is not None),
            float(found.weak_authority is not None and found.authority is None),
            float(found.identity is not None),
            float(found.weak_identity is not None and found.identity is None),
            float(window is not None),
            _age(seen, habit),
            float(self._off_hours(seen.time)),
            float(bool(network) and not self.beliefs.usual(actor, network)),
        )
        urls = tuple(one.link for one in (found.authority, found.identity, window) if one)
        enough = len(kinds) >= 2 and ("AUTH" in kinds or "WIN" in kinds)
        judged = self._scored(seen, history, kinds, urls, features, found._replace(window=window), enough=enough)
        return judged._replace(window=window_id(found))

    def _history(self, seen: Seen) -> History | None:
        shape = seen.shape
        return self.beliefs.source(shape.keys, seen.severity, seen.time, detailed=shape.detailed)

    def _scored(
        self,
        seen: Seen,
        history: History | None,
        kinds: tuple[str, ...],
        urls: tuple[str, ...],
        features: tuple[float, ...],
        found: Excuses,
        *,
        enough: bool,
    ) -> Judgement:
        theta = self.beliefs.theta(seen.shape.keys, seen.time)
        z = weights.logit(theta) + self.weights.sum(features)
        shut = tuple(self._gates(seen, history, found))
        mute = enough and not shut and z >= weights.MUTED_FROM
        rung = self._rung(seen) if mute else "mute"
        state = _STATES[rung] if mute else "shown"
        grounds = [one for one in (found.authority, found.window) if one]
        until = min((one.until for one in grounds if one.until is not None), default=None)
        asked = next((one for one in grounds if rung == "mute" and mute and self.policy.confirm), None)
        asks, opener = (asked.approver, asked.creator) if asked else ("", "")
        return Judgement(
            state in ("muted", "closed"), state, shut, kinds, urls, z, theta, features, asks, opener, until
        )

    def _gates(self, seen: Seen, history: History | None, found: Excuses) -> list[Gate]:
        shut = []
        if seen.shape.guarded:
            shut.append(gates.GUARDED)
        if gates.of_the_control_plane(seen):
            shut.append(gates.CONTROL)
        if found.stale and not (found.authority or found.window):
            shut.append(gates.STALE)
        if history and seen.digest and not self.beliefs.confirmed(seen.shape.keys, seen.digest, seen.exe_hash):
            shut.append(gates.IMAGE)
        if self.beliefs.malicious(seen.shape.keys):
            shut.append(gates.WARNED)
        return shut

    def _may_mute(self, seen: Seen) -> bool:
        return self._rung(seen) in ("mute", "close")

    def _rung(self, seen: Seen) -> autonomy.Rung:
        shape = seen.shape
        if self.policy.frozen or cell(shape.rule_class, shape.actor) in self.policy.cells_off:
            return min("demote", self.policy.most, key=autonomy.RUNGS.index)
        record = self.records.get(shape.rule_class, _NO_RECORD)
        warned = any(self.beliefs.agreed(keys) for keys in record.warnings)
        return autonomy.rung(record, self.policy.most, warned=warned)

    def _off_hours(self, time: int) -> bool:
        local = dt.datetime.fromtimestamp(time / 1e6, dt.UTC) + dt.timedelta(hours=self.policy.utc_offset)
        return local.hour not in OFFICE or local.weekday() >= 5


_NO_RECORD = autonomy.Record()
_STATES: dict[autonomy.Rung, str] = {"annotate": "annotated", "demote": "demoted", "mute": "muted", "close": "closed"}


def cell(rule_class: str, actor: str) -> Cell:
    """Return the cell of a rule class that this actor, or a machine, made to tell."""
    return rule_class, "human" if actor else "machine"


def client(seen: Seen) -> str:
    """Return what an actor's client is known by.

    >>> from plimsoll.triage import reading
    >>> row = {"id": "1", "time": "2026-01-01T00:00:00Z", "title": "x", "agent": "kubectl/v1.34.1 (linux/amd64)"}
    >>> client(reading.of(row))
    'client kubectl'
    """
    return "client " + normal.agent(seen.agent).product


def window_id(found: Excuses) -> str:
    """Return what one opening of a calendar's window is known by."""
    window = found.window
    return f"{window.source}\x1f{window.id}\x1f{window.since}" if window else ""


def _age(seen: Seen, habit: Habit | None) -> float:
    return min(1.0, max(0, seen.time - habit.first) / SETTLED) if habit else 0.0
