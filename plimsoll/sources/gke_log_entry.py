"""A Cloud Logging entry of GKE told as the audit Event it was made from.

The entry names the request by `methodName` (io.k8s.core.v1.pods.exec.create) and `resourceName`
(core/v1/namespaces/shop/pods/web-0/exec), the answer by a gRPC status. Groups, credentials and the
URI are not in it. See AuditLog and LogEntry of the Cloud Logging reference.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

HTTP = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)
"""HTTP status by gRPC code, as google.rpc.Code maps them."""
_VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d+)?")


class Named(Struct, rename="camel", frozen=True, gc=False):
    """Who asked; an unauthenticated one is named by the selector alone."""

    principal_email: str | None = None
    authority_selector: str | None = None


class Request(Struct, rename="camel", frozen=True, gc=False):
    """Where from, and with which client; older exports write callerIP."""

    caller_ip: str | None = None
    caller_ip_older: str | None = msgspec.field(name="callerIP", default=None)
    caller_supplied_user_agent: str | None = None


class Authorization(Struct, frozen=True, gc=False):
    """Whether it was allowed."""

    granted: bool | None = None


class Status(Struct, frozen=True, gc=False):
    """How it ended."""

    code: int = 0
    message: str | None = None


class Payload(Struct, rename="camel", frozen=True, gc=False):
    """The part of an entry that speaks of the request."""

    method_name: str = ""
    resource_name: str = ""
    service_name: str = "k8s.io"
    authentication_info: Named = Named()
    request_metadata: Request = Request()
    authorization_info: tuple[Authorization, ...] = ()
    status: Status = Status()
    request: Raw = Raw()
    response: Raw = Raw()
    timestamp: str | None = None


class Operation(Struct, frozen=True, gc=False):
    """What ties the entries of one request together; its id is the auditID."""

    id: str | None = None
    first: bool = False
    last: bool = False


class Entry(Struct, rename="camel", frozen=True, gc=False):
    """One LogEntry."""

    proto_payload: Payload
    insert_id: str | None = None
    operation: Operation = Operation()
    timestamp: str | None = None
    receive_timestamp: str | None = None
    labels: dict[str, str] = {}


_decode = msgspec.json.Decoder(Entry).decode


def recognises(payload: object) -> bool:
    """Say whether a protoPayload is about a request to a Kubernetes API.

    >>> recognises({"methodName": "io.k8s.core.v1.pods.list"}), recognises({"methodName": "storage.objects.get"})
    (True, False)
    """
    return isinstance(payload, dict) and (
        payload.get("serviceName") == "k8s.io" or str(payload.get("methodName")).startswith("io.k8s.")
    )


def event(text: bytes) -> dict[str, Any] | None:
    """Return the audit Event that an entry tells of, or None if it is about another service.

    >>> event(b'{"protoPayload": {"serviceName": "container.googleapis.com"}}') is None
    True
    """
    entry = _decode(text)
    said = entry.proto_payload
    if said.service_name != "k8s.io":
        return None
    caller = said.request_metadata.caller_ip or said.request_metadata.caller_ip_older
    return {
        "kind": "Event",
        "auditID": entry.operation.id or entry.insert_id,
        "stage": "ResponseStarted" if entry.operation.first and not entry.operation.last else "ResponseComplete",
        "level": _level(said),
        "verb": said.method_name.rpartition(".")[2],
        "user": {"username": said.authentication_info.principal_email or said.authentication_info.authority_selector},
        "sourceIPs": [caller] if caller else None,
        "userAgent": said.request_metadata.caller_supplied_user_agent,
        "objectRef": _object(said.method_name, said.resource_name),
        "responseStatus": {"code": HTTP[said.status.code] if 0 <= said.status.code < len(HTTP) else 500},
        "requestReceivedTimestamp": entry.timestamp or said.timestamp or entry.receive_timestamp,
        "annotations": _annotations(entry),
        "requestObject": said.request or None,
        "responseObject": said.response or None,
    }


def _level(said: Payload) -> str:
    return "RequestResponse" if said.response else "Request" if said.request else "Metadata"


def _annotations(entry: Entry) -> dict[str, str] | None:
    """Return the labels, which carry the decision on newer clusters; else what was granted."""
    granted = [one.granted for one in entry.proto_payload.authorization_info]
    if "authorization.k8s.io/decision" in entry.labels or not granted or None in granted:
        return entry.labels or None
    return {**entry.labels, "authorization.k8s.io/decision": "allow" if all(granted) else "forbid"}


def _object(method: str, resource: str) -> dict[str, str] | None:
    """Return the objectRef: the method tells resource and subresource, the path group, namespace and name.

    >>> _object("io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/shop/pods/web-0/exec")["subresource"]
    'exec'
    >>> _object("io.k8s.core.v1.namespaces.delete", "core/v1/namespaces/shop")["name"]
    'shop'
    """
    parts = method.split(".")
    version = next((place for place, part in enumerate(parts) if _VERSION.fullmatch(part)), None)
    what = parts[version + 1 : -1] if version is not None else []
    if not what:
        return None
    group, _, path = resource.partition("/")
    steps = path.split("/")[1:]
    ref = {
        "resource": what[0],
        "subresource": what[1] if len(what) > 1 else "",
        "apiGroup": "" if group == "core" else group,
    }
    if steps[:1] == ["namespaces"] and len(steps) > 1:
        ref["namespace"] = steps[1]
        steps = steps if what[0] == "namespaces" else steps[2:]
    if steps[:1] == what[:1] and len(steps) > 1:
        ref["name"] = steps[1]
    return {key: value for key, value in ref.items() if value}
