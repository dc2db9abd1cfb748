"""The command line's verbs for Falco's rules: check them, run them over recorded events, test them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import flow_rules, outputs
from plimsoll.cli_options import Color, Form, Output
from plimsoll.outputs import places, table
from plimsoll.rules import problems, ruleset

OK, FINDINGS, INCOMPLETE, DEGRADED = 0, 1, 3, 4
Files = Annotated[list[str], Parameter(help="Rule files, in the order in which Falco would load them.", negative=())]
Tags = Annotated[str | None, Parameter(help="Run only rules with one of these tags, separated by commas.")]

rules_app = App(
    name="rules",
    help="Falco's rule files: check them, run them over recorded events, test them.",
    help_epilogue="Example: plimsoll rules run events.jsonl --rules falco_rules.yaml -o jsonl",
)


@rules_app.command(help_epilogue="Example: plimsoll rules check falco_rules.yaml my_rules.yaml")
def check(files: Files, /, *, output: Output = "table", color: Color = "auto") -> int:
    """Read files as one rule set, as Falco would; say what is wrong, where, and how to mend it."""
    found = flow_rules.read(files)
    rows = [_row(problem) for problem in found.problems]
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    elif output != "table":
        outputs.document(output, {"loads": found.loads, "rules": len(found.rules), "problems": rows}, sys.stdout)
    else:
        _show(found, color)
    return OK if found.loads else FINDINGS


def _row(problem: problems.Problem) -> dict[str, object]:
    return {**problem._asdict(), "fix": problem.fix}


def _show(found: ruleset.Ruleset, color: places.Color) -> None:
    del color  # places are read by editors, which know no colours
    for problem in found.problems:
        print(_printable(_told(problem)))
    enabled = sum(rule.enabled for rule in found.rules)
    verdict = f"{len(found.rules)} rules, {enabled} of them on" if found.loads else "Falco would not load this"
    print(f"{verdict}; {problems.counted(found.problems)}")


def _told(problem: problems.Problem) -> str:
    """Return a problem as compilers tell theirs."""
    place = f"{problem.file}:{problem.line}:{problem.column}"
    item = f" ({problem.item})" if problem.item else ""
    text = "".join(f"\n    {line}" for line in problem.text.split("\n")) if problem.text else ""
    fix = f"\n    fix: {problem.fix}" if problem.fix else ""
    return f"{place}: {problem.level}: {problem.message} [{problem.code}]{item}{text}{fix}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


@rules_app.command(help_epilogue="Example: plimsoll rules run events.jsonl.gz --rules falco_rules.yaml -o jsonl")
def run(
    sources: Annotated[
        list[str], Parameter(help="A file, folder, glob, `-` or URL; gzip and zstd by content.", negative=())
    ],
    /,
    *,
    rules: Annotated[list[str], Parameter(name="--rules", help="Rule file; several are loaded in order.", negative=())],
    matching: Annotated[
        Literal["first", "all"], Parameter(help="One alert an event, of the first rule that holds, or one of each.")
    ] = "first",
    tags: Tags = None,
    skip_tags: Annotated[str | None, Parameter(help="Leave out rules with one of these tags.")] = None,
    priority: Annotated[
        Literal["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"],
        Parameter(help="Leave out rules of less priority."),
    ] = "Debug",
    options: Annotated[
        str | None,
        Parameter(help="File that says of rules how often they must hold, what is told once, and which are on."),
    ] = None,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Format of the sources, where content does not tell.")
    ] = None,
    rejects: Annotated[
        Path | None, Parameter(name="--rejects", help="File to keep the records in that could not be read.")
    ] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Run rules over recorded events; print alerts in Falco's JSON."""
    found = flow_rules.read(rules)
    if not found.loads:
        for problem in found.problems:
            if problem.level == "error":
                print(_printable(_told(problem)), file=sys.stderr)
        return FINDINGS
    chosen = found.chosen(_words(tags), _words(skip_tags), priority)
    wanted = flow_rules.read_options(options, found) if options else None
    going = flow_rules.Run(sources, chosen, first=matching == "first", form=from_, wanted=wanted)
    _put(output, going, color)
    return _leftover(going, rejects)


def _words(text: str | None) -> Sequence[str]:
    return [word.strip() for word in text.split(",") if word.strip()] if text else []


def _put(output: Form, alerts: Iterable[flow_rules.Alert], color: places.Color) -> None:
    if output == "jsonl":
        outputs.write("jsonl", alerts, sys.stdout)
    elif output == "table":
        columns = [table.Column(name) for name in ("TIME", "PRIORITY", "RULE", "OUTPUT")]
        texts = [
            [one["time"], one["priority"], one["rule"], one["output"].partition(f"{one['priority']} ")[2]]
            for one in alerts
        ]
        table.show(columns, texts, sys.stdout, none="No rule held.", color=color)
    else:
        outputs.document(output, [*alerts], sys.stdout)


def _leftover(going: flow_rules.Run, rejects: Path | None) -> int:
    """Say what could not be judged, and return the exit code."""
    degraded = False
    for room in going.rooms.values():
        if not room.engine.rules:
            print(f"plimsoll: no rule is about events of the source {room.kind} ({room.format})", file=sys.stderr)
        if room.ungrouped:
            print(
                f"plimsoll: {room.format} has no {', '.join(room.ungrouped)}: for group_by it is as if all were the same",
                file=sys.stderr,
            )
        for name, lacks in room.engine.lacking.items():
            degraded = True
            told = ", ".join(lacks[:5]) + (", …" if len(lacks) > 5 else "")
            print(_printable(f"plimsoll: not evaluable on {room.format}: {name} (needs {told})"), file=sys.stderr)
    if rejects and going.rejects.total:
        going.rejects.write(rejects)
    if going.rejects.total:
        print(f"plimsoll: {going.rejects.summary()}", file=sys.stderr)
        return INCOMPLETE
    return DEGRADED if degraded else OK


@rules_app.command(name="test", help_epilogue="Example: plimsoll rules test my_rules.test.yaml")
def try_out(
    files: Annotated[
        list[str], Parameter(help="Files of tests: rules, events, and the alerts they should give.", negative=())
    ],
    /,
    *,
    output: Output = "table",
) -> int:
    """Run users' own tests of their rules; exit with 1 where one fails."""
    failed = False
    rows: list[dict[str, object]] = []
    for outcome in (one for path in files for one in flow_rules.outcomes(path)):
        if isinstance(outcome, flow_rules.Untestable):
            failed = True
            for problem in outcome.problems:
                print(_printable(_told(problem)), file=sys.stderr)
            continue
        failed = failed or not outcome.passed
        rows.append({**outcome._asdict(), "passed": outcome.passed})
        if output == "table":
            print(_printable(_line(outcome)))
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    elif output != "table":
        outputs.document(output, rows, sys.stdout)
    else:
        bad = sum(not row["passed"] for row in rows)
        print(f"{len(rows) - bad} passed, {bad} failed")
    return FINDINGS if failed else OK


def _line(outcome: flow_rules.Outcome) -> str:
    told = [f"no alert of {name}" for name in outcome.missing] + [
        f"an alert of {name} too many" for name in outcome.extra
    ]
    return f"{'ok  ' if outcome.passed else 'FAIL'} {outcome.file}: {outcome.name}" + (
        f": {'; '.join(told)}" if told else ""
    )
