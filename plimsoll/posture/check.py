"""What a check is: a row of data that says what it is about, and tests that say where it holds.

The rows are in `checks/*.yaml`, keyed by the check's id:

    container-privileged:
      title: A container is privileged
      danger: what an attacker does with it, in one or two plain sentences
      fix: what to do, in one sentence
      patch: {securityContext: {privileged: false}}   # may be left out
      severity: critical | high | medium | low | info
      attack: [T1611]
      tests:
        - test: pods.privileged              # function of a module of plimsoll/posture/judging/
          controls: [cis:5.2.2, polaris:runAsPrivileged]
        - test: kubescape.privileged_container
          controls: [kubescape:C-0057, kubescape:privileged-container]

Catalogues that judge one matter differently are several tests of one check: a user reads one finding, and its
controls are those of all tests that fired on that field or a part of it. The patch is merged into the container
that the field is in, else into the pod's spec, else into the object. A row of nothing but `tests` adds them to the
check of that id in another file.

A test that belongs to some versions of a framework only says so: `frameworks: {pss-baseline: 1.19-1.24}`, or `1.25-`
where the framework still has it. It is asked for these, and without a framework where the newest version has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from plimsoll.posture.objects import Cluster, Object

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
"""Gravest first."""


class Violation(NamedTuple):
    """Where a test holds in an object."""

    field: str
    """`spec.template.spec.containers[0].securityContext.privileged`; empty for the object as a whole."""
    message: str
    """One sentence with the value that was found."""


Test = Callable[[Object, Cluster], Iterable[Violation]]


class Registered(NamedTuple):
    """A test, and the kinds it looks at."""

    run: Test
    kinds: tuple[str, ...]


TESTS: dict[str, Registered] = {}
"""By `module.function`."""


def test(*kinds: str, name: str = "") -> Callable[[Test], Test]:  # noqa: PT028  it registers tests and is none
    """Register a function as a test of objects of these kinds, `*` for every kind; `name` where its own is another.

    @test("Namespace")
    def unnamed(one, cluster):
        if not one.name:
            yield Violation("metadata.name", "the namespace has no name")
    """

    def register(run: Test) -> Test:
        TESTS[f"{run.__module__.rpartition('.')[2]}.{name or run.__name__}"] = Registered(run, kinds)
        return run

    return register


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test as a row names it, and what other catalogues call it."""

    test: str
    controls: tuple[str, ...]
    """`catalogue:id`"""
    frameworks: dict[str, str] = {}
    """Of these frameworks the range of versions that have the test."""


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row."""

    title: str
    danger: str
    fix: str
    severity: Severity
    tests: tuple[Judged, ...]
    attack: tuple[str, ...] = ()
    patch: dict[str, Any] = {}
    id: str = ""
