"""What clouds wrap around an audit Event before they hand it out, and how it comes off again.

EventList                       the API server's audit webhook: items[]
{"message": "…"}                one CloudWatch record (EKS); also @message, events[] and logEvents[] of these
2026-…Z {…}                     one line of a CloudWatch export
{"category": "kube-audit", "properties": {"log": "…"}}    Azure Monitor (AKS); also records[] of these
{"log": "…"}                    a log collector's line
{"protoPayload": {…}}           a Cloud Logging entry (GKE), which is no Event but says the same
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from plimsoll.sources import gke_log_entry, records

DEEPEST = 4
"""Envelopes in envelopes: a delivery holds log events, these a message, this a list of Events."""
MOST = 100_000
"""Records in one line; a subscription delivers some thousands, the webhook 400."""
KUBE_AUDIT = frozenset({"kube-audit", "kube-audit-admin"})

Found = bytes | str | None
"""The JSON of an audit Event; why a wrapped record is none; or None for one that is about something else."""


class Envelope(Struct, frozen=True, gc=False):
    """The keys that tell an envelope from an Event."""

    items: list[Raw] | None = None
    records: list[Raw] | None = None
    events: list[Raw] | None = None
    log_events: list[Raw] | None = msgspec.field(name="logEvents", default=None)
    message_type: str | None = msgspec.field(name="messageType", default=None)
    message: Raw = Raw()
    at_message: Raw = msgspec.field(name="@message", default=Raw())
    log: Raw = Raw()
    category: str | None = None
    properties: Raw = Raw()
    proto_payload: Raw = msgspec.field(name="protoPayload", default=Raw())


class Properties(Struct, frozen=True, gc=False):
    """What Azure Monitor says of a record."""

    log: Raw


_decode = msgspec.json.Decoder(Envelope).decode
_properties = msgspec.json.Decoder(Properties).decode
_text = msgspec.json.Decoder(str).decode
_EXPORT_TIME = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]{8,18}Z[ \t]+")


def unwrap(line: bytes) -> list[Found]:
    """Return the audit Events that a line holds, each as JSON; a line that is no envelope is its own Event.

    >>> unwrap(b'{"items": [{"auditID": "a"}, {}]}'), unwrap(b'{"category": "guard", "properties": {}}')
    ([b'{"auditID": "a"}', b'{}'], [None])
    """
    found: list[Found] = []
    for one in _opened(line, DEEPEST):
        if len(found) == MOST:
            return [f"more than {MOST} records in a line"]
        found.append(one)
    return found or [None]


def _opened(text: bytes, depth: int) -> Iterator[Found]:
    """Yield what is in an envelope; what cannot be read takes only itself down."""
    try:
        yield from _inside(text, depth)
    except records.BROKEN as broken:
        yield records.reason(broken)


def _inside(text: bytes, depth: int) -> Iterator[Found]:
    text = text[prefix.end() :] if (prefix := _EXPORT_TIME.match(text)) else text
    envelope = _decode(text)
    if envelope.message_type == "CONTROL_MESSAGE":  # CloudWatch tries whether anybody is there
        yield None
    elif envelope.proto_payload:
        event = gke_log_entry.event(text)
        yield None if event is None else msgspec.json.encode(event)
    elif (inner := _content(envelope)) is None:
        yield text
    elif not depth:
        raise records.Unreadable("too many envelopes in envelopes")
    else:
        for one in inner:
            yield from [None] if one is None else _opened(one, depth - 1)


def _content(envelope: Envelope) -> Iterator[bytes | None] | None:
    """Return the records in an envelope, None for one about something else; None if it is no envelope."""
    for many in (envelope.items, envelope.records, envelope.log_events, envelope.events):
        if many is not None:
            return map(bytes, many)
    if envelope.properties and envelope.category not in KUBE_AUDIT | {None}:
        return iter([None])
    if envelope.properties:
        return iter([_json(_properties(envelope.properties).log)])
    one = envelope.message or envelope.at_message or envelope.log
    return iter([_json(one)]) if one else None


def _json(value: Raw) -> bytes:
    """Return JSON that was given as such or as a string."""
    raw = bytes(value)
    text = _text(raw).encode() if raw.startswith(b'"') else raw
    if not text.lstrip().startswith(b"{") and not _EXPORT_TIME.match(text):
        raise records.Unreadable("the message is no audit event")
    return text


def recognises(record: Any, depth: int = DEEPEST) -> bool:
    """Say whether this JSON value is an envelope of audit Events, or an Event.

    >>> recognises({"category": "kube-audit", "properties": {"log": "{}"}}), recognises({"message": "GET /"})
    (True, False)
    """
    if not isinstance(record, dict):
        return False
    if str(record.get("apiVersion")).startswith("audit.k8s.io/") or {"auditID", "stage"} <= record.keys():
        return True
    if "protoPayload" in record:
        return gke_log_entry.recognises(record["protoPayload"])
    if "properties" in record:
        return record.get("category") in KUBE_AUDIT
    texts = (record.get("message"), record.get("@message"), record.get("log"))
    if any((isinstance(text, str) and '"audit.k8s.io/' in text) or recognises(text, 0) for text in texts):
        return True
    many = next((record[key] for key in ("items", "records", "logEvents", "events") if key in record), ())
    return depth > 0 and isinstance(many, Sequence) and any(recognises(one, depth - 1) for one in many[:20])
