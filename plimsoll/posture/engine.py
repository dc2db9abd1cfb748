"""Judging: every object of a cluster asked by every test that is about its kind; what fires on one field is one finding.

A test that fails on an object is no end: that object was not judged by it, which is told like a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
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


class _Fired(NamedTuple):
    """A test that holds in a place."""

    asked: _Asked
    violation: Violation


_Plan = tuple[tuple[Check, tuple[_Asked, ...]], ...]


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
        for check, tests in self._plan(one.kind):
            fired: list[_Fired] = []
            for asked in tests:
                try:
                    fired += [_Fired(asked, found) for found in islice(asked.run(one, cluster), MOST)]
                except Exception as broken:  # noqa: BLE001  any value may be of any type; one test must not end the scan
                    yield Unjudged(check, one, f"{type(broken).__name__}: {broken}"[:200])
            if fired:
                yield from _findings(check, one, fired)

    def _plan(self, kind: str) -> _Plan:
        """Return the checks about a kind."""
        plan = self._plans.get(kind)
        if plan is None:
            made = ((one.check, tuple(_about(one, kind))) for one in self._chosen)
            plan = self._plans[kind] = tuple(
                (check, tests) for check, tests in made if any(test.decides for test in tests)
            )
        return plan


def _about(chosen: Chosen, kind: str) -> Iterator[_Asked]:
    for judged, decides in chosen.tests:
        run, kinds = TESTS[judged.test]
        if kind in kinds or "*" in kinds:
            yield _Asked(run, judged.controls, decides)


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
    outer: set[str] = set()
    for field in sorted({one.violation.field for one in fired}, key=len):
        if not any(part in outer for part in _outwards(field)):
            outer.add(field)
    groups: dict[str, list[_Fired]] = {}
    for one in fired:
        field = next(part for part in _outwards(one.violation.field) if part in outer)
        groups.setdefault(field, []).append(one)
    return groups


def _outwards(field: str) -> Iterator[str]:
    """Yield a field and those it is a part of, up to the whole object.

    >>> list(_outwards("spec.containers[0].image"))
    ['spec.containers[0].image', 'spec.containers[0]', 'spec.containers', 'spec', '']
    """
    while field:
        yield field
        field = field[: max(field.rfind("."), field.rfind("["), 0)]
    yield ""


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
