"""What a scan found, as outputs read it: findings as they come, and at the end what was judged and what was not."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from plimsoll.outputs import plain
from plimsoll.posture import patches
from plimsoll.posture.check import SEVERITIES, Check
from plimsoll.posture.engine import Finding
from plimsoll.posture.objects import Object

Row = dict[str, object]


class Coverage(NamedTuple):
    """How much a scan saw: no findings are good news only where objects were judged."""

    objects: int = 0
    checks: int = 0
    excepted: int = 0
    """Findings that somebody answers for."""
    foreign: int = 0
    """Documents that are no objects of Kubernetes."""
    problems: Sequence[str] = ()
    """What could not be judged, and what is wrong with the exceptions; one line each."""
    unjudged: int = 0
    """How many things could not be judged."""


class Part(NamedTuple):
    """A part of a page that others draw, as it is to stand there."""

    style: str
    text: Iterable[str]


class Report(NamedTuple):
    """What a scan found."""

    findings: Iterable[Finding]
    coverage: Callable[[], Coverage]
    """Complete once the findings have been read."""
    checks: Sequence[Check] = ()
    """Those that were asked."""
    time: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    folder: str = ""
    """Files below it are named from it."""
    part: Part | None = None
    """What a page has beside the findings."""


class Group(NamedTuple):
    """An object and what was found in it, gravest first."""

    object: Object
    findings: Sequence[Finding]


def row(found: Finding) -> Row:
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
        "line": found.line or one.line,
        "message": found.message,
        "attack": check.attack,
        "fix": check.fix,
        "patch": patches.patch(found),
    }


_encode = msgspec.json.Encoder().encode


def line(found: Finding) -> str:
    """Return a finding as one line of JSON, in ASCII; a big cluster has hundreds of thousands."""
    told = row(found)
    try:
        text = _encode(told).decode()
    except UnicodeEncodeError:
        text = ""
    if text.isascii() and text and "\x7f" not in text:
        return text + "\n"
    return plain.in_json(told) + "\n"


def gravity(found: Finding) -> int:
    """Return how grave it is, 0 for the gravest."""
    return SEVERITIES.index(found.check.severity)


def sorted_by_gravity(found: Iterable[Finding]) -> list[Finding]:
    """Return findings, gravest first, else in their order."""
    return sorted(found, key=gravity)


def by_object(found: Iterable[Finding]) -> list[Group]:
    """Return what was found in each object; first the object with the gravest, and of those the one with most."""
    groups: dict[int, list[Finding]] = defaultdict(list)
    for one in found:
        groups[id(one.object)].append(one)
    made = [Group(told[0].object, sorted_by_gravity(told)) for told in groups.values()]
    return sorted(made, key=_weight)


def _weight(group: Group) -> list[int]:
    counts = Counter(gravity(one) for one in group.findings)
    return [-counts[grade] for grade in range(len(SEVERITIES))]


def name_of(one: Object) -> str:
    """Return what an object is called: `Deployment shop/web`.

    >>> name_of(Object({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}))
    'Pod b/a'
    """
    return f"{one.kind} {f'{one.namespace}/' if one.namespace else ''}{one.name}"


def fingerprint(found: Finding) -> str:
    """Return what stays the same of a finding while lines move."""
    one = found.object
    parts = (found.check.id, one.group, one.kind, one.namespace, one.name, found.field)
    return hashlib.sha256("\0".join(map(plain.text, parts)).encode()).hexdigest()


def summary(counts: Counter[str]) -> str:
    """Return how many there are of each severity.

    >>> summary(Counter(high=2, low=1))
    '3 findings: 2 high, 1 low'
    """
    told = [f"{counts[severity]:,} {severity}" for severity in SEVERITIES if counts[severity]]
    total = counts.total()
    return f"{total:,} finding{'' if total == 1 else 's'}" + (f": {', '.join(told)}" if told else "")


def covered(coverage: Coverage) -> str:
    """Return in words how much was judged.

    >>> covered(Coverage(objects=3, checks=20, unjudged=1))
    '3 objects judged by 20 checks; 1 not judged'
    """
    parts = [f"{coverage.objects:,} objects judged by {coverage.checks:,} checks"]
    if coverage.unjudged:
        parts.append(f"{coverage.unjudged:,} not judged")
    if coverage.excepted:
        parts.append(f"{coverage.excepted:,} findings excepted")
    if coverage.foreign:
        parts.append(f"{coverage.foreign:,} documents are not of Kubernetes")
    return "; ".join(parts)
