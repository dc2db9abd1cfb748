"""The command line's verb for posture: what the cluster's objects allow, found before anyone uses it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import flow_scan, outputs
from plimsoll.outputs import places, plain
from plimsoll.posture import engine
from plimsoll.posture.check import SEVERITIES, Severity

OK, FINDINGS, INCOMPLETE = 0, 1, 3
Form = Literal["table", "json", "jsonl", "yaml"]
_SHOWN = 12

scan_app = App(
    name="scan",
    help="Find what the objects of a cluster allow an attacker, before one comes.",
    help_epilogue="Example: plimsoll scan ./manifests --framework pss-restricted@1.34 --fail-on high",
)


@scan_app.default
def scan(
    paths: Annotated[
        list[str],
        Parameter(help="Manifests: a file, folder, glob or `-`; all together are one cluster.", negative=()),
    ],
    /,
    *,
    framework: Annotated[
        list[str] | None,
        Parameter(help="Only the checks of this framework, as pss-baseline@1.34; may be given again.", negative=()),
    ] = None,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 1 where a finding is at least this grave.")] = None,
    output: Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the findings.")] = "table",
    color: Annotated[places.Color, Parameter(help="Colours on a terminal; NO_COLOR is respected.")] = "auto",
) -> int:
    """Judge manifests by every check, or by those of a framework."""
    told = _Told(flow_scan.scan(paths, framework or []))
    outputs.write(output, told.rows(), sys.stdout, color=color)
    return told.code(fail_on)


class _Told:
    """The findings of a scan as rows, and what is to be said of it at the end."""

    def __init__(self, scan: flow_scan.Scan) -> None:
        self._scan = scan
        self._gravest = len(SEVERITIES)
        self._unjudged: list[engine.Unjudged] = []

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield each finding as it is made."""
        for one in self._scan.results:
            if isinstance(one, engine.Unjudged):
                self._unjudged.append(one)
            else:
                self._gravest = min(self._gravest, SEVERITIES.index(one.check.severity))
                yield row(one)

    def code(self, fail_on: Severity | None) -> int:
        """Say what could not be judged and return the exit code."""
        read = self._scan.read
        for reject in read.rejects[:_SHOWN]:
            print(plain.shown(f"plimsoll: {reject.file}:{reject.line}: {reject.reason}"), file=sys.stderr)
        if read.rejected > _SHOWN:
            print(f"plimsoll: {read.rejected:,} documents in all were set aside", file=sys.stderr)
        for one in self._unjudged[:_SHOWN]:
            print(plain.shown(f"plimsoll: {one.check.id} could not judge {one.object}: {one.reason}"), file=sys.stderr)
        if fail_on and self._gravest <= SEVERITIES.index(fail_on):
            return FINDINGS
        return INCOMPLETE if read.rejected or self._unjudged else OK


def row(found: engine.Finding) -> dict[str, object]:
    """Return a finding in the form that programs read."""
    check, one = found.check, found.object
    return {
        "check": check.id,
        "title": check.title,
        "controls": found.controls,
        "severity": check.severity,
        "object": {
            "kind": one.kind,
            "namespace": one.namespace,
            "name": one.name,
            "file": one.file,
            "line": one.line,
            "document": one.document,
        },
        "field": found.field,
        "message": found.message,
        "attack": check.attack,
        "fix": check.fix,
    }
