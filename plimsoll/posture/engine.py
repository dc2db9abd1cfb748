"""Judging: every object of a cluster asked by every test that is about its kind; what fires on one field is one finding.

A test that fails on an object is no end: that object was not judged by it, which is told like a finding.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Iterator
from itertools import groupby, islice
from typing import NamedTuple

from plimsoll.posture.check import TESTS, Check, Test, Violation
from plimsoll.posture.frameworks import Chosen
from plimsoll.posture.objects import Cluster, Object

MOST = 1_000
"""Places in one object that one test may name; a hostile object has any number of them."""
_SHOWN = 3


class Finding(NamedTuple):
    """A check that holds somewhere in an object."""

    check: Check
    object: Object
    field: str
    message: str
    controls: tuple[str, ...]
    line: int = 0
    """Of the field in the object's file, else of the object; 0 where nobody looked."""


class Unjudged(NamedTuple):
    """An object that a test could not judge."""

    check: Check
    object: Object
    reason: str


class _Asked(NamedTuple):
    """A test in the plan of a kind."""

    run: Test
    controls: tuple[str, ...]
    decides: bool
    check: Check


class _Fired(NamedTuple):
    """A test that holds in a place."""

    asked: _Asked
    violation: Violation


_Plan = tuple[tuple[Test, _Asked], ...]


class Engine:
    """The tests that were chosen, sorted by the kinds they are about."""

    def __init__(self, chosen: Iterable[Chosen]) -> None:
        self._chosen = tuple(chosen)
        self._plans: dict[str, _Plan] = {}

    def judged(self, cluster: Cluster) -> Iterator[Finding | Unjudged]:
        """Yield what is found in each object of a cluster, in their order."""
        for one in cluster.objects:
            yield from self.of(one, cluster)

    def of(self, one: Object, cluster: Cluster) -> Iterator[Finding | Unjudged]:
        """Yield what is found in an object."""
        plan = self._plan(one.kind)
        try:
            # Nearly all tests are silent on nearly all objects: this loop is most of what a scan costs.
            fired = [_Fired(asked, found) for run, asked in plan for found in run(one, cluster)]
        except Exception:  # noqa: BLE001  any value may be of any type; one test must not end the scan
            fired = None
        if fired is None or len(fired) > MOST:
            fired = yield from _carefully(plan, one, cluster)
        for check, told in groupby(fired, key=lambda one: one.asked.check):
            yield from _findings(check, one, [*told])

    def _plan(self, kind: str) -> _Plan:
        """Return the tests about a kind, those of one check beside each other."""
        plan = self._plans.get(kind)
        if plan is None:
            made = (tuple(_about(one, kind)) for one in self._chosen)
            asked = (test for tests in made if any(test.decides for test in tests) for test in tests)
            plan = self._plans[kind] = tuple((test.run, test) for test in asked)
        return plan


def _about(chosen: Chosen, kind: str) -> Iterator[_Asked]:
    for judged, decides in chosen.tests:
        run, kinds = TESTS[judged.test]
        if kind in kinds or "*" in kinds:
            yield _Asked(run, judged.controls, decides, chosen.check)


def _carefully(plan: _Plan, one: Object, cluster: Cluster) -> Generator[Unjudged, None, list[_Fired]]:
    """Ask test by test, each for so many places; yield which failed, and return what the others said."""
    fired: list[_Fired] = []
    for run, asked in plan:
        try:
            fired += [_Fired(asked, found) for found in islice(run(one, cluster), MOST)]
        except Exception as broken:  # noqa: BLE001  as above
            yield Unjudged(asked.check, one, f"{type(broken).__name__}: {broken}"[:200])
    return fired


def _findings(check: Check, one: Object, fired: list[_Fired]) -> Iterator[Finding]:
    """Yield a finding for each field that a deciding test, or one with it, fired on."""
    if len(fired) == 1:
        (asked, violation), *_ = fired
        if asked.decides:
            yield Finding(check, one, violation.field, violation.message, asked.controls)
        return
    for field, told in _by_field(fired).items():
        if any(one.asked.decides for one in told):
            yield Finding(check, one, field, _message(told), _controls(told))


def _by_field(fired: list[_Fired]) -> dict[str, list[_Fired]]:
    """Return what fired by the field it is about; what is about a part of a field is about the field.

    The field of a group is the outermost one.
    """
    fields = {one.violation.field for one in fired}
    if len(fields) == 1:
        return {fields.pop(): fired}
    outer: set[str] = set()
    for field in sorted(fields, key=len):
        if _around(field, outer) is None:
            outer.add(field)
    groups: dict[str, list[_Fired]] = {}
    for one in fired:
        groups.setdefault(_around(one.violation.field, outer) or "", []).append(one)
    return groups


def _around(field: str, outer: Container[str]) -> str | None:
    """Return which of these fields a field is or is a part of.

    >>> _around("spec.containers[0].image", {"spec.containers[0]"})
    'spec.containers[0]'
    """
    while field and field not in outer:
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    return field if field in outer else None


def _message(told: list[_Fired]) -> str:
    """Return what the first deciding test said of the field."""
    speaker = next(one.asked for one in told if one.asked.decides)
    said = dict.fromkeys(one.violation.message for one in told if one.asked is speaker)
    more = len(said) - _SHOWN
    return "; ".join(islice(said, _SHOWN)) + (f"; and {more} more" if more > 0 else "")


def _controls(told: list[_Fired]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for one in told:
        found |= dict.fromkeys(one.asked.controls)
    return tuple(found)
