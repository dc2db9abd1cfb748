"""The command line's verbs that measure: how good the alerts are on a labelled recording, what triage hides and misses."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from plimsoll import cli_progress, errors, flow_evaluate, flow_evaluate_triage, outputs
from plimsoll.cli_options import Color, Output
from plimsoll.evaluate import curves, muting, report
from plimsoll.outputs import places, table

OK, INCOMPLETE = 0, 3
MOST_BURSTS = 1000
Files = Annotated[list[str] | None, Parameter(negative=())]

eval_app = App(
    name="eval",
    help="Measure how good the alerts are on a labelled recording, and what triage hides and misses.",
    help_epilogue="Example: plimsoll eval audit ./recording",
)


@eval_app.command(help_epilogue="Example: plimsoll eval audit ./recording --poison 20 -o json")
def audit(
    recording: Annotated[
        str | None, Parameter(help="Folder with train*, test* and labels*, or a labelled table of requests (Parquet).")
    ] = None,
    /,
    *,
    learn: Annotated[Files, Parameter(help="What is learned, instead of the folder's train*.")] = None,
    test: Annotated[Files, Parameter(help="What is judged, instead of the folder's test*.")] = None,
    labels: Annotated[Files, Parameter(help="What is true of it, as JSON lines, instead of labels*.")] = None,
    budget: Annotated[
        list[int] | None, Parameter(help="Alerts a day; several may be given. By default 1, 3 and 5.", negative=())
    ] = None,
    session: Annotated[
        int | None,
        Parameter(
            help="Seconds of a user's activity that the baselines judge as one. By default 60, from a day on 3600."
        ),
    ] = None,
    baselines: Annotated[bool, Parameter(help="Measure known methods on the same sessions, too.")] = True,
    poison: Annotated[int, Parameter(help="Learn each attack so many times, and say what is still found.")] = 0,
    objects: Annotated[
        list[str] | None, Parameter(help="Manifests or a watch stream, as for `learn` and `detect`.", negative=())
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Format of the log, where content does not tell.")
    ] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Learn the first part of an audit log, judge the second, and hold the labels beside the alerts."""
    budgets = tuple(sorted(set(budget or flow_evaluate.BUDGETS)))
    _sound(budgets, session, poison)
    options = flow_evaluate.Options(
        budgets, timedelta(seconds=session) if session else None, baselines, poison, from_, tuple(objects or ())
    )
    with tempfile.TemporaryDirectory(prefix="plimsoll-eval-") as room, cli_progress.doing(color) as progress:
        given = _given(recording, learn, test, labels, Path(room))
        found = flow_evaluate.evaluate(given, Path(room), options, progress)
    if output == "jsonl":
        outputs.write("jsonl", report.rows(found), sys.stdout)
    elif output != "table":
        outputs.document(output, report.document(found), sys.stdout)
    else:
        _show(found, color)
    for note in found.notes:
        print(f"plimsoll: {note}", file=sys.stderr)
    return INCOMPLETE if found.recording.rejected else OK


@eval_app.command(help_epilogue="Example: plimsoll eval triage --seed 6 --seed 7 -o json")
def triage(
    *,
    seed: Annotated[
        list[int] | None,
        Parameter(help="Simulated clusters to judge; several may be given. By default 6.", negative=()),
    ] = None,
    days: Annotated[int, Parameter(help="Days each of them goes on.")] = 28,
    campaigns: Annotated[int, Parameter(help="Attacks held back, each day.")] = 2_400,
    session: Annotated[
        int,
        Parameter(
            help=f"Verdicts a day until {muting.WITHIN} were given; {flow_evaluate_triage.DAILY} a day afterwards."
        ),
    ] = flow_evaluate_triage.SESSION,
    rivals: Annotated[bool, Parameter(help="Measure known methods on the same days, too.")] = True,
    quick: Annotated[bool, Parameter(help="Eight days and 600 attacks: a look, no proof.", negative=())] = False,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Let triage work in a simulated cluster, and attack what it learned with campaigns it never saw."""
    seeds = tuple(dict.fromkeys(seed or (6,)))
    if quick:
        days, campaigns = min(days, 8), min(campaigns, 600)
    for name, given, most in (("days", days, 90), ("campaigns", campaigns, 50_000), ("session", session, 1_000)):
        if not 1 <= given <= most:
            raise errors.UsageError(f"--{name} is a number from 1 to {most:,}, not {given}")
    if min(seeds) < 0 or max(seeds) >= 2**63 or len(seeds) > 100:
        raise errors.UsageError("--seed is a number from 0, at most a hundred of them")
    options = flow_evaluate_triage.Options(seeds, days, campaigns, session, rivals)
    with cli_progress.doing(color) as progress:
        found = flow_evaluate_triage.evaluate(options, progress)
    if output == "jsonl":
        outputs.write("jsonl", muting.rows(found), sys.stdout)
    elif output != "table":
        outputs.document(output, muting.document(found), sys.stdout)
    else:
        _show_muting(found, color)
    return OK


def _sound(budgets: Sequence[int], session: int | None, poison: int) -> None:
    if budgets[0] < 1:
        raise errors.UsageError(f"--budget is a number of alerts a day from 1, not {budgets[0]}")
    if session is not None and session < 1:
        raise errors.UsageError(f"--session is a number of seconds from 1, not {session}")
    if not 0 <= poison <= MOST_BURSTS:
        raise errors.UsageError(f"--poison is a number of bursts from 0 to {MOST_BURSTS}, not {poison}")


def _given(
    recording: str | None,
    learn: Sequence[str] | None,
    test: Sequence[str] | None,
    labels: Sequence[str] | None,
    room: Path,
) -> flow_evaluate.Recording:
    """Return the recording, where parts of it that are named stand in for those of the folder."""
    if recording is None:
        if not (learn and test and labels):
            raise errors.UsageError("a recording is a folder or table, or all of --learn, --test and --labels")
        return flow_evaluate.parts(learn, test, labels)
    if learn or test or labels:
        return flow_evaluate.in_folder(recording, {"learn": learn, "test": test, "labels": labels})
    return flow_evaluate.recording(recording, room)


def _show(found: report.Report, color: places.Color) -> None:
    of = found.recording
    days = f"{of.days} day{'s' * (of.days != 1)}"
    print(f"{of.learned:,} requests learned, {of.judged:,} judged ({of.sessions:,} sessions, {days} begun)")
    print(f"{of.attacks} attacks, {of.benign_changes} benign changes, {of.for_review} for review\n")
    _methods(found, color)
    _budgets(found, color)
    _attacks(found, color)
    _false_alarms(found, color)
    _detection(found)
    if found.poisoned:
        _poisoned(found.poisoned, of.attacks)


def _methods(found: report.Report, color: places.Color) -> None:
    print(f"Attacks found of {found.recording.attacks}, for so many false alarms in the whole part")
    columns = [table.Column("METHOD"), *(table.Column(str(price), "right") for price in curves.PRICES)]
    columns += [table.Column("AUC", "right"), table.Column("AP", "right")]
    rows = [
        [one.method, *map(str, one.found_at.values()), _number(one.auc, 4), _number(one.ap, 3)] for one in found.methods
    ]
    _table(columns, rows, color)


def _budgets(found: report.Report, color: places.Color) -> None:
    print("With the threshold fixed on the learning part")
    columns = [table.Column("METHOD")] + [
        table.Column(title, "right") for title in ("ALERTS/DAY", "TOLD", "FOUND", "FALSE", "ALERTS/DAY WITHOUT ATTACKS")
    ]
    rows = [
        [one.method, str(at.budget), str(at.alerts), str(at.found), str(at.false), _number(at.benign_per_day, 1)]
        for one in found.methods
        for at in one.budgets
    ]
    _table(columns, rows, color)


def _attacks(found: report.Report, color: places.Color) -> None:
    columns = [table.Column("ATTACK"), table.Column("FAMILY"), table.Column("BITS", "right")]
    columns += [table.Column("FALSE BEFORE", "right"), table.Column("BUDGETS")]
    columns += [table.Column("TOLD AT REQUEST", "right"), table.Column("AFTER", "right"), table.Column("NAMED")]
    rows = [
        [
            one.id,
            one.family,
            _number(one.bits, 1),
            "–" if one.false_before is None else str(one.false_before),
            ", ".join(map(str, one.found_at_budgets)) or "–",
            "–" if one.requests is None else f"{one.requests} of {one.logged}",
            "–" if one.seconds is None else f"{one.seconds:,.1f} s",
            {True: "yes", False: "no", None: "–"}[one.named],
        ]
        for one in found.attacks
    ]
    _table(columns, rows, color)


def _false_alarms(found: report.Report, color: places.Color) -> None:
    columns = [table.Column("BITS", "right"), table.Column("FALSE ALARM"), table.Column("EVIDENCE")]
    rows = [[f"{one.bits:.1f}", one.title, (*one.evidence, "")[0]] for one in found.false_alarms]
    _table(columns, rows, color, none="No false alarm.")


def _detection(found: report.Report) -> None:
    seen = report.detection(found.attacks)
    if seen["told_live"]:
        print(
            f"As the log grows {seen['told_live']} attacks are told, "
            f"half of them by request {seen['median_requests']:g}, {seen['median_seconds']:,.1f} s after their first"
        )
    print(f"{seen['explained']} of {seen['of']} alerts name what was injected in their first two reasons")


def _poisoned(poisoned: report.Poisoned, attacks: int) -> None:
    told = ", ".join(
        f"{one.found} of {attacks} at {one.budget} alerts a day ({poisoned.kept[str(one.budget)]:.0%} kept)"
        for one in poisoned.budgets
    )
    print(f"With each attack learned {poisoned.bursts} times: {told}")


def _show_muting(found: muting.Report, color: places.Color) -> None:
    print(f"Simulated world {found.digest}, {found.days} days, seeds {', '.join(map(str, found.seeds))}\n")
    print("Triage, each day with what was learned before it")
    titles = (
        "SEED",
        "DAY",
        "VERDICTS",
        "RAW",
        "STILL SHOWN",
        "HIDDEN",
        "CASES HIDDEN",
        "AUDITED",
        "GROUPS",
        "CAMPAIGNS MISSED",
        "ECE",
    )
    columns = [table.Column(title, "right") for title in titles]
    _table(columns, [[str(one.seed), str(one.day), *_of_a_day(one)] for one in found.milestones], color)
    print("What was still shown on the last day, and why")
    last = [one for one in found.daily if one.method == "plimsoll" and one.day == found.days - 1]
    loud = [[str(one.seed), why, f"{raw:,}", str(cases)] for one in last for why, (raw, cases) in one.loud.items()]
    titled = [_right("SEED"), table.Column("WHY"), _right("ALERTS"), _right("CASES BY THAT ALONE")]
    _table(titled, loud, color)
    print("Beside it on the last day, with verdicts of the same number")
    _table([table.Column("METHOD"), table.Column("SEED", "right"), *columns[2:]], _last(found), color)
    print("Attacks held back, on the last day")
    _table(
        [table.Column("ATTACKS"), table.Column("SEED", "right"), *map(_right, _MISSED)], list(_attacked(found)), color
    )
    met = [f"{name} {'yes' if met else 'NO'}" for name, met in found.met.items()]
    print(f"Targets in the week after {muting.WITHIN} verdicts and in the last one, every seed: {', '.join(met)}")


_MISSED = ("CAMPAIGNS MISSED", "STEPS HIDDEN", "FIRST LOUD AFTER", "INDISTINGUISHABLE")


def _right(title: str) -> table.Column:
    return table.Column(title, "right")


def _of_a_day(one: muting.Daily) -> list[str]:
    it = one.hidden
    return [
        str(one.verdicts),
        f"{it.raw:,}",
        f"{it.raw_shown:,}",
        f"{it.raw_hidden:.2%}",
        f"{it.cases_hidden:.1%}",
        str(it.audited),
        str(it.groups_shown),
        _missed(one.missed),
        _number(one.ece, 3),
    ]


def _missed(one: muting.Missed | None) -> str:
    if one is None or not one.campaigns:
        return "–"
    return f"{one.missed} of {one.campaigns:,} = {one.missed / one.campaigns:.2%} (≤ {one.upper:.2%})"


def _last(found: muting.Report) -> list[list[str]]:
    last = [one for one in found.daily if one.day == found.days - 1]
    return [[one.method, str(one.seed), *_of_a_day(one)] for one in last]


def _attacked(found: muting.Report) -> Iterator[list[str]]:
    """Yield a row for each way to attack, the seeds and then all of them together."""
    plain = [(one.seed, one.missed) for one in found.daily if one.method == "plimsoll" and one.missed]
    last = [(seed, [missed for of, missed in plain if of == seed][-1]) for seed in found.seeds]
    ways = [("all families", last), ("families left out", list(found.left_out))]
    shares = dict.fromkeys(share for _, share, _ in found.mimicry)
    ways += [
        (f"{share:.0%} of steps copied", [(seed, one) for seed, at, one in found.mimicry if at == share])
        for share in shares
    ]
    for name, told in ways:
        for seed, one in told:
            yield [name, str(seed), *_of_attacks(one)]
        if len(told) > 1:
            yield [name, "all", *_of_attacks(muting.added(one for _, one in told))]
    for name, (of, gone) in muting.added(one for _, one in last).by.items():
        yield [name, "all", f"{gone} of {of:,}", "–", "–", "–"]


def _of_attacks(one: muting.Missed) -> list[str]:
    return [
        _missed(one),
        f"{one.hidden_steps / max(1, one.steps):.2%}",
        "–" if one.minutes is None else f"{one.minutes:.0f} min",
        f"{one.indistinguishable_missed} of {one.indistinguishable}",
    ]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _table(
    columns: Sequence[table.Column], rows: Sequence[Sequence[str]], color: places.Color, none: str = "Nothing."
) -> None:
    table.show(columns, rows, sys.stdout, none=none, color=color)
    print()
