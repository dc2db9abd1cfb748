"""The wiring of triage: alerts and context → judging, over a state on disk; verdicts, queue and what is muted."""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll import context as contexts
from plimsoll import errors, flow_incidents, frames, tables
from plimsoll.posture.objects import Object
from plimsoll.sources import content, documents, inputs, lines, reading, records
from plimsoll.sources.rejects import Rejects
from plimsoll.store import desk
from plimsoll.triage import autonomy, certificate, confirming, excuses, explain, judging, memory, queue, verdicts
from plimsoll.triage import reading as alerts
from plimsoll.triage.belief import DAY, WIDEST
from plimsoll.triage.incidents import Incident, Link
from plimsoll.triage.memory import Case, Habit, Memory

BATCH = 1 << 17
"""Alerts judged together, in order of time: they are one transaction."""
KEPT = 31 * DAY
"""How long a case that is answered is remembered while judging; on the disk it stays."""
_ENCODE, _HABIT, _CASE = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Habit), msgspec.msgpack.Decoder(Case)
_ENTRY, _LINKS = msgspec.msgpack.Decoder(verdicts.Entry), msgspec.msgpack.Decoder(list[Link])
ASKED = 2_000
"""Alerts of a session that a question about it is made from."""
_MEMORY, _CERTIFICATE = msgspec.msgpack.Decoder(Memory), msgspec.msgpack.Decoder(certificate.Certificate)


class Told(NamedTuple):
    """What is told of one alert."""

    id: str
    case: str
    mute: bool
    reason: str
    """JSON: `why`, and for a muted one `suppression`."""


class Room:
    """A state directory with a judge in it, while its lock is held."""

    def __init__(self, pen: desk.Pen, most: autonomy.Rung = "mute") -> None:
        self.pen, self.most = pen, most
        small = dict(pen.rows("SELECT key, value FROM small"))
        self.log = [_ENTRY.decode(value) for (value,) in pen.rows("SELECT value FROM log ORDER BY number")]
        _sound(self.log)
        past = _MEMORY.decode(small["memory"]) if "memory" in small else Memory()
        past.habits = {key: _HABIT.decode(value) for key, value in pen.rows("SELECT key, value FROM habits")}
        past.cases = _cases(
            pen.rows("SELECT value FROM cases WHERE state IN ('open', 'muted') OR last >= ?", past.clock - KEPT)
        )
        self.certificate = _CERTIFICATE.decode(small["certificate"]) if "certificate" in small else None
        self.secret: bytes = small.get("secret") or secrets.token_bytes(32)
        self.links: list[Link] | None = None
        """What objects said of open cases in this run; None where none were given."""
        self.judge = judging.Judge(past, secret=self.secret)
        self.relearn()

    def relearn(self) -> None:
        """Learn anew what the log says, and allow what the certificate left."""
        policy = certificate.policy(self.certificate, self.most)
        self.judge.relearn(verdicts.answers(self.log), verdicts.records(self.log), policy)

    def certify(self, day: int) -> None:
        """Attack today's state, where what was learned or the day is another than at the last attack."""
        last = self.certificate
        if last is not None and last.day == day and last.entries == len(self.log):
            return
        self.certificate = certificate.certify(self.judge, day=day, entries=len(self.log), last=last)
        self.judge.allow(certificate.policy(self.certificate, self.most))

    def link(self, objects: Sequence[Object]) -> None:
        """Remember what the subjects of open cases have to do with each other in the cluster of these objects."""
        self.links = flow_incidents.links(objects, self.judge.memory.cases.values())

    def keep(self, rows: Sequence[desk.Row] = (), turned: Sequence[tuple[str, str]] = (), said: int = 0) -> None:
        """Put what changed on the disk: these alerts, and the last `said` entries of the log."""
        judge = self.judge
        memory.prune(judge.memory)
        rest = msgspec.structs.replace(judge.memory, habits={}, cases={})
        small = [("memory", _ENCODE(rest)), ("secret", self.secret)]
        if self.links is not None:
            small.append(("links", _ENCODE(self.links)))
        if self.certificate is not None:
            small.append(("certificate", _ENCODE(self.certificate)))
        habits = [(key, judge.memory.habits[key]) for key in sorted(judge.changed_habits)]
        cases = [judge.memory.cases[id_] for id_ in sorted(judge.changed_cases)]
        change = desk.Change(
            alerts=rows,
            turned=turned,
            habits=[(key, habit.hour, _ENCODE(habit)) for key, habit in habits],
            cases=[(case.id, case.state, case.last, _ENCODE(case)) for case in cases],
            log=[(entry.number, _ENCODE(entry)) for entry in self.log[len(self.log) - said :]],
            small=small,
        )
        self.pen.keep(change)
        judge.changed_habits.clear()
        judge.changed_cases.clear()


def _sound(log: Sequence[verdicts.Entry]) -> None:
    wrong = verdicts.broken(log)
    if wrong is not None:
        raise errors.InputError(f"entry {wrong} of the log of verdicts is not as it was said: nothing is learned of it")


@contextlib.contextmanager
def _room(state: Path, most: autonomy.Rung = "mute") -> Iterator[Room]:
    with desk.Desk(state).writing() as pen:
        try:
            yield Room(pen, most)
        except msgspec.MsgspecError as broken:
            raise errors.InputError(f"damaged, or no state of triage ({broken})", file=str(state)) from broken


class Run:
    """A run over alerts: iterate over what is told of each; what could not be read is told after."""

    def __init__(
        self,
        names: Sequence[str],
        state: Path,
        context: Sequence[Path],
        now: dt.datetime,
        most: autonomy.Rung = "mute",
        objects: Sequence[Object] | None = None,
    ) -> None:
        """Take the alerts, the state, what tells of context, and the objects of the cluster for joining incidents."""
        self._objects = objects
        self.rejects, self.accepted, self.problems = Rejects(), 0, list[str]()
        self._inputs, self._state, self._most = inputs.inputs(names), state, most
        frame = [contexts.read(place, now) for path in context for place in _files(path)]
        self.problems += [f"{one.source}: {one.reason}" for read in frame for one in read.problems]
        heard = pl.concat([frames.empty(tables.CONTEXT), *(read.frame for read in frame)])
        self._context = excuses.Context.of(heard)

    def __iter__(self) -> Iterator[Told]:
        with _room(self._state, self._most) as room:
            room.judge.hear(self._context)
            for batch in self._batches():
                yield from self._judged(room, batch)
            if self._objects is not None:
                room.link(self._objects)
                room.keep()

    def _batches(self) -> Iterator[list[tuple[alerts.Seen, bytes]]]:
        batch: list[tuple[alerts.Seen, bytes]] = []
        for source in self._inputs:
            for run in _runs(source):
                batch += self._read(source, run)
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def _read(self, source: inputs.Input, run: lines.Run) -> Iterator[tuple[alerts.Seen, bytes]]:
        for at, line in enumerate(run.lines):
            try:
                seen = alerts.read(line)
            except alerts.Unreadable as broken:
                reason = inputs.shown(str(broken))[:200]
                self.rejects.add([reading.Reject(source.name, run.lines.number(at), reason, line[: lines.KEPT])])
                continue
            self.accepted += 1
            yield seen, line
        if run.broken:
            self.rejects.add([reading.Reject(source.name, *run.broken)])

    def _judged(self, room: Room, batch: list[tuple[alerts.Seen, bytes]]) -> Iterator[Told]:
        known = room.pen.known([seen.id for seen, _ in batch])
        fresh: dict[str, tuple[alerts.Seen, bytes]] = {}
        for seen, line in batch:
            if seen.id not in known:
                fresh.setdefault(seen.id, (seen, line))
        ordered = sorted(fresh.values(), key=lambda one: one[0].time)
        told = dict[str, Told]()
        rows: list[desk.Row] = []
        if ordered:
            room.certify(ordered[-1][0].time // DAY)
            words = Words(room.judge)
            decisions = room.judge.take(seen for seen, _ in ordered)
            room.judge.settle(decisions)
            for decision, (seen, line) in zip(decisions, ordered, strict=True):
                reason = words.of(decision)
                told[seen.id] = Told(seen.id, decision.case, decision.mute, reason)
                text = line.decode("utf-8", "replace")
                rows.append(desk.Row(seen.id, seen.time, decision.case, decision.mute, reason, text))
        room.keep(rows, _turned(room))
        for seen, _ in batch:
            yield told[seen.id] if seen.id in told else Told(seen.id, *known[seen.id])


def _turned(room: Room) -> list[tuple[str, str]]:
    """Return the alerts of earlier runs that a loud one of this run makes loud, with the reason."""
    found = []
    for case, since, why in room.judge.turned():
        asked = room.pen.rows("SELECT id FROM alerts WHERE case_id = ? AND mute = 1 AND time >= ?", case, since)
        reason = msgspec.json.encode({"why": [f"it was muted until {why}"]}).decode()
        found += [(id_, reason) for (id_,) in asked]
    return found


class Words:
    """The reasons of decisions as JSON; the same ones are worded once."""

    def __init__(self, judge: judging.Judge) -> None:
        self._judge = judge
        self._told: dict[tuple[int, str, bool, str, str], tuple[object, str]] = {}

    def of(self, decision: judging.Decision) -> str:
        """Return the reason of a decision."""
        key = (
            id(decision.judgement),
            decision.seen.shape.keys[3],
            decision.mute,
            decision.turned,
            decision.beside.words if decision.beside else "",
        )
        known = self._told.get(key)
        if known is None:
            known = self._told[key] = (decision.judgement, self._worded(decision))
        return known[1]

    def _worded(self, decision: judging.Decision) -> str:
        scorer = self._judge.scorer
        told: dict[str, Any] = {"why": explain.why(decision, scorer)}
        if decision.mute:
            habit = self._judge.memory.habits.get(decision.seen.shape.keys[3])
            told["suppression"] = explain.suppression(decision, scorer, habit)
        if decision.beside is not None:
            told["beside"] = explain.beside(decision)
        return msgspec.json.encode(told).decode()


def _files(path: Path) -> list[Path]:
    """Return the configurations a path means: the file, or the YAML and JSON files of a folder."""
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if one.suffix in (".yaml", ".yml", ".json"))


def _runs(source: inputs.Input) -> Iterator[lines.Run]:
    text = content.Content(source)
    with contextlib.closing(iter(text)) as blocks:
        found, rest = documents.opening(blocks)
        if found is None:
            yield from lines.runs(rest, lambda: text.broken, reading.SIZE)
            return
        yield lines.Run(lines.Text([lines.block(b"\n".join(found))], 1))


def _cases(rows: Iterable[tuple[Any, ...]]) -> dict[str, Case]:
    decoded = (_CASE.decode(value) for (value,) in rows)
    return {case.id: case for case in decoded}


class Said(NamedTuple):
    """A verdict as a person gives it."""

    case: str
    verdict: str
    scope: int = WIDEST
    by: str = ""
    second: str = ""
    note: str = ""


class Answered(NamedTuple):
    """What became of a verdict."""

    case: str
    verdict: str
    taken: bool
    why: str
    preview: verdicts.Preview | None


def answer(state: Path, said: Iterable[Said], now: dt.datetime, *, dry: bool = False) -> list[Answered]:
    """Take verdicts, all in one transaction; `dry`: only say what each would reach."""
    with _room(state) as room:
        before = len(room.log)
        found = [_answered(room, one, now, dry=dry) for one in said]
        if not dry:
            room.keep(turned=_turned(room), said=len(room.log) - before)
    return found


def _answered(room: Room, said: Said, now: dt.datetime, *, dry: bool) -> Answered:
    judge = room.judge
    case = judge.memory.cases.get(said.case) or _one(room.pen, said.case)
    if case is None:
        return Answered(said.case, said.verdict, taken=False, why="no such case", preview=None)
    judge.memory.cases[case.id] = case
    why = verdicts.refused(case, said.verdict, said.by, scope=said.scope, second=said.second)
    reach = None if why else verdicts.preview(case, judge.memory.cases.values(), said.scope, judge.memory.clock)
    if dry or why:
        return Answered(said.case, said.verdict, taken=False, why=why, preview=reach)
    at = min(judge.memory.clock, records.microseconds(now))
    audited = next(iter(case.parts.values())).rule if case.kind == "audit" and case.parts else ""
    answers = judge.answer(case.id, said.verdict, said.by, at=at, scope=said.scope)
    entry = verdicts.Entry(
        number=len(room.log) + 1,
        at=at,
        told=now.isoformat(),
        by=said.by,
        case=case.id,
        verdict=said.verdict,
        scope=said.scope,
        second=said.second,
        note=said.note,
        audited=audited,
        answers=tuple(answers),
    )
    room.log.append(verdicts.chained(entry, room.log[-1].hash if room.log else ""))
    return Answered(said.case, said.verdict, taken=True, why="", preview=reach)


def _one(pen: desk.Pen, case: str) -> Case | None:
    return next(iter(_cases(pen.rows("SELECT value FROM cases WHERE id = ?", case)).values()), None)


def undo(
    state: Path,
    who: str,
    now: dt.datetime,
    *,
    by: str = "",
    case: str = "",
    since: int | None = None,
    until: int | None = None,
) -> list[verdicts.Entry]:
    """Undo verdicts and open their cases again; return what was undone."""
    with _room(state) as room:
        undone = verdicts.chosen(room.log, by=by, case=case, since=since, until=until)
        if not undone:
            return []
        numbers = tuple(entry.number for entry in undone)
        clock = room.judge.memory.clock
        entry = verdicts.Entry(number=len(room.log) + 1, at=clock, told=now.isoformat(), by=who, undoes=numbers)
        room.log.append(verdicts.chained(entry, room.log[-1].hash if room.log else ""))
        for one in undone:
            if one.verdict == verdicts.DENIED:
                room.judge.withdraw(one.case)
        for id_ in dict.fromkeys(one.case for one in undone):
            found = room.judge.memory.cases.get(id_) or _one(room.pen, id_)
            if found is not None:
                room.judge.memory.cases[id_] = found
                room.judge.reopen(id_, f"its verdict was undone by {who}")
        room.relearn()
        room.keep(said=1)
    return undone


def questions(state: Path, now: dt.datetime | None = None) -> list[confirming.Question]:
    """Return what is asked of those on whose word something was muted, the most urgent first.

    `now`: what nobody confirmed by then comes back first.
    """
    if now is not None:
        _there(state)
        with _room(state) as room:
            room.judge.overdue(records.microseconds(now))
            room.keep(turned=_turned(room))
    cases = _cases(desk.Desk(state).rows("SELECT value FROM cases WHERE state = 'muted'")).values()
    asked = sorted((case for case in cases if confirming.is_open(case)), key=lambda case: (case.due, case.id))
    return [_question(desk.Desk(state), case) for case in asked]


def _question(rows: desk.Desk | desk.Pen, case: Case) -> confirming.Question:
    asked = "SELECT line FROM alerts WHERE case_id = ? ORDER BY time, id LIMIT ?"
    alerts = (_alert(line) for (line,) in rows.rows(asked, case.id, ASKED))
    return confirming.question(case, (one for one in alerts if isinstance(one, dict)))


class Reply(NamedTuple):
    """What somebody says of what was muted on a word."""

    case: str
    said: str
    by: str
    note: str = ""
    acts: int | None = None
    """How many acts the question told of that he answers."""


def reply(state: Path, given: Reply, now: dt.datetime) -> str:
    """Take the answer to a question; return why it is not taken, empty where it is."""
    _there(state)
    with _room(state) as room:
        judge = room.judge
        case = judge.memory.cases.get(given.case)
        if case is None:
            return "no such case" if _one(room.pen, given.case) is None else "nothing is asked about it"
        asked = _question(room.pen, case) if confirming.is_open(case) else None
        why = confirming.refused(case, given.said, given.by, asked, given.acts)
        if why:
            return why
        if given.said == "yes":
            judge.confirm(case.id, given.by)
        else:
            judge.deny(case.id, given.by)
        _write_down(room, given, now)
        room.keep(turned=_turned(room), said=1)
    return ""


def _there(state: Path) -> None:
    """Raise where there is no state: a question or its answer makes none."""
    desk.Desk(state).rows("SELECT 1 FROM small LIMIT 1")


def _write_down(room: Room, given: Reply, now: dt.datetime) -> None:
    entry = verdicts.Entry(
        number=len(room.log) + 1,
        at=room.judge.memory.clock,
        told=now.isoformat(),
        by=given.by,
        case=given.case,
        verdict=verdicts.CONFIRMED if given.said == "yes" else verdicts.DENIED,
        note=given.note,
    )
    room.log.append(verdicts.chained(entry, room.log[-1].hash if room.log else ""))


def waiting(state: Path, objects: Sequence[Object] | None = None) -> list[queue.Queued]:
    """Return the open cases, most pressing first; incidents are joined by these objects, else by those of the last run."""
    rows = desk.Desk(state)
    cases = list(_cases(rows.rows("SELECT value FROM cases WHERE state = 'open'")).values())
    return queue.queue(cases, _links(rows) if objects is None else flow_incidents.links(objects, cases))


def _links(rows: desk.Desk) -> list[Link]:
    found = rows.rows("SELECT value FROM small WHERE key = 'links'")
    return _LINKS.decode(found[0][0]) if found else []


def incident_of(state: Path, case: str, objects: Sequence[Object] | None = None) -> Incident | None:
    """Return the incident of a case that waits; None of another."""
    return next((one.incident for one in waiting(state, objects) if one.case.id == case), None)


def muted(state: Path) -> list[Case]:
    """Return the cases with muted alerts, the latest first."""
    found = _cases(desk.Desk(state).rows("SELECT value FROM cases")).values()
    return sorted((case for case in found if case.muted), key=lambda case: (-case.last, case.id))


def answered(state: Path) -> list[Case]:
    """Return the cases that were answered, in the order of their ids."""
    found = _cases(desk.Desk(state).rows("SELECT value FROM cases WHERE state = 'judged' ORDER BY id"))
    return list(found.values())


class Kept(NamedTuple):
    """An alert that was judged."""

    id: str
    time: int
    case: str
    mute: bool
    reason: dict[str, Any]
    alert: Any


def kept(
    state: Path, *, case: str = "", alert: str = "", text: str = "", mute: bool = False, most: int = 100
) -> list[Kept]:
    """Return alerts with what became of them: of a case, of an id, or with a text in them; the latest first."""
    asked = "SELECT id, time, case_id, mute, told, line FROM alerts JOIN reasons ON reason = number WHERE 1"
    values: list[str | int] = []
    for wanted, clause in ((case, "case_id = ?"), (alert, "id = ?"), (text, "instr(line, ?) > 0")):
        if wanted:
            asked += f" AND {clause}"
            values.append(wanted)
    asked += " AND mute = 1" if mute else ""
    rows = desk.Desk(state).rows(f"{asked} ORDER BY time DESC, id LIMIT ?", *values, most)
    return [
        Kept(id_, time, of, bool(is_mute), msgspec.json.decode(told), _alert(line))
        for id_, time, of, is_mute, told, line in rows
    ]


def _alert(line: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return line


def case_of(state: Path, id_: str) -> Case:
    """Return a case; raise where there is none of this id."""
    found = _cases(desk.Desk(state).rows("SELECT value FROM cases WHERE id = ?", id_))
    if id_ not in found:
        raise errors.InputError(f"no case is called {inputs.shown(id_)[:40]}")
    return found[id_]


def log_of(state: Path) -> list[verdicts.Entry]:
    """Return everything that was said, in order; raise where the chain of it is broken."""
    log = [_ENTRY.decode(value) for (value,) in desk.Desk(state).rows("SELECT value FROM log ORDER BY number")]
    _sound(log)
    return log


def certified(state: Path) -> certificate.Certificate | None:
    """Return the last certificate; None where nothing was learned yet."""
    found = desk.Desk(state).rows("SELECT value FROM small WHERE key = 'certificate'")
    return _CERTIFICATE.decode(found[0][0]) if found else None
