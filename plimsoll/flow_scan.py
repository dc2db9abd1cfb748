"""The wiring of the posture scan: manifests in, findings out, and what was judged and what was not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from plimsoll import errors, workers
from plimsoll.cluster import live, manifests, node_files, rendered
from plimsoll.outputs import findings
from plimsoll.posture import engine, exceptions, frameworks, lines, rows
from plimsoll.posture.check import Check
from plimsoll.posture.judging import node_files as files_of_nodes
from plimsoll.posture.objects import WORKLOADS, Body, Cluster, Object, listed, mapped, text
from plimsoll.sources import inputs

MANY_FILES = 32
"""Files from which on all cores read them."""
MANY_OBJECTS = 2_000
"""Objects from which on all cores judge them, so many at a time:"""
AT_ONCE = 250
KEPT = 1_000
"""Rejects kept to be shown; all are counted."""
MOST_ITEMS = 500_000
"""Items of one list; as many objects would not fit into a file."""
_DEEPEST = 3
"""A list may hold lists, but not for ever."""

_decoded = msgspec.json.Decoder().decode


class Read:
    """The objects of some manifests, and what in them is none."""

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.rejects: list[manifests.Reject] = []
        self.rejected = 0
        self.foreign = 0
        """Documents that do not say they are of Kubernetes: values of a chart, a package's description, …"""

    def take(self, told: manifests.Document | manifests.Reject, number: int) -> None:
        """Take a document of a file, the nth of it from 0."""
        if isinstance(told, manifests.Reject):
            self.refuse(told)
            return
        try:
            self._open(_decoded(told.json), told, number, "")
        except manifests.BROKEN as broken:
            self.refuse(manifests.Reject(told.file, told.line, manifests.reason(broken)))

    def refuse(self, reject: manifests.Reject) -> None:
        """Count a document, or a part of one, that cannot be judged."""
        self.rejected += 1
        if len(self.rejects) < KEPT:
            self.rejects.append(reject)

    def _open(self, value: object, at: manifests.Document, number: int, within: str) -> None:
        """Take an object, or each within a list of them."""
        items = _items(value)
        if items is not None:
            if within.count("[") >= _DEEPEST or len(items) > MOST_ITEMS:
                raise ValueError("a list too deep or too long")
            before = f"{within}.items" if within else "items"
            for place, item in enumerate(items):
                self._open(item, at, number, f"{before if isinstance(value, dict) else within}[{place}]")
        elif not isinstance(value, dict):
            self._refuse_or_pass(at, within, "no object of Kubernetes")
        elif isinstance(value.get("kind"), str) and value["kind"]:
            self.objects.append(Object(value, at.file, at.line, number, within))
            if value["kind"] == files_of_nodes.KIND:
                for reason in files_of_nodes.unjudged(value):
                    self.refuse(manifests.Reject(at.file, at.line, manifests.shown(reason)))
        else:
            self._refuse_or_pass(at, within or ("kind" if "kind" in value else ""), "an object without a kind")

    def _refuse_or_pass(self, at: manifests.Document, within: str, reason: str) -> None:
        if within:
            self.refuse(manifests.Reject(at.file, at.line, reason))
        else:
            self.foreign += 1


def _items(value: object) -> Sequence[object] | None:
    """Return the members of an array or of a List of Kubernetes."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or not str(value.get("kind")).endswith("List"):
        return None
    items = value.get("items")
    return _with_kind(value, items) if isinstance(items, list) else None


def _with_kind(outer: Body, items: list[object]) -> list[object]:
    """Return the items of a typed list with the kind that only the list tells."""
    kind = str(outer.get("kind")).removesuffix("List")
    if not kind:
        return items
    told = {"apiVersion": outer.get("apiVersion"), "kind": kind}
    return [{**told, **item} if isinstance(item, dict) else item for item in items]


def read(sources: Iterable[str]) -> Read:
    """Return what these sources hold; raise InputError where one cannot be read at all."""
    found = Read()
    for source in sources:
        _take(found, rendered.documents(source, across=partial(workers.across, least=MANY_FILES)))
    return found


def read_live() -> Read:
    """Return what the user may list of the cluster of the kubeconfig, each workload once: not the pods it made."""
    found = Read()
    _take(found, live.documents())
    known = {(one.kind, one.namespace, one.name) for one in found.objects if one.kind in WORKLOADS}
    found.objects = [one for one in found.objects if not any(owner in known for owner in _owners(one))]
    return found


def read_node(root: Path) -> Read:
    """Return the files of the node that is mounted at a folder; raise InputError where it is none."""
    found = Read()
    _take(found, [manifests.Document("", 0, msgspec.json.encode(node_files.read(root)))])
    return found


def _take(found: Read, documents: Iterable[manifests.Document | manifests.Reject]) -> None:
    file, number = "", 0
    for told in documents:
        number = number + 1 if told.file == file else 0
        file = told.file
        found.take(told, number)


def _owners(one: Object) -> Iterator[tuple[str, str, str]]:
    """Yield what controls an object that is or makes pods."""
    if one.kind in WORKLOADS:
        for told in map(mapped, listed(one.metadata.get("ownerReferences"))):
            if told.get("controller") is True:
                yield text(told.get("kind")), one.namespace, text(told.get("name"))


FEW = 1_000
"""Objects up to which the line of every field is looked up; it costs as much as reading them."""
_SHOWN = 12


class Asked(NamedTuple):
    """What somebody wants to know of a cluster."""

    frameworks: Sequence[str] = ()
    """Names, with or without a version; all checks where none is told."""
    checks: Sequence[Path] = ()
    """Files of rows of the user's own."""
    exceptions: Path | None = None
    live: bool = False
    """The cluster of the kubeconfig, in place of manifests."""
    node: Path | None = None
    """The files of a node that is mounted there, in place of manifests."""


_Said = tuple[int, int, str, str, tuple[str, ...] | None]
"""Number of the object, number of the check, field, message and controls; without controls why it was not judged."""


class Scan:
    """A scan: what it read, its findings as they are made, and what is to be said at the end."""

    def __init__(self, sources: Sequence[str], asked: Asked, now: datetime, *, with_lines: bool | None = None) -> None:
        """Read what is to be judged; lines of fields are looked up where they are wanted, else where objects are few.

        Raise InputError or UsageError where a source, or what is asked for, cannot be used.
        """
        chosen = chosen_checks(asked)
        excepted = _exceptions(asked.exceptions)
        self._read, self._now = _read(sources, asked), now
        self.checks: Sequence[Check] = [one.check for one in chosen]
        self._numbers = {check.id: number for number, check in enumerate(self.checks)}
        self._engine = engine.Engine(chosen)
        self._exceptions = exceptions.Exceptions(excepted, now.date())
        self._unjudged: list[str] = []
        self._failed = 0
        self._with_lines = len(self._read.objects) <= FEW if with_lines is None else with_lines

    @property
    def objects(self) -> Sequence[Object]:
        """What is judged."""
        return self._read.objects

    def found(self) -> Iterator[engine.Finding]:
        """Yield what is found, less what is excepted."""
        told = self._judged(Cluster(self._read.objects))
        told = self._exceptions.without(told)
        return _placed(told) if self._with_lines else told

    def _judged(self, cluster: Cluster) -> Iterator[engine.Finding]:
        objects = cluster.objects
        spans = [range(first, min(first + AT_ONCE, len(objects))) for first in range(0, len(objects), AT_ONCE)]
        made = workers.across(partial(self._span, cluster), spans, least=MANY_OBJECTS // AT_ONCE)
        for number, check, field, message, controls in (one for told in made for one in told):
            if controls is not None:
                yield engine.Finding(self.checks[check], objects[number], field, message, controls)
                continue
            self._failed += 1
            if len(self._unjudged) < _SHOWN:
                self._unjudged.append(f"{self.checks[check].id} could not judge {objects[number]}: {message}")

    def _span(self, cluster: Cluster, span: range) -> list[_Said]:
        """Return what is said of some objects, in a form that processes can hand each other."""
        said: list[_Said] = []
        for number in span:
            for found in self._engine.of(cluster.objects[number], cluster):
                check = self._numbers[found.check.id]
                if isinstance(found, engine.Finding):
                    said.append((number, check, found.field, found.message, found.controls))
                else:
                    said.append((number, check, "", found.reason, None))
        return said

    def coverage(self) -> findings.Coverage:
        """Return how much was judged; complete once the findings have been read."""
        read = self._read
        told = [
            str(errors.InputError(reason, file=file, line=line or None)) for file, line, reason in read.rejects[:_SHOWN]
        ]
        if read.rejected > _SHOWN:
            told.append(f"{read.rejected:,} documents in all were set aside")
        return findings.Coverage(
            len(read.objects),
            len(self.checks),
            self._exceptions.excepted,
            read.foreign,
            [*told, *self._unjudged, *self._exceptions.problems()],
            read.rejected + self._failed,
        )

    def report(self, folder: str = "") -> findings.Report:
        """Return what outputs write; files below the folder are named from it."""
        return findings.Report(self.found(), self.coverage, self.checks, self._now, folder)


def _read(sources: Iterable[str], asked: Asked) -> Read:
    if asked.node:
        return read_node(asked.node)
    return read_live() if asked.live else read(sources)


def fresh(before: Scan, after: Iterable[engine.Finding]) -> Iterator[engine.Finding]:
    """Yield the findings that an earlier scan did not have."""
    known = {findings.fingerprint(one) for one in before.found()}
    return (one for one in after if findings.fingerprint(one) not in known)


def chosen_checks(asked: Asked) -> Sequence[frameworks.Chosen]:
    """Return the checks that are asked for; raise InputError or UsageError where there are none such."""
    wanted = [frameworks.framework(name) for name in asked.frameworks]
    theirs = {str(file): inputs.whole(file, manifests.LARGEST) for file in asked.checks}
    made = tuple(frameworks.chosen(rows.with_theirs(theirs), wanted))
    if not made:
        raise errors.UsageError(f"no check has a control of {', '.join(asked.frameworks)}")
    return made


def _exceptions(file: Path | None) -> Sequence[exceptions.Exempted]:
    return exceptions.read(str(file), inputs.whole(file, manifests.LARGEST)) if file else ()


def _placed(told: Iterable[engine.Finding]) -> Iterator[engine.Finding]:
    """Yield findings with the lines of their fields, and their objects with their own."""
    name, file = "", lines.File(b"")
    begins: dict[int, int] = {}
    for found in told:
        one = found.object
        if one.file != name:
            name, file = one.file, _text(one.file)
        start = begins.setdefault(id(one), one.line)
        if one.within and one.line == start:
            one.line = file.line(start, one.within) or start
        field = ".".join(part for part in (one.within, found.field) if part)
        yield found._replace(line=file.line(start, field))


def _text(file: str) -> lines.File:
    try:
        return lines.File(manifests.text(file))
    except errors.InputError:
        return lines.File(b"")  # what came through a pipe is gone
