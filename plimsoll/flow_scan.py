"""The wiring of the posture scan: manifests in, findings out, and what was judged and what was not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from plimsoll.cluster import manifests
from plimsoll.posture import engine, frameworks, rows
from plimsoll.posture.objects import Body, Cluster, Object

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
            self._open(_decoded(told.json), told, number, 0)
        except manifests.BROKEN as broken:
            self.refuse(manifests.Reject(told.file, told.line, manifests.reason(broken)))

    def refuse(self, reject: manifests.Reject) -> None:
        """Count a document, or a part of one, that cannot be judged."""
        self.rejected += 1
        if len(self.rejects) < KEPT:
            self.rejects.append(reject)

    def _open(self, value: object, at: manifests.Document, number: int, depth: int) -> None:
        """Take an object, or each within a list of them."""
        items = _items(value)
        if items is not None:
            if depth >= _DEEPEST or len(items) > MOST_ITEMS:
                raise ValueError("a list too deep or too long")
            for item in items:
                self._open(item, at, number, depth + 1)
        elif not isinstance(value, dict):
            self._refuse_or_pass(at, depth, "no object of Kubernetes")
        elif isinstance(value.get("kind"), str) and value["kind"]:
            self.objects.append(Object(value, at.file, at.line, number))
        elif "kind" in value or depth:
            self.refuse(manifests.Reject(at.file, at.line, "an object without a kind"))
        else:
            self.foreign += 1

    def _refuse_or_pass(self, at: manifests.Document, depth: int, reason: str) -> None:
        if depth:
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


def read(sources: Sequence[str]) -> Read:
    """Return what these sources hold; raise InputError where one cannot be read at all."""
    found = Read()
    for source in sources:
        file, number = "", 0
        for told in manifests.documents(source):
            number = number + 1 if told.file == file else 0
            file = told.file
            found.take(told, number)
    return found


class Scan(NamedTuple):
    """A scan on its way: what it read, and its findings as they are made."""

    read: Read
    cluster: Cluster
    checks: int
    """How many are asked."""
    results: Iterator[engine.Finding | engine.Unjudged]


def scan(sources: Sequence[str], wanted: Sequence[str] = ()) -> Scan:
    """Judge the cluster that these manifests make together."""
    asked = [frameworks.framework(name) for name in wanted]
    chosen = tuple(frameworks.chosen(rows.own(), asked))
    found = read(sources)
    cluster = Cluster(found.objects)
    return Scan(found, cluster, len(chosen), engine.Engine(chosen).judged(cluster))
