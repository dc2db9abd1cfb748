"""The cluster's objects over time, from manifests or from a recorded watch: one row for each while it stayed as it was.

A watch is JSON lines `{"time", "type": "ADDED|MODIFIED|DELETED", "object"}`; what is in no watch held always.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import kinds, manifests, owners

KEPT = 1_000
"""Rejects kept to be shown; all are counted."""
MOST_ITEMS = 500_000
"""Items of one list; as many objects would not fit into a file."""
_DEEPEST = 3
"""A list may hold lists, but not for ever."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANGES = ("ADDED", "MODIFIED", "DELETED")
_NOTES = ("BOOKMARK", "MARK")
"""What tells nothing of an object: a resource version, and what a recorder noted between the events."""


class Objects(NamedTuple):
    """What a name stands for."""

    frame: pl.DataFrame
    """A frame of tables.OBJECTS, in one order whatever that of the documents was."""
    rejects: list[manifests.Reject]
    """The first documents that could not be read."""
    rejected: int
    """How many there were."""


class Reference(kinds.Told, frozen=True):
    """An ownerReference."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Metadata(kinds.Told, frozen=True):
    """What every object says of itself."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str | int | float | bool | None] | None = None
    owner_references: list[Reference] | None = None


class Head(kinds.Told, frozen=True):
    """The outside of a document: an object, a list of them, or an event of a watch."""

    api_version: str | None = None
    kind: str | None = None
    metadata: Metadata | None = None
    items: msgspec.Raw = msgspec.Raw()
    time: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()


class Version(NamedTuple):
    """An object as it was told once."""

    api: str
    owned: owners.Owned
    uid: str | None
    inner: kinds.Inner
    text: str
    at: int | None
    """When a watch told it, in microseconds; None for a manifest."""
    gone: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two tellings speak of one object; the group's version does not."""
        return self.api.rpartition("/")[0], self.owned.kind, self.owned.namespace, self.owned.name


_head = msgspec.json.Decoder(Head).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_word = msgspec.json.Decoder(str).decode
_time = msgspec.json.Decoder(Annotated[datetime, msgspec.Meta(tz=True)]).decode


def read(source: str) -> Objects:
    """Return the objects a file, folder, glob or `-` holds; raise InputError where it cannot be read at all."""
    versions: list[Version] = []
    rejects: list[manifests.Reject] = []
    rejected = 0
    for document in manifests.documents(source):
        for told in [document] if isinstance(document, manifests.Reject) else _versions(document):
            if isinstance(told, Version):
                versions.append(told)
            else:
                rejected += 1
                rejects += [told] if rejected <= KEPT else []
    return Objects(_frame(versions), rejects, rejected)


class _Part(NamedTuple):
    """A part of a document that holds an object or several."""

    text: bytes | msgspec.Raw
    place: str = ""
    api: str = ""
    kind: str = ""
    at: int | None = None
    gone: bool = False
    depth: int = 0


def _versions(document: manifests.Document) -> Iterator[Version | manifests.Reject]:
    """Yield each object of a document, and a reject for each that is none."""
    parts = [_Part(document.json)]
    while parts:
        part = parts.pop()
        try:
            inner, version = _taken(part)
        except manifests.BROKEN as broken:
            where = f"{part.place}: " if part.place else ""
            yield manifests.Reject(document.file, document.line, where + manifests.reason(broken))
            continue
        parts += reversed(inner)
        if version is not None:
            yield version


def _taken(part: _Part) -> tuple[list[_Part], Version | None]:
    """Return the parts within a list, an array or an event of a watch; else the object itself."""
    if part.depth > _DEEPEST:
        raise ValueError("a list in a list in a list")
    if bytes(memoryview(part.text)[:1]) == b"[":
        return _items(part, part.text, "", ""), None
    head = _head(part.text)
    if head.kind is None and memoryview(head.object):
        return _watched(part, head), None
    kind = head.kind or part.kind
    if kind.endswith("List") and memoryview(head.items):
        return _items(
            part, head.items, head.api_version or "", "" if kind == "List" else kind.removesuffix("List")
        ), None
    return [], _version(part, head, kind, head.api_version or part.api)


def _items(part: _Part, text: bytes | msgspec.Raw, api: str, kind: str) -> list[_Part]:
    items = _array(text)
    if len(items) > MOST_ITEMS:
        raise ValueError(f"a list of more than {MOST_ITEMS:,}")
    return [
        part._replace(text=item, place=f"{part.place}[{number}]", api=api, kind=kind, depth=part.depth + 1)
        for number, item in enumerate(items)
    ]


def _watched(part: _Part, head: Head) -> list[_Part]:
    change = _word(head.type)
    if change in _NOTES:
        return []
    if change not in _CHANGES:
        raise ValueError(f"a watch knows no {change[:40]!r}")
    if not memoryview(head.time):
        raise ValueError("an event of a watch without its time")
    at = (_time(head.time) - _EPOCH) // timedelta(microseconds=1)
    return [part._replace(text=head.object, at=at, gone=change == "DELETED", depth=part.depth + 1)]


def _version(part: _Part, head: Head, kind: str, api: str) -> Version:
    if not kind:
        raise ValueError("no Kubernetes object: it has no kind")
    text = bytes(part.text).decode()
    if head.kind is None or head.api_version is None:  # the items of a PodList do not say what they are
        told = msgspec.json.encode({"apiVersion": api, "kind": kind}).decode()
        text = told[:-1] + ("," if text[1:2] != "}" else "") + text[1:]
    inner = kinds.inner(kind, api, part.text)
    return Version(
        api, _owned(head.metadata or Metadata(), kind, api, inner), _uid(head), inner, text, part.at, part.gone
    )


def _uid(head: Head) -> str | None:
    return head.metadata.uid if head.metadata else None


def _owned(meta: Metadata, kind: str, api: str, inner: kinds.Inner) -> owners.Owned:
    references = meta.owner_references or []
    owner = next((one for one in references if one.controller), references[0] if len(references) == 1 else None)
    return owners.Owned(
        kinds.namespace(meta.namespace or "", kind, api, runs=inner.runs),
        kind,
        meta.name or meta.generate_name or "",
        (owner.kind or None) if owner else None,
        (owner.name or None) if owner else None,
        {key: _shown(value) for key, value in (meta.labels or {}).items()},
        meta.generate_name or "",
    )


def _shown(value: str | float | None) -> str:
    """Return a label's value; what YAML took for a number or a bool is shown as it was meant.

    >>> _shown(True), _shown(1.5), _shown(None), _shown("web")
    ('true', '1.5', '', 'web')
    """
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


class _Row(NamedTuple):
    """A version and the time it held."""

    version: Version
    since: int | None
    until: int | None


def _frame(versions: list[Version]) -> pl.DataFrame:
    known = _known(versions)
    rows = [_columns(row, known) for row in _spans(versions)]
    columns = {name: [row[n] for row in rows] for n, name in enumerate(tables.names(tables.OBJECTS))}
    order = ["apiVersion", "kind", "namespace", "name", "since", "until", "object"]
    return frames.of_columns(tables.OBJECTS, columns, len(rows)).sort(order)


def _known(versions: list[Version]) -> dict[tuple[str, str, str], owners.Owned]:
    """Return what may own something; of two tellings that which knows its owner."""
    known: dict[tuple[str, str, str], owners.Owned] = {}
    for one in versions:
        key = (one.owned.namespace, one.owned.kind, one.owned.name)
        known[key] = max(one.owned, known.get(key, one.owned), key=_tells)
    return known


def _tells(one: owners.Owned) -> tuple[str, str, str, list[tuple[str, str]]]:
    return one.owner_kind or "", one.owner_name or "", one.generated, sorted(one.labels.items())


def _spans(versions: list[Version]) -> Iterator[_Row]:
    """Yield each version with the time from its telling to the next of the same object."""
    watched: dict[tuple[str, str, str, str], list[Version]] = defaultdict(list)
    for one in versions:
        if one.at is None:
            yield _Row(one, None, None)
        else:
            watched[one.key].append(one)
    for told in watched.values():
        told.sort(key=lambda one: one.at or 0)
        if told[0].gone:  # it was there before the watch began
            yield _Row(told[0], None, told[0].at)
        for one, after in zip(told, [*told[1:], None], strict=True):
            if not one.gone and (after is None or after.at != one.at):
                yield _Row(one, one.at, after.at if after else None)


def _columns(row: _Row, known: owners.Known) -> tuple[Any, ...]:
    api, owned, uid, inner, text, _, _ = row.version
    workload = owners.workload(owned, known) if inner.runs else (None, None)
    return (
        api,
        owned.kind,
        owned.namespace,
        owned.name,
        uid,
        owned.owner_kind,
        owned.owner_name,
        *workload,
        [f"{key}={value}" for key, value in owned.labels.items()],
        list(inner.ips),
        list(inner.container_ids),
        inner.node,
        inner.service_account,
        row.since,
        row.until,
        text,
    )
