"""JUnit's XML, which every build server draws: a suite for each check, a failed case for each finding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from plimsoll.outputs import findings, places, plain
from plimsoll.posture.check import Check
from plimsoll.posture.engine import Finding

NAME = "junit"


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield the suites; a check without findings is a case that passed."""
    told: dict[str, list[Finding]] = defaultdict(list)
    for one in found.findings:
        told[one.check.id].append(one)
    failures, coverage = sum(map(len, told.values())), found.coverage()
    passed = sum(check.id not in told for check in found.checks)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield (
        f'<testsuites name="plimsoll scan" tests="{failures + passed + len(coverage.problems)}" '
        f'failures="{failures}" errors="{len(coverage.problems)}">\n'
    )
    for check in found.checks:
        yield from _suite(check, told.get(check.id, ()))
    if coverage.problems:
        yield from _problems(coverage.problems)
    yield "</testsuites>\n"


def _suite(check: Check, told: Sequence[Finding]) -> Iterator[str]:
    name = _attribute(f"{check.id}: {check.title}")
    yield f'  <testsuite name={name} tests="{len(told) or 1}" failures="{len(told)}" errors="0">\n'
    if not told:
        yield f'    <testcase classname={_attribute(check.id)} name="no object"/>\n'
    for one in told:
        where = f"{findings.name_of(one.object)} {one.field}".strip()
        place = f"{one.object.file}:{one.line or one.object.line}"
        yield f"    <testcase classname={_attribute(check.id)} name={_attribute(where)} file={_attribute(place)}>\n"
        yield f"      <failure type={_attribute(check.severity)} message={_attribute(one.message)}>"
        yield f"{_text(place)}\n{_text(check.danger)}\n{_text(check.fix)}\n{_text(' '.join(one.controls))}</failure>\n"
        yield "    </testcase>\n"
    yield "  </testsuite>\n"


def _problems(problems: Sequence[str]) -> Iterator[str]:
    yield f'  <testsuite name="not judged" tests="{len(problems)}" failures="0" errors="{len(problems)}">\n'
    for problem in problems:
        yield f'    <testcase classname="not judged" name={_attribute(problem)}><error message={_attribute(problem)}/></testcase>\n'
    yield "  </testsuite>\n"


def _attribute(value: str) -> str:
    return quoteattr(plain.shown(value, "ascii"))


def _text(value: str) -> str:
    return escape(plain.shown(value, "ascii"))
