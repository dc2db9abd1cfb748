"""The command line's verb for posture: what the cluster's objects allow, found before anyone uses it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import cli_unjudged, errors, flow_paths, flow_scan, outputs
from plimsoll.cli_options import Color
from plimsoll.cluster import node_files
from plimsoll.outputs import findings, places, plain, routes, routes_html, routes_table, table
from plimsoll.paths.answer import Question
from plimsoll.posture.check import SEVERITIES, Check, Severity
from plimsoll.posture.engine import Finding

OK, FINDINGS, INCOMPLETE = 0, 1, 3
Form = Literal["table", "json", "jsonl", "yaml", "sarif", "junit", "ocsf", "openreports", "html"]
PLACED = ("sarif", "html")
"""Forms that lead to a line of a file."""
WITH_PATHS = ("table", "json", "html")
"""Forms that say which attack paths a change opens and closes."""
_DRAWN = 20
"""Attack paths that a page draws beside the findings."""

scan_app = App(
    name="scan",
    help="Find what the objects of a cluster allow an attacker, before one comes.",
    help_epilogue="Example: plimsoll scan ./manifests --framework pss-restricted@1.34 --fail-on high",
)


@scan_app.default
def scan(
    paths: Annotated[
        list[str] | None,
        Parameter(help="Manifests: a file, folder, glob or `-`; all together are one cluster.", negative=()),
    ] = None,
    /,
    *,
    framework: Annotated[
        list[str] | None,
        Parameter(help="Only the checks of this framework, as pss-baseline@1.34; may be given again.", negative=()),
    ] = None,
    exceptions: Annotated[
        Path | None, Parameter(help="File of findings that somebody answers for, with reason and expiry.")
    ] = None,
    checks: Annotated[
        list[Path] | None, Parameter(help="File of checks of your own; may be given again.", negative=())
    ] = None,
    live: Annotated[
        bool, Parameter(help="Judge the cluster of your kubeconfig in place of manifests.", negative=())
    ] = False,
    node: Annotated[
        bool,
        Parameter(help="Judge the files of the node at PATH, else of this one, in place of manifests.", negative=()),
    ] = False,
    snapshot: Annotated[
        bool, Parameter(help="With --node: print what would be judged, to be scanned elsewhere.", negative=())
    ] = False,
    diff: Annotated[
        Path | None,
        Parameter(
            help="Manifests before a change: only what they did not have is told, and which attack paths are opened."
        ),
    ] = None,
    list_: Annotated[bool, Parameter(name="--list", help="List the checks, judge nothing.", negative=())] = False,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 1 where a finding is at least this grave.")] = None,
    output: Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the findings.")] = "table",
    color: Color = "auto",
) -> int:
    """Judge manifests by every check, or by those of a framework."""
    root = _node(paths or [], live=live) if node else None
    if snapshot:
        return _snapshot(root)
    asked = flow_scan.Asked(framework or (), checks or (), exceptions, live, root)
    if list_:
        return _list([one.check for one in flow_scan.chosen_checks(asked)], output, color)
    if not node and bool(paths) == live:
        raise errors.UsageError("scan takes the PATHs of manifests, or --live, or --node (plimsoll scan --help)")
    now = datetime.now(UTC)
    made = flow_scan.Scan(paths or (), asked, now, with_lines=output in PLACED or None)
    before = flow_scan.Scan([str(diff)], asked._replace(live=False, node=None), now, with_lines=False) if diff else None
    gravest = _Gravest()
    report = made.report(str(Path.cwd()))
    found = flow_scan.fresh(before, report.findings) if before else report.findings
    changed = _changed(before, made) if before and (output in WITH_PATHS or _minds_paths(fail_on)) else None
    _put(report._replace(findings=gravest.of(found)), changed, made, output, color)
    coverage = made.coverage()
    earlier = before.coverage().problems if before else ()
    problems = [*coverage.problems, *(f"before the change: {problem}" for problem in earlier)]
    for problem in problems:
        print(f"plimsoll: {plain.shown(problem)}", file=sys.stderr)
    opened = changed.difference.opened if changed else []
    if opened and output not in WITH_PATHS:
        print(f"plimsoll: the change opens {len(opened):,} attack paths; -o table has them", file=sys.stderr)
    if (opened and _minds_paths(fail_on)) or (fail_on and gravest.grade <= SEVERITIES.index(fail_on)):
        return FINDINGS
    if not coverage.objects:
        return cli_unjudged.nothing(paths or ["the cluster"])
    return INCOMPLETE if coverage.unjudged else OK


def _minds_paths(fail_on: Severity | None) -> bool:
    """Say whether an attack path that a change opens is grave enough: it counts as high."""
    return fail_on is not None and SEVERITIES.index(fail_on) >= SEVERITIES.index("high")


def _changed(before: flow_scan.Scan, after: flow_scan.Scan) -> flow_paths.Changed:
    return flow_paths.between(before.objects, after.objects, Question())


def _put(
    report: findings.Report,
    changed: flow_paths.Changed | None,
    made: flow_scan.Scan,
    output: Form,
    color: places.Color,
) -> None:
    """Write what was found, and the attack paths in the forms that have a place for them."""
    if changed and output == "json":
        told = [findings.row(one) for one in report.findings]
        paths = routes.changes(changed.difference, changed.before, changed.after)
        outputs.document("json", {"findings": told, "paths": paths}, sys.stdout)
        return
    if output == "html":
        report = report._replace(part=findings.Part(routes_html.STYLE, _drawn(made, changed)))
    outputs.report(output, report, sys.stdout, color=color)
    if changed and output == "table":
        place = places.of(sys.stdout, color=color)
        sys.stdout.write("\n")
        sys.stdout.writelines(routes_table.changes(changed.difference, changed.before, changed.after, place))


def _drawn(made: flow_scan.Scan, changed: flow_paths.Changed | None) -> Iterator[str]:
    """Yield the part of a page that has the attack paths, or says why they are left out."""
    yield "<h2>Attack paths</h2>\n"
    if changed:
        yield from routes_html.changes(changed.difference, changed.before, changed.after, most=_DRAWN)
    elif answer := flow_paths.few(made.objects, Question()):
        yield from routes_html.part(answer, most=_DRAWN, elsewhere="plimsoll paths -o json")
    else:
        yield f"<p>Left out: more than {flow_paths.IN_PASSING:,} objects are or make pods. plimsoll paths has them.</p>\n"


def _node(paths: list[str], *, live: bool) -> Path:
    """Return where the node is mounted."""
    if live or len(paths) > 1:
        raise errors.UsageError("--node takes one PATH, where the node is mounted, or none for this one; and no --live")
    return Path(*paths or "/")


def _snapshot(root: Path | None) -> int:
    """Print what is told of a node's files."""
    if root is None:
        raise errors.UsageError("--snapshot is of a node: plimsoll scan --node --snapshot > node.yaml")
    told = node_files.read(root)
    outputs.document("yaml", told, sys.stdout)
    return INCOMPLETE if told["unread"] else OK


class _Gravest:
    """How grave the gravest of some findings is, seen while they pass."""

    def __init__(self) -> None:
        self.grade = len(SEVERITIES)

    def of(self, told: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings."""
        for found in told:
            self.grade = min(self.grade, SEVERITIES.index(found.check.severity))
            yield found


def _list(checks: list[Check], output: Form, color: places.Color) -> int:
    """Print checks, gravest first."""
    checks.sort(key=lambda check: (SEVERITIES.index(check.severity), check.id))
    if output == "table":
        columns = [table.Column(name) for name in ("SEVERITY", "CHECK", "WHAT", "CONTROLS")]
        texts = [[one.severity, one.id, one.title, " ".join(_controls(one))] for one in checks]
        table.show(columns, texts, sys.stdout, none="No checks.", color=color)
        return OK
    told = [
        {
            **{name: getattr(one, name) for name in ("id", "title", "severity", "danger", "fix", "patch", "attack")},
            "controls": _controls(one),
        }
        for one in checks
    ]
    if output == "jsonl":
        outputs.write("jsonl", told, sys.stdout)
    else:
        outputs.document(output, told, sys.stdout)
    return OK


def _controls(check: Check) -> list[str]:
    return [*dict.fromkeys(control for one in check.tests for control in one.controls)]
