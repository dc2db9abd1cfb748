"""SARIF 2.1.0: what code hosts show beside the line, https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from urllib.parse import quote

import plimsoll
from plimsoll.outputs import findings, json_document, places, plain
from plimsoll.posture.check import Check
from plimsoll.posture.engine import Finding

NAME = "sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "info": "0.0"}
"""What hosts sort by, on the scale of CVSS."""

Value = dict[str, object]


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield the log of one run."""
    told = findings.sorted_by_gravity(found.findings)  # hosts cut off what is too much
    index = {check.id: number for number, check in enumerate(found.checks)}
    coverage = found.coverage()
    run = {
        "tool": {"driver": _driver(found.checks)},
        "invocations": [_invocation(coverage)],
        "results": [_result(one, index.get(one.check.id, -1), found.folder) for one in told],
        "properties": {"objects": coverage.objects, "excepted": coverage.excepted, "notJudged": coverage.unjudged},
    }
    yield json_document.document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(checks: Sequence[Check]) -> Value:
    return {
        "name": "Plimsoll",
        "semanticVersion": plimsoll.__version__,
        "rules": [_rule(check) for check in checks],
    }


def _rule(check: Check) -> Value:
    controls = dict.fromkeys(control for test in check.tests for control in test.controls)
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.id.split("-")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.danger},
        "help": {"text": f"{check.danger}\n\n{check.fix}", "markdown": f"{check.danger}\n\n**Fix:** {check.fix}"},
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {
            "security-severity": SCORES[check.severity],
            "tags": ["security", "kubernetes", *controls, *check.attack],
        },
    }


def _result(found: Finding, index: int, folder: str) -> Value:
    one = found.object
    name = plain.shown(findings.name_of(one))
    return {
        "ruleId": found.check.id,
        "ruleIndex": index,
        "level": LEVELS[found.check.severity],
        "message": {"text": f"{name}: {plain.shown(found.message)}. {found.check.fix}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(one.file, folder)},
                    "region": {"startLine": max(1, found.line or one.line)},
                },
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"plimsoll/v1": findings.fingerprint(found)},
        "properties": {"field": found.field, "controls": found.controls},
    }


def uri(file: str, folder: str) -> str:
    """Return the address of a file, from a folder where it is below it.

    >>> uri("/repo/a b.yaml", "/repo"), uri("./x/../y.yaml", "/repo"), uri("/else/z.yaml", "/repo")
    ('a%20b.yaml', 'x/../y.yaml', 'file:///else/z.yaml')
    """
    path = PurePath(plain.text(file) or "unknown")
    if path.is_absolute() and folder and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return ("file://" if path.is_absolute() else "") + quote(path.as_posix())


def _invocation(coverage: findings.Coverage) -> Value:
    return {
        "executionSuccessful": not coverage.unjudged,
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": plain.shown(problem)}} for problem in coverage.problems
        ],
    }
