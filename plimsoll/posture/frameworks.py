"""Frameworks: which checks, by which of their tests, somebody has to pass.

A framework is the checks with a control of its catalogue (`kubescape`, `cis`, …). Those of Pod Security are levels
with versions, and the rows say which versions have a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from plimsoll import errors
from plimsoll.posture.check import Check, Judged

CATALOGUES = {
    "pss": "Pod Security Standards of Kubernetes",
    "cis": "CIS Kubernetes Benchmark",
    "nsa": "NSA and CISA, Kubernetes Hardening Guidance",
    "mitre": "MITRE ATT&CK: the checks that name a technique",
    "kubescape": "Kubescape",
    "kyverno": "Kyverno's policies",
    "polaris": "Polaris",
    "trivy": "Trivy",
    "checkov": "Checkov",
    "kube-linter": "kube-linter",
    "kube-score": "kube-score",
    "rbac-police": "rbac-police",
    "own": "a user's own rules",
}
"""Where controls come from: the part of one before its colon."""
VERSIONED = {"pss-baseline": "Pod Security, level baseline", "pss-restricted": "Pod Security, level restricted"}
"""Frameworks whose tests have versions."""
SAME = {"cis": ("1.12", "2.0", "2.0.1")}
"""Versions of catalogues that have the same controls under the same ids."""
LATEST = (1, 37)
"""The newest version of them that is known; a later one is judged as this one, as Kubernetes does."""

_VERSION = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})")
_SPAN = re.compile(r"([0-9]+)\.([0-9]+)-(?:([0-9]+)\.([0-9]+))?")


class Framework(NamedTuple):
    """One that was asked for."""

    name: str
    version: tuple[int, int] = LATEST


class Asked(NamedTuple):
    """A test that is asked."""

    judged: Judged
    decides: bool
    """It makes findings; one that does not only adds its controls to those of others."""


class Chosen(NamedTuple):
    """A check, and those of its tests that are asked."""

    check: Check
    tests: tuple[Asked, ...]


def framework(text: str) -> Framework:
    """Return the framework of a name, with or without a version; raise UsageError where there is none.

    >>> framework("pss-baseline@1.34"), framework("cis").name
    (Framework(name='pss-baseline', version=(1, 34)), 'cis')
    """
    name, mark, told = text.partition("@")
    if name not in VERSIONED and name not in CATALOGUES:
        known = ", ".join([*VERSIONED, *CATALOGUES])
        raise errors.UsageError(f"no framework is called {name!r}; there are {known}")
    if not mark or told == "latest" or told in SAME.get(name, ()):
        return Framework(name)
    version = _VERSION.fullmatch(told)
    if version is None or name not in VERSIONED:
        named = [*(f"{one}@1.34" for one in VERSIONED), *(f"{one}@{at}" for one, of in SAME.items() for at in of)]
        raise errors.UsageError(f"--framework {text}: versions are told as {', '.join(named)}")
    return Framework(name, min(LATEST, (int(version[1]), int(version[2]))))


def chosen(checks: Iterable[Check], wanted: Sequence[Framework] = ()) -> Iterator[Chosen]:
    """Yield the checks of any of these frameworks, all checks where none is told, with the tests to ask."""
    for check in checks:
        asked = tuple(_asked(check, wanted))
        if any(one.decides for one in asked):
            yield Chosen(check, asked)


def _asked(check: Check, wanted: Sequence[Framework]) -> Iterator[Asked]:
    versions = {one.version for one in wanted if one.name in VERSIONED} or {LATEST}
    for one in check.tests:
        if _is_of(one, versions):
            yield Asked(one, not wanted or any(_belongs(check, one, framework) for framework in wanted))


def _is_of(one: Judged, versions: Iterable[tuple[int, int]]) -> bool:
    return not one.frameworks or any(_covers(span, at) for span in one.frameworks.values() for at in versions)


def _belongs(check: Check, one: Judged, framework: Framework) -> bool:
    if framework.name == "mitre":
        return bool(check.attack)
    if framework.name in VERSIONED:
        return framework.name in one.frameworks and _covers(one.frameworks[framework.name], framework.version)
    return any(control.partition(":")[0] == framework.name for control in one.controls)


def is_span(text: str) -> bool:
    """Say whether a text is a range of versions.

    >>> is_span("1.19-1.24"), is_span("1.25-"), is_span("1.25")
    (True, True, False)
    """
    return _SPAN.fullmatch(text) is not None


def _covers(span: str, version: tuple[int, int]) -> bool:
    """Say whether a version is within a range.

    >>> _covers("1.19-1.24", (1, 24)), _covers("1.25-", (1, 24))
    (True, False)
    """
    found = _SPAN.fullmatch(span)
    if found is None:
        return False
    first, last = (int(found[1]), int(found[2])), (int(found[3]), int(found[4])) if found[3] else version
    return first <= version <= last
