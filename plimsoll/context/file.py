"""Administrators, tickets and maintenance windows written down: a file, a folder, or the custom resources of a cluster.

Objects of `plimsoll.dev/v1alpha1`: AdminRegistry, Ticket, MaintenanceWindow, as YAML or JSON or in a `List`. They are
believed as they stand: who may write them decides what is excused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from plimsoll import errors
from plimsoll.cluster import manifests
from plimsoll.context import settings, statements

TTL = timedelta(minutes=5)
API = "plimsoll.dev/"
STEPS = {"day": timedelta(days=1), "week": timedelta(days=7)}
AHEAD = timedelta(days=1)


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where they are."""

    paths: list[str]


class Written(msgspec.Struct, frozen=True):
    """When the cluster says an object was written."""

    time: str | None = None


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """What the cluster says of an object; a plain file has only the name."""

    name: str = ""
    namespace: str = ""
    creation_timestamp: str | None = None
    managed_fields: list[Written] = []


class Admins(msgspec.Struct, frozen=True):
    """Some administrators and what they administrate."""

    users: list[str] = []
    groups: list[str] = []
    scope: tuple[str, ...] = ("*/*/*",)
    allows: list[str] = []
    strong: bool = False
    since: str | None = None
    until: str | None = None


class Registry(msgspec.Struct, frozen=True):
    """The spec of an AdminRegistry."""

    admins: list[Admins]


class Work(msgspec.Struct, frozen=True, rename="camel"):
    """The spec of a Ticket or a MaintenanceWindow."""

    scope: list[str]
    type: Literal["ticket", "change", "grant"] = "ticket"
    title: str = ""
    url: str = ""
    subjects: list[str] = []
    allows: list[str] = []
    created_by: str | None = None
    created_at: str | None = None
    approved_by: str | None = None
    approved_at: str | None = None
    edited_at: str | None = None
    since: str | None = None
    until: str | None = None
    every: Literal["day", "week"] | None = None
    """A window that comes again."""
    closed: bool = False


class Object(msgspec.Struct, frozen=True, rename="camel"):
    """One of ours, or a list of such."""

    api_version: str = ""
    kind: str = ""
    metadata: Metadata = Metadata()
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    items: list[msgspec.Raw] = []


def said(options: Options, asked: statements.Asked) -> statements.Said:
    """Return what the objects say; documents of other kinds are passed over."""
    told = statements.Said([], [])
    for path in options.paths:
        try:
            documents = list(manifests.documents(path))
        except errors.InputError as broken:
            raise statements.Silent(str(broken)) from broken
        more = statements.each(_texts(documents, told), lambda text: _statements(text, options, asked))
        told.statements.extend(more.statements)
        told.problems.extend(f"{path}: {problem}" for problem in more.problems)
    return told


def _texts(documents: Iterable[manifests.Document | manifests.Reject], told: statements.Said) -> Iterator[bytes]:
    for one in documents:
        if isinstance(one, manifests.Reject):
            told.problems.append(statements.plain(f"{one.file}:{one.line}: {one.reason}"))
        else:
            yield one.json


def _statements(text: bytes, options: Options, asked: statements.Asked) -> Iterable[statements.Statement]:
    read = msgspec.json.decode(text, type=Object)
    for one in [msgspec.json.decode(item, type=Object) for item in read.items] or [read]:
        if not one.api_version.startswith(API):
            continue
        if one.kind == "AdminRegistry":
            yield from _admins(one, options)
        elif one.kind == "Ticket":
            yield from _ticket(one, options)
        elif one.kind == "MaintenanceWindow":
            yield from _windows(one, options, asked)


def _admins(one: Object, options: Options) -> Iterable[statements.Statement]:
    for number, each in enumerate(msgspec.json.decode(one.spec, type=Registry).admins, 1):
        yield statements.Statement(
            kind="admin",
            id=f"{_id(one)}/{number}",
            title=one.metadata.name,
            subjects=(*each.users, *each.groups),
            creator="(the registry)",
            since=_moment(each.since),
            until=_moment(each.until),
            scope=each.scope,
            allows=tuple(each.allows or options.allows),
            strong=each.strong,
            edited=_edited(one),
        )


def _work(one: Object, options: Options, kind: statements.Kind, spec: Work) -> statements.Statement:
    return statements.Statement(
        kind=kind,
        id=_id(one),
        url=spec.url,
        title=spec.title,
        subjects=tuple(spec.subjects),
        creator=spec.created_by,
        approver=spec.approved_by,
        created=_created(one, spec),
        approved=_moment(spec.approved_at),
        since=_moment(spec.since) or _created(one, spec),
        until=_moment(spec.until),
        scope=tuple(spec.scope),
        allows=tuple(spec.allows or options.allows),
        edited=_edited(one) or _moment(spec.edited_at) or _moment(spec.approved_at) or _moment(spec.created_at),
    )


def _ticket(one: Object, options: Options) -> Iterable[statements.Statement]:
    spec = msgspec.json.decode(one.spec, type=Work)
    if not spec.closed:
        yield _work(one, options, spec.type, spec)


def _windows(one: Object, options: Options, asked: statements.Asked) -> Iterable[statements.Statement]:
    spec = msgspec.json.decode(one.spec, type=Work)
    told = _work(one, options, "window", spec)
    if told.since is None or told.until is None or told.until <= told.since:
        raise ValueError(f"{told.id}: a window has `since` and `until`, one after the other")
    if spec.every is None:
        yield told
        return
    step, length = STEPS[spec.every], told.until - told.since
    start = told.since + max(0, (asked.since - told.until) // step) * step
    while start <= asked.now + AHEAD:
        if start + length >= asked.since:
            yield told._replace(id=f"{told.id}@{start:%Y-%m-%dT%H:%M}", since=start, until=start + length)
        start += step


def _id(one: Object) -> str:
    return "/".join(filter(None, (one.kind, one.metadata.namespace, one.metadata.name)))


def _moment(text: str | None) -> datetime | None:
    """Return a moment; ValueError where one is given that is none: an end that is not understood is not no end."""
    told = statements.moment(text)
    if text is not None and told is None:
        raise ValueError(f"{statements.plain(text, 40)!r} is no time with a zone")
    return told


def _created(one: Object, spec: Work) -> datetime | None:
    """Return when an object was made: not before the cluster first saw it, whatever it says itself."""
    return max(filter(None, (_moment(spec.created_at), _moment(one.metadata.creation_timestamp))), default=None)


def _edited(one: Object) -> datetime | None:
    told = [one.metadata.creation_timestamp, *(field.time for field in one.metadata.managed_fields)]
    return max(filter(None, map(statements.moment, told)), default=None)
