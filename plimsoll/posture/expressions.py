"""Checks of a user's own, said in the Common Expression Language: true where the check holds.

    replicas-of-a-frontend:
      title: A frontend has one replica only
      danger: It is away while its one pod moves.
      fix: Give it two.
      severity: low
      kinds: [Deployment]
      expression: object.metadata.labels.tier == "frontend" && object.spec.replicas < 2
      field: spec.replicas          # may be left out, as may message, controls and attack

`object` is the object as it is written, `pod` the spec of the pod that it is or makes, empty where it makes none. What
an expression asks for and the object does not have makes it false.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import msgspec

from plimsoll import errors
from plimsoll.posture.check import TESTS, Check, Judged, Registered, Severity, Violation
from plimsoll.posture.objects import Cluster, Object

LONGEST = 10_000
"""Letters of an expression."""
STEPS = 5_000_000
"""What an expression may take on one object, by its loops within each other and the longest list: a second or two."""

_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter|transformList|transformMap)\s*\(")


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row with an expression in place of tests."""

    title: str
    danger: str
    fix: str
    severity: Severity
    kinds: tuple[str, ...]
    expression: str
    field: str = ""
    message: str = ""
    controls: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    patch: dict[str, Any] = {}


class _Program(Protocol):
    """What the library makes of an expression."""

    def execute(self, context: Mapping[str, Any]) -> object:
        """Return its value."""


class TooLarge(ValueError):
    """An object on which an expression would take too long."""


def check(name: str, own: Own, file: str = "") -> Check:
    """Return the check of a row, its test registered; raise InputError where its expression is none."""
    program, loops = _compiled(name, own.expression, file), len(_LOOP.findall(own.expression))

    def run(one: Object, _: Cluster) -> Iterator[Violation]:
        if loops > 1 and _longest(one.body) ** loops > STEPS:
            raise TooLarge(f"the object is too large for {loops} loops within each other")
        if _holds(program, one):
            yield Violation(own.field, own.message or own.title)

    test = f"own.{name}"
    TESTS[test] = Registered(run, own.kinds)
    tests = (Judged(test, own.controls or (f"own:{name}",)),)
    return Check(own.title, own.danger, own.fix, own.severity, tests, own.attack, own.patch, name)


def _compiled(name: str, expression: str, file: str) -> _Program:
    try:
        language: Any = importlib.import_module("cel")
    except ModuleNotFoundError:
        raise errors.UsageError("expressions need the extra `cel`: pip install 'plimsoll[cel]'") from None
    if len(expression) > LONGEST:
        raise errors.InputError(f"{name}: an expression of more than {LONGEST:,} letters", file=file)
    try:
        program: _Program = language.compile(expression)
    except ValueError as wrong:
        raise errors.InputError(f"{name}: {' '.join(str(wrong).split())[:300]}", file=file) from None
    return program


def _holds(program: _Program, one: Object) -> bool:
    try:
        value = program.execute({"object": one.body, "pod": one.pod.spec if one.pod else {}})
    except KeyError:
        return False
    if not isinstance(value, bool):
        raise TypeError(f"the expression is {value!r}"[:100] + ", neither true nor false")
    return value


def _longest(body: object) -> int:
    """Return how many members the longest list or mapping in a body has."""
    longest, within = 0, [body]
    while within:
        value = within.pop()
        if isinstance(value, dict | list):
            longest = max(longest, len(value))
            within += value.values() if isinstance(value, dict) else value
    return longest
