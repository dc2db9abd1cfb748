"""What we read of an audit Event: the fields of audit.k8s.io/v1 and v1beta1 that become columns.

What repeats from event to event (users, annotations) stays JSON here, to be read once for all its events.
"""

# ruff: noqa: N815  the names are Kubernetes'

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Raw, Struct

from plimsoll.sources import records


class ObjectRef(Struct, frozen=True, gc=False):
    """What a request is about."""

    apiGroup: str | None = None
    resource: str | None = None
    subresource: str | None = None
    namespace: str | None = None
    name: str | None = None


class ResponseStatus(Struct, frozen=True, gc=False):
    """How it ended."""

    code: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] | None = None


class Event(Struct, frozen=True, gc=False):
    """What we read of audit.k8s.io/v1 and v1beta1 Event."""

    auditID: str | None = None
    stage: str | None = None
    verb: str | None = None
    kind: str | None = None
    level: str | None = None
    requestURI: str | None = None
    user: Raw = Raw()
    impersonatedUser: Raw = Raw()
    sourceIPs: tuple[str, ...] | None = None
    userAgent: str | None = None
    objectRef: ObjectRef | None = None
    responseStatus: ResponseStatus | None = None
    requestObject: Raw = Raw()
    responseObject: Raw = Raw()
    requestReceivedTimestamp: str | None = None
    stageTimestamp: str | None = None
    timestamp: str | None = None
    annotations: Raw = Raw()


Told = Annotated[str, msgspec.Meta(min_length=1)]


class Complete(Event, frozen=True, gc=False, kw_only=True):
    """An Event with all that one must have: nearly every one."""

    auditID: Told
    stage: Told
    verb: Told
    user: Raw


class Extra(Struct, frozen=True, gc=False):
    """What the authenticator knows of the credential."""

    credential_id: list[str] | None = msgspec.field(name="authentication.kubernetes.io/credential-id", default=None)
    pod_name: list[str] | None = msgspec.field(name="authentication.kubernetes.io/pod-name", default=None)
    pod_uid: list[str] | None = msgspec.field(name="authentication.kubernetes.io/pod-uid", default=None)
    node_name: list[str] | None = msgspec.field(name="authentication.kubernetes.io/node-name", default=None)


class User(Struct, frozen=True, gc=False):
    """Who asks, or as whom."""

    username: str | None = None
    groups: list[str] | None = None
    extra: Extra | None = None


class Annotations(Struct, frozen=True, gc=False):
    """What authorisation and the token API left behind."""

    decision: str | None = msgspec.field(name="authorization.k8s.io/decision", default=None)
    reason: str | None = msgspec.field(name="authorization.k8s.io/reason", default=None)
    issued_credential_id: str | None = msgspec.field(
        name="authentication.kubernetes.io/issued-credential-id", default=None
    )


read = msgspec.json.Decoder(Event).decode
"""Reads an Event; everything is optional, a wrong type is an error."""
read_lines = msgspec.json.Decoder(Complete).decode_lines
"""Reads complete Events from lines; a third faster than one by one. One that goes over several lines is read too."""
read_user = msgspec.json.Decoder(User | None).decode
read_annotations = msgspec.json.Decoder(Annotations | None).decode


class Kind(Struct, frozen=True, gc=False):
    """What tells an Event from the other things that an API server's logs hold."""

    kind: Raw = Raw()
    auditID: Raw = Raw()


_kind = msgspec.json.Decoder(Kind).decode


def of_another_kind(text: bytes) -> bool:
    """Say whether this is a whole record that does not claim to be an Event.

    >>> of_another_kind(b'{"kind": "Status"}'), of_another_kind(b'{"kind": "Event"}'), of_another_kind(b"{}")
    (True, False, False)
    """
    found = _kind(text)
    return bytes(found.kind) not in (b"", b'"Event"') and not bytes(found.auditID)


def checked(text: bytes) -> Event:
    """Return the Event; only one that calls itself an Event may lack the verb, as some exports do.

    >>> checked(b'{"auditID": "a", "stage": "Panic", "kind": "Event"}').stage
    'Panic'
    """
    found = read(text)
    for name in ("auditID", "stage") if found.kind == "Event" else ("auditID", "stage", "verb", "user"):
        if not getattr(found, name):
            raise records.Unreadable(f"no {name}")
    return found
