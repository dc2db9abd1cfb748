"""What can be posted where: each door takes one kind of body apart into lines, one record each.

A record sent twice has the same key. Of an audit event that is its auditID and stage with the API server's times: a
client may choose the Audit-ID header of its request, so by the id alone it could have its own request taken for one
that came before.
"""

# ruff: noqa: N815  the names are Kubernetes'

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from plimsoll.server import refusals
from plimsoll.sources import falco as falco_alerts
from plimsoll.sources import lines, records

AUDIT_VERSIONS = ("audit.k8s.io/v1", "audit.k8s.io/v1beta1")
MOST = 100_000
"""Records of a body."""


class Broken(NamedTuple):
    """A record that cannot be taken."""

    reason: str
    raw: bytes
    """Its beginning."""


Text = bytes | Raw


class Posted(NamedTuple):
    """A body taken apart."""

    lines: Sequence[Text]
    """A record each, none with a newline in it."""
    keys: Sequence[int]
    """Of each line: equal for what was sent twice."""
    broken: Sequence[Broken] = ()


class Door(NamedTuple):
    """One kind of body, and where it is posted."""

    name: str
    path: str
    source: str | None
    """The format that its lines are judged as; None for alerts, which are handed on as they are."""
    split: Callable[[bytes], Posted]
    """Takes a body apart, or raises Refused."""
    key: Callable[[Text], int]
    """Of a line that was kept."""
    awaited: bool = False
    """Its judge is ready before the first record comes; of the others it is made when one comes."""


class EventList(Struct, frozen=True):
    """What the audit webhook posts."""

    kind: str = ""
    apiVersion: str = ""
    items: list[Raw] | None = None


class Event(Struct, frozen=True, gc=False):
    """What tells an audit event from all others."""

    auditID: str
    stage: str
    requestReceivedTimestamp: str | None = None
    stageTimestamp: str | None = None


class Alert(Struct, frozen=True):
    """What an alert of ours has at the least."""

    id: str
    time: str
    subject: str
    title: str
    severity: str


_list = msgspec.json.Decoder(EventList).decode
_event = msgspec.json.Decoder(Event).decode
_falco = msgspec.json.Decoder(falco_alerts.Alert).decode
_alert = msgspec.json.Decoder(Alert).decode
_raws = msgspec.json.Decoder(list[Raw]).decode
_raw = msgspec.json.Decoder(Raw).decode


def _event_key(text: Text) -> int:
    event = _event(text)
    if not (event.auditID and event.stage):
        raise records.Unreadable("no auditID or no stage")
    return hash((event.auditID, event.stage, event.requestReceivedTimestamp, event.stageTimestamp))


def _falco_key(text: Text) -> int:
    _falco(text)
    return hash(bytes(text))


def _alert_key(text: Text) -> int:
    _alert(text)
    return hash(bytes(text))


def audit(body: bytes) -> Posted:
    """Take an EventList apart; a single Event is taken too.

    >>> body = b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [{"auditID": "a", "stage": "Panic"}]}'
    >>> [bytes(line) for line in audit(body).lines]
    [b'{"auditID": "a", "stage": "Panic"}']
    """
    try:
        found = _list(body)
    except records.BROKEN as broken:
        raise refusals.Refused(f"not a JSON EventList: {records.reason(broken)}") from broken
    if found.kind not in ("EventList", "Event") or found.apiVersion not in AUDIT_VERSIONS:
        told = f"kind {found.kind[:40]!r}, apiVersion {found.apiVersion[:40]!r}"
        raise refusals.Refused(f"{told}; this takes EventList of audit.k8s.io/v1")
    return _posted((found.items or []) if found.kind == "EventList" else [Raw(body)], body, _event_key)


def falco(body: bytes) -> Posted:
    """Take alerts of Falco apart: one, an array, or one a line."""
    return _posted(_many(body), body, _falco_key, hint="json_output must be true in falco.yaml")


def sensor(body: bytes) -> Posted:
    """Take alerts of a sensor apart: one, an array, or one a line."""
    return _posted(_many(body), body, _alert_key)


DOORS = (
    Door("audit", "/k8s-audit", "k8s_audit", audit, _event_key, awaited=True),
    Door("falco", "/falco", "falco", falco, _falco_key),
    Door("sensor", "/sensor", None, sensor, _alert_key),
)


def _many(body: bytes) -> Sequence[Text]:
    """Return the records of an array, a document, or lines."""
    try:
        return _raws(body) if body.lstrip().startswith(b"[") else [_raw(body)]
    except records.BROKEN:
        return [line for line in body.splitlines() if line.strip()]


def _posted(found: Sequence[Text], body: bytes, key: Callable[[Text], int], hint: str = "") -> Posted:
    if len(found) > MOST:
        raise refusals.TooLarge(f"more than {MOST} records in a body")
    posted = _all(found, body, key) or _each(found, key)
    if posted.broken and not posted.lines:
        raise refusals.Refused(f"no record in it can be read: {posted.broken[0].reason}{hint and '; '}{hint}")
    return posted


def _all(found: Sequence[Text], body: bytes, key: Callable[[Text], int]) -> Posted | None:
    """Return the records at C's speed where all are sound and on one line each, as they should be."""
    if b"\n" in body.rstrip() or len(body) > lines.LONGEST:
        return None
    try:
        return Posted(found, [*map(key, found)])
    except records.BROKEN:
        return None


def _each(found: Iterable[Text], key: Callable[[Text], int]) -> Posted:
    sound, keys, broken = list[Text](), list[int](), list[Broken]()
    for one in found:
        text = bytes(one)
        try:
            line = _on_one_line(text)
            keys.append(key(line))
            sound.append(line)
        except records.BROKEN as why:
            broken.append(Broken(records.reason(why), text[: lines.KEPT]))
    return Posted(sound, keys, broken)


def _on_one_line(text: bytes) -> bytes:
    """Return a record without newlines: they are between its tokens only, as JSON has none in strings (RFC 8259, 7)."""
    if b"\n" in text:
        text = msgspec.json.format(text, indent=-1)
    if len(text) > lines.LONGEST:
        raise records.Unreadable(lines.TOO_LONG)
    return text
