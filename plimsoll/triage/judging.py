"""One alert at a time, in order of time: judged, given to a case, and remembered.

    judge = Judge(memory, answers, context)
    for decision in judge.take(seen): …        # show or mute, with case and reasons
    judge.queue()                               # the open cases

A loud alert makes what was muted near it loud again: its cases come back to the queue, and decisions of this run
that are not yet told are turned round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plimsoll import normal
from plimsoll.triage import audits, autonomy, folding, gates, rolled, scoring, weights
from plimsoll.triage.belief import DAY, HARMLESS, WIDEST, Answer, Beliefs
from plimsoll.triage.excuses import Context
from plimsoll.triage.gates import CHAIN, Gate
from plimsoll.triage.memory import (
    MOST_DIGESTS,
    MOST_KEYS,
    MOST_SAMPLES,
    MOST_WINDOWS,
    Case,
    Habit,
    Memory,
    Part,
    State,
    case_id,
)
from plimsoll.triage.reading import SEVERITIES, Seen
from plimsoll.triage.scoring import HOUR, Judgement, Policy

SESSION = 30 * 60_000_000
"""Silence after which a person's next act at a workload is another session."""
BLIND = 2 * 60_000_000
"""How near a loss of events makes a sensor blind: Falco and our sensor tell of a loss that goes on every half minute."""
GRAVE = frozenset({"high", "critical"})
KNOWN = 0.5
"""Expected share of harmless ones from which a grave alert alarms nobody by itself."""
NODE = "node:"
_RANK = {name: rank for rank, name in enumerate(SEVERITIES)}


class Decision:
    """What became of an alert: told as it is, changed where a later one of the run makes it loud."""

    __slots__ = ("beside", "case", "judgement", "mute", "seen", "turned")

    def __init__(
        self,
        seen: Seen,
        case: str,
        judgement: Judgement,
        *,
        mute: bool,
        turned: str = "",
        beside: rolled.Rollout | None = None,
    ) -> None:
        self.seen, self.case, self.judgement, self.mute, self.turned = seen, case, judgement, mute, turned
        self.beside = beside


class Judge:
    """Judges alerts with what is known, and adds to it.

    >>> from plimsoll.triage import reading
    >>> row = {"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "host:a", "title": "Noise", "severity": "low"}
    >>> judge = Judge()
    >>> [decision] = judge.take([reading.of(row)])
    >>> decision.mute, judge.memory.cases[decision.case].title
    (False, 'Noise')
    >>> _ = judge.answer(decision.case, "benign", "ann", at=decision.seen.time)
    >>> judge.take([reading.of(row | {"id": "2", "time": "2026-01-02T00:00:00Z"})])[0].judgement.kinds
    ('HIST',)
    """

    def __init__(
        self,
        memory: Memory | None = None,
        answers: Iterable[Answer] = (),
        context: Context | None = None,
        policy: Policy | None = None,
        records: dict[str, autonomy.Record] | None = None,
        secret: bytes = b"plimsoll",
    ) -> None:
        self.memory = memory if memory is not None else Memory()
        self.records = records if records is not None else {}
        self.secret = secret
        self.changed_habits: set[str] = set()
        self.changed_cases: set[str] = set()
        self._recent: dict[str, list[Decision]] = {}
        self._turned: dict[str, tuple[int, str]] = {}
        self.scorer = scoring.Scorer(
            Beliefs(), weights.Weights(), context or Context(), policy or Policy(), self.records
        )
        for answer in answers:
            self._learn(answer)

    # Policy and context may be replaced between runs.
    def allow(self, policy: Policy) -> None:
        """Go on under another policy."""
        self.scorer.policy = policy
        self.scorer.forget()

    def hear(self, context: Context) -> None:
        """Go on with another context."""
        self.scorer.context = context
        self.scorer.forget()

    def relearn(
        self, answers: Iterable[Answer], records: dict[str, autonomy.Record], policy: Policy | None = None
    ) -> None:
        """Learn anew from the beginning, as after an undoing."""
        context, allowed = self.scorer.context, policy or self.scorer.policy
        self.records = records
        self.scorer = scoring.Scorer(Beliefs(), weights.Weights(), context, allowed, records)
        for answer in answers:
            self._learn(answer)

    def take(self, alerts: Iterable[Seen]) -> list[Decision]:
        """Judge alerts, which come in order of time."""
        self._recent.clear()
        self._turned.clear()
        return [self._take(seen) for seen in alerts]

    def _take(self, seen: Seen) -> Decision:
        memory, key, hour = self.memory, seen.shape.keys[3], seen.time // HOUR
        habit = memory.habits.get(key)
        if habit is None:
            habit = memory.habits[key] = Habit(first=seen.time, first_hour=hour, hour=hour)
        elif hour > habit.hour:
            _turn(habit, hour)
        habit.count += 1
        if seen.digest:
            rolled.remember(habit, seen.digest)
        self.changed_habits.add(key)
        memory.clock = max(memory.clock, seen.time)
        memory.judged += 1
        judgement = self._judgement(seen, habit)
        if judgement.window and judgement.window not in habit.windows:
            habit.windows = [*habit.windows[1 - MOST_WINDOWS :], judgement.window]
        spared = judgement.mute and self._spared(seen, habit)
        mute = judgement.mute and not spared
        case = self._case(seen, habit, judgement, mute=mute, spared=spared)
        folded = not judgement.mute and folding.folds(case, seen, judgement)
        beside = rolled.beside(self.scorer.context, seen, habit)
        if beside is not None:
            rolled.note(case, beside)
        decision = Decision(seen, case.id, judgement, mute=mute or folded, beside=beside)
        if decision.mute:
            self._quieted(seen, case, decision, near=not folded)
        if not judgement.mute:
            self._louder(seen, self._loudness(seen, judgement))
        return decision

    def _judgement(self, seen: Seen, habit: Habit) -> Judgement:
        around: list[Gate] = []
        memory = self.memory
        if memory.loud and any(seen.time - memory.loud.get(entity, -CHAIN - 1) <= CHAIN for entity in entities(seen)):
            around.append(gates.CHAINED)
        if seen.gap:
            memory.gaps[seen.node] = seen.time
        elif memory.gaps and abs(seen.time - memory.gaps.get(seen.node, -BLIND - 1)) <= BLIND:
            around.append(gates.BLIND)
        if memory.denied and seen.shape.actor in memory.denied:
            around.append(gates.DENIED)
        return self.scorer.judge(seen, habit, around=around, burst=gates.burst(habit, habit.count, habit.hour))

    def _loudness(self, seen: Seen, judgement: Judgement) -> Sequence[str]:
        """Return where an alert makes noise around it.

        What nothing excuses is loud at its pod, its node and its actor. What nothing excuses but verdicts called
        harmless, what was called malicious, what is grave and unknown, and a burst of what is muted are loud at
        their pod and their actor.
        """
        if gates.GUARDED in judgement.gates:
            harmless = "HIST" in judgement.kinds and judgement.theta >= KNOWN and gates.WARNED not in judgement.gates
            return _nearby(seen) if harmless else entities(seen)
        if gates.WARNED in judgement.gates:
            return _nearby(seen)
        if gates.CHAINED in judgement.gates or judgement.state != "shown":
            return ()
        unknown = seen.severity in GRAVE and judgement.theta < KNOWN
        burst = gates.BURST in judgement.gates and bool(judgement.kinds)
        return _nearby(seen) if unknown or burst else ()

    def _louder(self, seen: Seen, at: Sequence[str]) -> None:
        """Remember a loud alert, and bring back what was muted near it."""
        for entity in at:
            self.memory.loud[entity] = seen.time
            for case_id_, last in self.memory.near.pop(entity, {}).items():
                if seen.time - last <= CHAIN:
                    self.resurface(case_id_, f"{gates.CHAINED.name}: {seen.title or seen.shape.rule}", seen.time)

    def turned(self) -> list[tuple[str, int, str]]:
        """Return the cases made loud since `take` began: which, for what was muted since when, and why."""
        return [(id_, since, why) for id_, (since, why) in self._turned.items()]

    def reopen(self, case_id_: str, why: str) -> None:
        """Put a case into the queue again; what is muted from now on joins another."""
        case = self.memory.cases.get(case_id_)
        if case is None:
            return
        if case.state != "open":
            case.settled, case.settled_hours = case.count, case.hours
        case.wanting = case.wanting or not why.startswith(gates.CHAINED.name)
        case.state, case.resurfaced, case.verdict = "open", why, ""
        self.changed_cases.add(case.id)
        for key in case.parts:
            habit = self.memory.habits.get(key)
            if habit and habit.quiet == case.id:
                habit.quiet = ""
                habit.opened = habit.opened or case.id
                self.changed_habits.add(key)

    def resurface(self, case_id_: str, why: str, time: int, since: int | None = None) -> None:
        """Bring a case back to the queue, and turn round what was muted into it within the chain's reach, or since then."""
        self.reopen(case_id_, why)
        since = min(time - CHAIN if since is None else since, self._turned.get(case_id_, (time, ""))[0])
        self._turned[case_id_] = (since, why)
        for decision in self._recent.pop(case_id_, []):
            if time - decision.seen.time <= CHAIN:
                decision.mute, decision.turned = False, why

    def _quieted(self, seen: Seen, case: Case, decision: Decision, *, near: bool) -> None:
        """Count what is muted; `near`: what is loud near it brings its case back, which does not wait yet."""
        self.memory.muted += 1
        case.muted += 1
        for entity in entities(seen) if near else ():
            self.memory.near.setdefault(entity, {})[case.id] = seen.time
        recent = self._recent.setdefault(case.id, [])
        recent.append(decision)
        if len(recent) > 1 and seen.time - recent[len(recent) // 2].seen.time > CHAIN:
            del recent[: len(recent) // 2]

    def _spared(self, seen: Seen, habit: Habit) -> bool:
        """Say whether a muted alert is shown all the same: the first ones, and those drawn by lot."""
        if not self.scorer.policy.audit:
            return False
        key, day = seen.shape.keys[3], seen.time // DAY
        signature = seen.shape.keys[2] if seen.shape.detailed else key
        newly = self.memory.habits.setdefault(signature, Habit())
        if newly.spared < audits.SPARED:
            newly.spared += 1
            self.changed_habits.add(signature)
            return True
        if habit.audit_day == day:
            return False
        habit.audit_day = day
        episodes = self.memory.episodes
        episodes[day] = episodes.get(day, 0) + 1
        yesterday = episodes.get(day - 1) or len(self.memory.habits)
        return audits.drawn(self.secret, key, day, audits.share(yesterday))

    def _case(self, seen: Seen, habit: Habit, judgement: Judgement, *, mute: bool, spared: bool) -> Case:
        state: State = "open" if not mute else "closed" if judgement.state == "closed" else "muted"
        if seen.shape.actor:
            case = self._session(seen, state, mute=mute)
        elif spared:
            case = self._audited(seen, habit)
        else:
            case = self._of_signature(seen, habit, state, mute=mute)
        self._add(case, seen, habit, judgement, mute=mute)
        if mute and judgement.asks and case.state == "muted":
            self._ask(case, judgement, seen.time)
        return case

    def _ask(self, case: Case, judgement: Judgement, time: int) -> None:
        """Ask whoever approved of what is muted; what comes after his answer is asked anew."""
        if not case.due:
            case.asks, case.opener, case.confirmed = judgement.asks, judgement.opener, ""
            case.due = time + self.scorer.policy.confirm
        if len(case.papers) < MOST_DIGESTS:
            case.papers = list(dict.fromkeys([*case.papers, *judgement.urls]))

    def _of_signature(self, seen: Seen, habit: Habit, state: State, *, mute: bool) -> Case:
        known = self.memory.cases.get(habit.quiet if mute else habit.opened)
        if known is not None:
            return known
        habit.cases += 1
        case = self._new(case_id(seen.shape.keys[3], habit.cases), seen, state=state)
        if mute:
            habit.quiet = case.id
        else:
            habit.opened = case.id
        return case

    def _audited(self, seen: Seen, habit: Habit) -> Case:
        """Return the case of what is shown although it is muted: the open one of its signature, else one of its own."""
        key = f"{seen.shape.keys[3]}\x1faudit"
        known = self.memory.cases.get(self.memory.sessions.get(key, ""))
        if known is not None and known.state == "open":
            return known
        habit.cases += 1
        case = self._new(case_id(seen.shape.keys[3], habit.cases), seen, state="open")
        case.kind = "audit"
        self.memory.sessions[key] = case.id
        return case

    def _session(self, seen: Seen, state: State, *, mute: bool) -> Case:
        key = f"{seen.shape.actor}\x1f{seen.shape.workload}"
        known = self.memory.cases.get(self.memory.sessions.get(key, ""))
        if known is not None and seen.time - known.last <= SESSION and known.state in ("open", "muted", "closed"):
            if not mute:
                known.state = "open"
            return known
        case = self._new(case_id(key, seen.time), seen, state=state)
        case.kind = "session"
        self.memory.sessions[key] = case.id
        return case

    def _new(self, id_: str, seen: Seen, *, state: State) -> Case:
        shape = seen.shape
        case = self.memory.cases[id_] = Case(
            id=id_,
            kind="signature",
            title=shape.rule,
            workload=shape.workload,
            actor=shape.actor,
            severity=seen.severity,
            first=seen.time,
            last=seen.time,
            state=state,
            wanting=False,
        )
        return case

    def _add(self, case: Case, seen: Seen, habit: Habit, judgement: Judgement, *, mute: bool) -> None:
        hour = seen.time // HOUR
        self.changed_cases.add(case.id)
        case.count += 1
        case.last = max(case.last, seen.time)
        if _RANK[seen.severity] > _RANK[case.severity]:
            case.severity = seen.severity
        if case.last_hour != hour:
            case.last_hour = hour
            case.hours += 1
        if len(case.samples) < MOST_SAMPLES:
            case.samples.append(seen.id)
        case.z = judgement.z
        case.wanting = case.wanting or case.kind != "signature" or not _said(judgement)
        key = seen.shape.keys[3]
        part = case.parts.get(key)
        if part is None:
            if len(case.parts) >= MOST_KEYS:
                return
            part = case.parts[key] = _part(seen, judgement)
        part.count += 1
        part.muted += mute
        part.peak = max(part.peak, habit.count)
        if seen.digest and seen.digest not in part.digests and len(part.digests) < MOST_DIGESTS:
            part.digests.append(seen.digest)
        if seen.exe_hash and seen.exe_hash not in part.exe_hashes and len(part.exe_hashes) < MOST_DIGESTS:
            part.exe_hashes.append(seen.exe_hash)
        for gate in judgement.gates:
            if gate.name not in case.reasons:
                case.reasons.append(gate.name)
        for entity in entities(seen):
            if entity not in case.entities and len(case.entities) < MOST_KEYS:
                case.entities.append(entity)
        if seen.shape.actor and len(case.places) < MOST_DIGESTS:
            case.places = sorted({*case.places, *places(seen)})

    def overdue(self, now: int) -> list[str]:
        """Bring back what was muted on somebody's word and not confirmed by him in time; return its cases."""
        late = [case for case in self.memory.cases.values() if case.state == "muted" and 0 < case.due <= now]
        for case in late:
            self._unconfirmed(case, f"{case.asks} did not confirm it in time", now)
        return [case.id for case in late]

    def settle(self, decisions: Iterable[Decision]) -> None:
        """Bring back what nobody confirmed until now; what of it is in these decisions is not told as muted."""
        late = set(self.overdue(self.memory.clock))
        for decision in decisions if late else ():
            if decision.mute and decision.case in late:
                decision.mute, decision.turned = False, self.memory.cases[decision.case].resurfaced

    def confirm(self, case_id_: str, by: str) -> None:
        """Take the word of who was asked that he approved of all that a case holds by now."""
        case = self.memory.cases[case_id_]
        case.due, case.confirmed = 0, by
        self.changed_cases.add(case.id)

    def deny(self, case_id_: str, by: str) -> None:
        """Take a "no": the case comes back as high, and so does what its actor did just before and after.

        Nothing that he does is muted until a verdict calls the case harmless.
        """
        case, now = self.memory.cases[case_id_], self.memory.clock
        self.memory.denied[case.actor] = case.id
        beside = [
            other
            for other in self.memory.cases.values()
            if other.actor == case.actor
            and other.state in ("muted", "closed")
            and other.first - CHAIN <= case.last
            and case.first - CHAIN <= other.last
        ]
        for one in (case, *(other for other in beside if other.id != case.id)):
            self._unconfirmed(one, f"{by} said no to {case.id}" if one is not case else f"{by} said no", now)

    def _unconfirmed(self, case: Case, why: str, now: int) -> None:
        """Bring back all of a case as high."""
        self.resurface(case.id, why, now, case.first)
        case.severity = max(case.severity, "high", key=_RANK.__getitem__)
        case.due = 0

    def withdraw(self, case_id_: str) -> None:
        """Forget that somebody said no."""
        self.memory.denied = {actor: id_ for actor, id_ in self.memory.denied.items() if id_ != case_id_}

    def answer(self, case_id_: str, verdict: str, by: str, *, at: int, scope: int | None = None) -> list[Answer]:
        """Learn a verdict on a case and return it as it is to be kept, one answer for each signature of the case."""
        case = self.memory.cases[case_id_]
        answers = [self._answer(case, part, verdict, by, at, scope) for part in case.parts.values()]
        for answer in answers:
            self._learn(answer)
        self._close(case, verdict)
        if case.kind == "audit":
            self._audit(case, malicious=verdict == "true_positive", at=at)
        return answers

    @staticmethod
    def _answer(case: Case, part: Part, verdict: str, by: str, at: int, scope: int | None) -> Answer:
        return Answer(
            time=at,
            by=by,
            verdict=verdict,
            keys=part.keys,
            count=part.count,
            scope=scope if scope is not None else WIDEST,
            workload=case.workload,
            detailed=part.detailed,
            digests=tuple(part.digests),
            exe_hashes=tuple(part.exe_hashes),
            places=tuple(case.places),
            actor=case.actor,
            features=part.features,
        )

    def _learn(self, answer: Answer) -> None:
        if answer.features and answer.verdict != "unsure":
            offset = weights.logit(self.scorer.beliefs.theta(answer.keys, answer.time))
            self.scorer.weights.learn(offset, answer.features, benign=answer.verdict != "true_positive")
        self.scorer.beliefs.add(answer)
        self.scorer.forget()

    def _close(self, case: Case, verdict: str) -> None:
        case.state, case.verdict, case.resurfaced, case.due = "judged", verdict, "", 0
        case.wanting = verdict not in HARMLESS
        if verdict in HARMLESS:
            self.withdraw(case.id)
        if verdict == "true_positive" and case.folded_since:
            self._turned[case.id] = (case.folded_since, "its case was called malicious")
        case.told, case.folded_since = {}, 0
        self.changed_cases.add(case.id)
        for key, part in case.parts.items():
            habit = self.memory.habits.get(key)
            if habit is None:
                continue
            self.changed_habits.add(key)
            if habit.opened == case.id:
                habit.opened = ""
            if verdict in HARMLESS:
                habit.peak = max(habit.peak, part.peak)
                habit.quiet = case.id if case.kind == "signature" else habit.quiet
            elif verdict == "true_positive" and habit.quiet and habit.quiet != case.id:
                self.resurface(habit.quiet, "its signature was called malicious", case.last)

    def _audit(self, case: Case, *, malicious: bool, at: int) -> None:
        family = next(iter(case.parts.values())).rule
        keys = [part.keys for part in case.parts.values()]
        self.records.setdefault(family, autonomy.Record()).add(malicious=malicious, keys=keys)
        self.scorer.forget()
        if malicious:
            replayed = [
                other.id
                for other in self.memory.cases.values()
                if other.muted
                and other.last >= at - 30 * DAY
                and any(part.rule == family for part in other.parts.values())
            ]
            for other in replayed:
                self.resurface(other, f"an audit of {family} found something malicious", at)


def _said(judgement: Judgement) -> bool:
    """Say whether verdicts said of an alert all they can: it is known, and loud by nothing of its own."""
    return judgement.known and not {gates.BURST, gates.IMAGE}.intersection(judgement.gates)


def _turn(habit: Habit, hour: int) -> None:
    """Go to another hour; while it is muted, how frequent it may be is what verdicts saw: nobody gets it to grow."""
    if not habit.quiet:
        habit.peak = max(habit.peak, habit.count)
    habit.total += habit.count
    habit.hour, habit.count = hour, 0


def _part(seen: Seen, judgement: Judgement) -> Part:
    shape = seen.shape
    return Part(
        keys=shape.keys,
        title=shape.rule,
        rule=shape.rule_class,
        severity=seen.severity,
        detailed=shape.detailed,
        features=judgement.features if shape.actor else (),
        details=shape.details,
    )


def entities(seen: Seen) -> Sequence[str]:
    """Return what an alert's story may go on at: its pod, or its workload where none is told, its node, its actor.

    What an identity does through the API goes on at the pods that it made or went into, too.

    A node is much wider than a pod: what other pods do there joins a story from medium severity on.

    >>> from plimsoll.triage import reading
    >>> entities(reading.of({"id": "1", "time": "2026-01-01T00:00:00Z", "title": "x", "subject": "host:a"}))
    ['host:a']
    """
    found = [seen.pod or seen.shape.workload]
    if seen.node and (not seen.pod or _RANK[seen.severity] >= _RANK["medium"] or seen.shape.guarded):
        found.append(f"{NODE}{seen.node}")
    if seen.shape.actor:
        found.append(f"actor:{seen.shape.actor}")
    return [*found, *seen.into] if seen.into else found


def _nearby(seen: Seen) -> list[str]:
    return [one for one in entities(seen) if not one.startswith(NODE)]


def places(seen: Seen) -> list[str]:
    """Return where an actor was: his network and his client."""
    return [*([normal.network(seen.ip)] if seen.ip else []), *([scoring.client(seen)] if seen.agent else [])]
