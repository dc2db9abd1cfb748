"""The command line's verbs for triage: judge alerts, answer cases, see what is muted and what that may hide."""

from __future__ import annotations

import datetime as dt
import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from plimsoll import cli_unjudged, errors, flow_scan, flow_triage, outputs
from plimsoll.cli_options import Color, Form, Output
from plimsoll.outputs import places, plain, table
from plimsoll.sources import inputs, records
from plimsoll.triage import audits, certificate, confirming, exceptions, queue, verdicts
from plimsoll.triage.belief import WIDEST
from plimsoll.triage.incidents import Incident
from plimsoll.triage.memory import Case

OK, INCOMPLETE = 0, 3
LARGEST = 1 << 26
"""Bytes of a file of verdicts."""
State = Annotated[Path, Parameter(name="--state", help="Directory in which triage keeps alerts, cases and verdicts.")]
By = Annotated[str | None, Parameter(help="Who says so; by default who is logged in.")]
Name = Annotated[str, Parameter(help="Id of a case.")]
Objects = Annotated[
    list[str] | None,
    Parameter(
        name="--objects",
        help="The cluster's objects, by which cases are joined along lineage and attack paths: a file, folder or glob.",
        negative=(),
    ),
]

triage_app = App(
    name="triage",
    help="Judge alerts in their context: which to show, which are muted and why, and what that may hide.",
    help_epilogue="Example: plimsoll triage run alerts.jsonl --state ./triage -o jsonl",
)
cases_app = App(
    name="cases",
    help="Look at cases and answer them.",
    help_epilogue="Example: plimsoll triage cases list --state ./triage",
)
mute_app = App(
    name="mute",
    help="See what is muted, why, and what would make it loud.",
    help_epilogue="Example: plimsoll triage mute list --state ./triage",
)
triage_app.command(cases_app)
triage_app.command(mute_app)


@triage_app.command(name="run", help_epilogue="Example: plimsoll triage run alerts.jsonl --state ./triage -o jsonl")
def run_verb(
    alerts: Annotated[
        list[str],
        Parameter(help="Alerts as JSON lines, ours or Falco's: a file, folder, glob, `-` or URL.", negative=()),
    ],
    /,
    *,
    state: State,
    context: Annotated[
        list[Path] | None,
        Parameter(help="Which sources tell of admins, tickets and windows: a file, or a folder of them.", negative=()),
    ] = None,
    autonomy: Annotated[
        Literal["annotate", "demote", "mute", "close"],
        Parameter(help="How far triage may go by itself; a family of rules is closed only after 299 clean audits."),
    ] = "mute",
    objects: Objects = None,
    rejects: Annotated[Path | None, Parameter(help="File for the records that could not be read.")] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Judge alerts in order of time: show or mute, into which case, and why."""
    cluster = _read(objects)
    run = flow_triage.Run(alerts, state, context or [], _now(), autonomy, cluster.objects if cluster else None)
    if output == "jsonl":
        for one in run:
            sys.stdout.write(_line(one))
        sys.stdout.flush()
    elif output == "table":
        _summary(run, state, color)
    else:
        outputs.document(output, [_decision(one) for one in run], sys.stdout)
    return max(_leftover(run, rejects), _unjudged(cluster))


def _read(objects: Sequence[str] | None) -> flow_scan.Read | None:
    return flow_scan.read(objects) if objects else None


def _unjudged(cluster: flow_scan.Read | None) -> int:
    """Say which objects could not be read, and return the exit code."""
    if cluster is None:
        return OK
    return cli_unjudged.code([f"{one.file}:{one.line}: {one.reason}" for one in cluster.rejects], cluster.rejected)


def _line(one: flow_triage.Told) -> str:
    """Return a decision as a line of JSON; what is not ASCII is escaped, so that no terminal can misread it."""
    head = {"id": one.id, "case": one.case, "decision": "mute" if one.mute else "show"}
    text = f"{msgspec.json.encode(head).decode()[:-1]},{one.reason[1:]}"
    return f"{text}\n" if text.isascii() and "\x7f" not in text else f"{plain.in_json(msgspec.json.decode(text))}\n"


def _decision(one: flow_triage.Told) -> dict[str, Any]:
    reason: dict[str, Any] = msgspec.json.decode(one.reason)
    return {"id": one.id, "case": one.case, "decision": "mute" if one.mute else "show", **reason}


def _summary(run: flow_triage.Run, state: Path, color: places.Color) -> None:
    total = muted = 0
    for one in run:
        total, muted = total + 1, muted + one.mute
    waiting = flow_triage.waiting(state)
    print(f"{total:,} alerts: {total - muted:,} shown, {muted:,} muted; {len(waiting):,} cases wait for an answer")
    _show_cases([_queued(one) for one in waiting[:10]], color)
    if asked := flow_triage.questions(state):
        print(f"{len(asked):,} sessions wait for who approved of them: plimsoll triage questions")


def _leftover(run: flow_triage.Run, rejects: Path | None) -> int:
    for problem in run.problems:
        print(f"plimsoll: no context from {inputs.shown(problem)}", file=sys.stderr)
    if run.rejects.total:
        print(f"plimsoll: {inputs.shown(run.rejects.summary())}", file=sys.stderr)
        if rejects:
            run.rejects.write(rejects)
    return INCOMPLETE if run.rejects.total else OK


@cases_app.command(name="list", help_epilogue="Example: plimsoll triage cases list --state ./triage -o jsonl")
def list_verb(*, state: State, objects: Objects = None, output: Output = "table", color: Color = "auto") -> int:
    """List the cases that wait for a verdict, most pressing first, and which of them are one incident."""
    cluster = _read(objects)
    rows = [_queued(one) for one in flow_triage.waiting(state, cluster.objects if cluster else None)]
    _put(rows, output, lambda: _show_cases(rows, color))
    return _unjudged(cluster)


def _queued(one: queue.Queued) -> dict[str, Any]:
    incident = one.incident
    told = {"incident": incident.id, "incident_cases": len(incident.cases), "incident_severity": incident.severity}
    return {**_summed(one.case), "pressing": one.pressing, **told, "joined": list(incident.joined.get(one.case.id, ()))}


def _whole(incident: Incident) -> dict[str, Any]:
    return {"id": incident.id, "severity": incident.severity, "cases": incident.cases, "why": incident.why}


def _summed(case: Case) -> dict[str, Any]:
    title = f"{case.title} at {case.workload}" + (f" by {case.actor}" if case.actor else "")
    told = {"id": case.id, "title": title, "count": case.count, "first": _time(case.first), "last": _time(case.last)}
    more = {name: getattr(case, name) for name in ("severity", "state", "workload", "actor", "muted", "resurfaced")}
    return {**told, **more, "reasons": case.reasons, "verdict": case.verdict, "rollouts": list(case.rollouts.values())}


def _show_cases(rows: Sequence[dict[str, Any]], color: places.Color) -> None:
    columns = [table.Column("CASE"), table.Column("SEVERITY"), table.Column("ALERTS", "right"), table.Column("LAST")]
    columns += [table.Column("TITLE"), table.Column("WHY HERE"), table.Column("INCIDENT")]
    texts = [
        [
            row["id"],
            row["severity"],
            f"{row['count']:,}",
            row["last"][:16].replace("T", " "),
            row["title"],
            row["resurfaced"] or ", ".join(row["reasons"]) or "not judged yet",
            _incident(row),
        ]
        for row in rows
    ]
    table.show(columns, texts, sys.stdout, none="No case waits.", color=color)


def _incident(row: dict[str, Any]) -> str:
    """Return in a few words which incident a case is part of, and why."""
    if row["incident_cases"] < 2:
        return ""
    whole = f"{row['incident']}, {row['incident_severity']}, {row['incident_cases']} cases"
    return f"{whole}: {row['joined'][0].partition(' gains ')[0]}" if row["joined"] else whole


@cases_app.command(name="show", help_epilogue="Example: plimsoll triage cases show c0123456789ab --state ./triage")
def show_verb(
    case: Name,
    /,
    *,
    state: State,
    most: Annotated[int, Parameter(help="Alerts to show.")] = 20,
    objects: Objects = None,
    output: Output = "yaml",
) -> int:
    """Show a case: its incident, its signatures, its latest alerts with the reasons, and what was said of it."""
    found, cluster = flow_triage.case_of(state, case), _read(objects)
    incident = flow_triage.incident_of(state, case, cluster.objects if cluster else None)
    shown = {
        **_summed(found),
        "incident": _whole(incident) if incident else None,
        "asked": _asked(found),
        "signatures": [
            {"rule": part.title, "severity": part.severity, "count": part.count, **dict(part.details)}
            for part in found.parts.values()
        ],
        "verdicts": [_said(entry) for entry in flow_triage.log_of(state) if entry.case == case],
        "alerts": [_kept(one) for one in flow_triage.kept(state, case=case, most=max(1, most))],
    }
    outputs.document("yaml" if output == "table" else "json" if output == "jsonl" else output, shown, sys.stdout)
    return _unjudged(cluster)


def _asked(case: Case) -> dict[str, Any] | None:
    """Return what became of the question about a case that was muted on somebody's word."""
    if not case.asks:
        return None
    until = _time(case.due) if confirming.is_open(case) else None
    return {"of": case.asks, "papers": case.papers, "until": until, "confirmed": case.confirmed or None}


def _said(entry: verdicts.Entry) -> dict[str, Any]:
    names = ("number", "told", "by", "second", "case", "verdict", "scope", "note", "undoes", "hash")
    return {name: value for name in names if (value := getattr(entry, name))}


def _kept(one: flow_triage.Kept) -> dict[str, Any]:
    told = {"id": one.id, "time": _time(one.time), "case": one.case, "decision": "mute" if one.mute else "show"}
    return {**told, **one.reason, "alert": one.alert}


@cases_app.command(
    name="verdict", help_epilogue="Example: plimsoll triage cases verdict c0123456789ab benign --state ./triage"
)
def verdict_verb(
    case: Annotated[str | None, Parameter(help="Id of a case.")] = None,
    verdict: Annotated[verdicts.Verdict | None, Parameter(help="What it was.")] = None,
    /,
    *,
    state: State,
    file: Annotated[Path | None, Parameter(help="JSON lines of `case` and `verdict`, in the place of one.")] = None,
    by: By = None,
    second: Annotated[str | None, Parameter(help="Who else says so: needed for a scope below 3.")] = None,
    scope: Annotated[
        int, Parameter(help="For what it speaks: 4 this workload, 3 the signature, 2 rule and image, 1 the rule.")
    ] = WIDEST,
    note: Annotated[str, Parameter(help="Why, for others to read.")] = "",
    preview: Annotated[bool, Parameter(negative=(), help="Only say what it would reach.")] = False,
    output: Output = "table",
) -> int:
    """Answer cases: true_positive, benign, false_positive or unsure; alerts like them are judged by it."""
    who = by or _me()
    if (file is None) == (case is None) or (case is not None and verdict is None):
        raise errors.UsageError("give a case and a verdict, or --file with many")
    one = [flow_triage.Said(case or "", verdict or "", scope, who, second or "", note)]
    said = one if file is None else list(_of_file(file, who, second or "", scope))
    answered = flow_triage.answer(state, said, _now(), dry=preview)
    rows = [_answered(each) for each in answered]
    _put(rows, output, lambda: _tell(answered, preview=preview))
    refused = [each for each in answered if each.why]
    for each in refused[:3]:
        print(f"plimsoll: {inputs.shown(each.case)}: {inputs.shown(each.why)}", file=sys.stderr)
    return INCOMPLETE if refused else OK


class _Line(msgspec.Struct):
    case: str
    verdict: str
    scope: int | None = None
    by: str | None = None
    second: str | None = None
    note: str = ""


def _of_file(path: Path, who: str, second: str, scope: int) -> Iterator[flow_triage.Said]:
    shown, decode = inputs.shown(path), msgspec.json.Decoder(_Line).decode
    for number, line in enumerate(inputs.whole(path, LARGEST).splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = decode(line)
        except records.BROKEN as broken:
            raise errors.InputError(records.reason(broken), file=shown, line=number) from None
        scope_ = scope if told.scope is None else told.scope
        yield flow_triage.Said(told.case, told.verdict, scope_, told.by or who, told.second or second, told.note)


def _answered(one: flow_triage.Answered) -> dict[str, Any]:
    reach = msgspec.structs.asdict(one.preview) if one.preview else None
    return {"case": one.case, "verdict": one.verdict, "taken": one.taken, "why": one.why, "reaches": reach}


def _tell(answered: Iterable[flow_triage.Answered], *, preview: bool) -> None:
    for one in answered:
        if one.preview is None:
            continue
        reach = one.preview
        verb = "would also speak for" if preview else "also speaks for"
        print(
            f"{one.case} {one.verdict}: {verb} {reach.alerts:,} alerts of the last 30 days in {reach.cases:,} other cases"
            + (f", of which {reach.malicious:,} were malicious" if reach.malicious else "")
        )


@cases_app.command(
    name="undo", help_epilogue="Example: plimsoll triage cases undo --by eve --since 2026-11-01 --state ./triage"
)
def undo_verb(
    case: Annotated[str | None, Parameter(help="Id of a case.")] = None,
    /,
    *,
    state: State,
    by: Annotated[str | None, Parameter(help="All verdicts of this person.")] = None,
    since: Annotated[str | None, Parameter(help="Verdicts on events from this moment on.")] = None,
    until: Annotated[str | None, Parameter(help="Verdicts on events up to this moment.")] = None,
    who: Annotated[str | None, Parameter(name="--as", help="Who undoes it; by default who is logged in.")] = None,
    output: Output = "table",
) -> int:
    """Undo verdicts, of a case, a person or a stretch of time: what they taught is forgotten, their cases wait again."""
    undone = flow_triage.undo(
        state,
        who or _me(),
        _now(),
        by=by or "",
        case=case or "",
        since=None if since is None else _moment(since),
        until=None if until is None else _moment(until),
    )
    rows = [_said(entry) for entry in undone]
    _put(rows, output, lambda: print(f"{len(rows):,} verdicts undone"))
    return OK


@mute_app.command(name="list", help_epilogue="Example: plimsoll triage mute list --state ./triage")
def mute_list(
    *,
    state: State,
    search: Annotated[str | None, Parameter(help="Muted alerts with this text in them, in the place of cases.")] = None,
    most: Annotated[int, Parameter(help="Alerts to show.")] = 100,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """List the cases with muted alerts, the latest first; or the muted alerts themselves that hold a text."""
    if search is not None:
        found = [_kept(one) for one in flow_triage.kept(state, text=search, mute=True, most=max(1, most))]
        _put(found, output, lambda: _show_alerts(found, color))
        return OK
    rows = [_summed(case) for case in flow_triage.muted(state)]
    _put(rows, output, lambda: _show_muted(rows, color))
    return OK


def _show_alerts(rows: Sequence[dict[str, Any]], color: places.Color) -> None:
    columns = [table.Column(name) for name in ("TIME", "ALERT", "CASE", "WHY")]
    texts = [[row["time"][:19].replace("T", " "), row["id"], row["case"], "; ".join(row["why"])] for row in rows]
    table.show(columns, texts, sys.stdout, none="No muted alert holds that.", color=color)


def _show_muted(rows: Sequence[dict[str, Any]], color: places.Color) -> None:
    columns = [table.Column("CASE"), table.Column("MUTED", "right"), table.Column("LAST"), table.Column("TITLE")]
    texts = [[row["id"], f"{row['muted']:,}", row["last"][:16].replace("T", " "), row["title"]] for row in rows]
    table.show(columns, texts, sys.stdout, none="Nothing is muted.", color=color)


@mute_app.command(name="explain", help_epilogue="Example: plimsoll triage mute explain ALERT --state ./triage")
def explain_verb(
    alert: Annotated[str, Parameter(help="Id of an alert, or of a case.")], /, *, state: State, output: Output = "yaml"
) -> int:
    """Say why an alert is muted or shown: gates, evidence, decibans, and what would make it loud."""
    found = flow_triage.kept(state, alert=alert, most=1) or flow_triage.kept(state, case=alert, mute=True, most=1)
    if not found:
        raise errors.InputError(f"no alert or case with muted alerts is called {inputs.shown(alert)[:40]}")
    outputs.document(
        "yaml" if output == "table" else "json" if output == "jsonl" else output, _kept(found[0]), sys.stdout
    )
    return OK


@triage_app.command(name="questions", help_epilogue="Example: plimsoll triage questions --state ./triage -o jsonl")
def questions_verb(
    *,
    state: State,
    now: Annotated[
        str | None, Parameter(help="The time it is: what nobody confirmed by then comes back to the queue first.")
    ] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """List what is asked of those on whose word people's acts were muted, the most urgent first."""
    rows = [_question(one) for one in flow_triage.questions(state, None if now is None else _when(now))]
    _put(rows, output, lambda: _show_questions(rows, color))
    return OK


def _question(one: confirming.Question) -> dict[str, Any]:
    times = {"first": _time(one.first), "last": _time(one.last), "due": _time(one.due)}
    return {**one._asdict(), **times, "line": one.line}


def _show_questions(rows: Sequence[dict[str, Any]], color: places.Color) -> None:
    columns = [table.Column("CASE"), table.Column("UNTIL"), table.Column("ACTS", "right"), table.Column("QUESTION")]
    texts = [[row["case"], row["due"][:16].replace("T", " "), f"{row['acts']:,}", row["line"]] for row in rows]
    table.show(columns, texts, sys.stdout, none="Nothing is asked.", color=color)


@triage_app.command(
    name="answer", help_epilogue="Example: plimsoll triage answer c0123456789ab yes --as eve --state ./triage"
)
def answer_verb(
    case: Name,
    answer: Annotated[confirming.Said, Parameter(help="Whether you approved of all that the question tells.")],
    /,
    *,
    state: State,
    who: Annotated[str | None, Parameter(name="--as", help="Who answers; by default who is logged in.")] = None,
    acts: Annotated[
        int | None, Parameter(help="How many acts the question told of: a yes is refused where there are more by now.")
    ] = None,
    note: Annotated[str, Parameter(help="Why, for others to read.")] = "",
    output: Output = "table",
) -> int:
    """Answer a question: yes keeps a session muted, no brings it back as high."""
    reply = flow_triage.Reply(case, answer, who or _me(), note, acts)
    why = flow_triage.reply(state, reply, _now())
    row = {"case": case, "answer": answer, "taken": not why, "why": why}
    said = f"{case} stays muted" if answer == "yes" else f"{case} waits in the queue, high"
    _put([row], output, lambda: None if why else print(said))
    if why:
        print(f"plimsoll: {inputs.shown(case)}: {inputs.shown(why)}", file=sys.stderr)
    return INCOMPLETE if why else OK


@triage_app.command(name="certificate", help_epilogue="Example: plimsoll triage certificate --state ./triage -o json")
def certificate_verb(*, state: State, output: Output = "table") -> int:
    """Say what muting may hide: synthetic attacks on today's state, and audits of what is muted."""
    last, log = flow_triage.certified(state), flow_triage.log_of(state)
    records_ = verdicts.records(log)
    clean, malicious = sum(one.clean for one in records_.values()), sum(one.malicious for one in records_.values())
    audited = {"clean": clean, "malicious": malicious, "bound": audits.bound(clean, malicious)}
    told = {
        "certificate": None if last is None else msgspec.to_builtins(last),
        "audits": {**audited, "families": {name: msgspec.to_builtins(one) for name, one in sorted(records_.items())}},
        "verdicts": sum(entry.verdict in verdicts.VERDICTS for entry in verdicts.live(log)),
    }
    if output == "table":
        _tell_certificate(last, audited)
    else:
        outputs.document("json" if output == "jsonl" else output, told, sys.stdout)
    return OK


def _tell_certificate(last: certificate.Certificate | None, audited: dict[str, Any]) -> None:
    if last is None:
        print("Nothing was judged yet.")
        return
    share = last.share
    print(
        f"Of {share.campaigns:,} synthetic campaigns {share.missed:,} would have been missed whole: "
        f"at most {share.upper:.2%} at 95 %, {last.alpha:.2%} allowed"
    )
    if last.frozen:
        print("Muting is frozen: what would be muted is only marked, until the bound holds three times in a row.")
    for rule, who in last.cells_off:
        print(f"Not muted for this bound: {plain.shown(rule)} ({who})")
    same = last.indistinguishable
    print(f"Not covered: {same.missed} of {same.campaigns} campaigns that copied only what was approved, step by step.")
    print(f"Audits of muted alerts: {audited['clean']:,} clean, {audited['malicious']:,} malicious.")


@triage_app.command(
    name="exceptions", help_epilogue="Example: plimsoll triage exceptions --state ./triage > exceptions.yaml"
)
def exceptions_verb(
    *,
    state: State,
    output: Annotated[Literal["yaml", "json"], Parameter(name=["--output", "-o"], help="Form of the answer.")] = "yaml",
) -> int:
    """Suggest Falco exceptions for what verdicts called harmless."""
    outputs.document(output, exceptions.suggested(flow_triage.answered(state)), sys.stdout)
    return OK


def _put(rows: Sequence[dict[str, Any]], output: Form, show: Any) -> None:
    if output == "table":
        show()
    elif output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    else:
        outputs.document(output, rows, sys.stdout)


def _time(microseconds: int) -> str:
    return plain.rfc3339(records.EPOCH + dt.timedelta(microseconds=microseconds))


def _moment(text: str) -> int:
    return records.microseconds(_when(text))


def _when(text: str) -> dt.datetime:
    try:
        told = dt.datetime.fromisoformat(text)
    except ValueError:
        raise errors.UsageError(f"{text[:40]!r} is no moment; write 2026-11-01 or 2026-11-01T12:00:00Z") from None
    return told if told.tzinfo else told.replace(tzinfo=dt.UTC)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
