"""What API servers and others post, and a client that posts it."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit


def event(number: int, **more: Any) -> dict[str, Any]:
    """An audit event; each number is another request."""
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": f"id-{number}",
        "stage": "ResponseComplete", "requestURI": "/api/v1/pods", "verb": "list",
        "user": {"username": "system:serviceaccount:ci:deployer", "groups": ["system:authenticated"]},
        "sourceIPs": ["10.0.0.7"], "userAgent": "kubectl/v1.34.1",
        "objectRef": {"resource": "pods", "namespace": "ci", "apiVersion": "v1"}, "responseStatus": {"code": 200},
        "requestReceivedTimestamp": f"2026-03-02T09:{number // 60 % 60:02}:{number % 60:02}.000000Z",
        "stageTimestamp": f"2026-03-02T09:{number // 60 % 60:02}:{number % 60:02}.001000Z",
        "annotations": {"authorization.k8s.io/decision": "allow"},
    } | more  # fmt: skip


def event_list(*events: dict[str, Any]) -> bytes:
    """A batch as the audit webhook posts it."""
    whole = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": list(events)}
    return json.dumps(whole).encode() + b"\n"


def falco_alert(number: int) -> bytes:
    """An alert as Falco's http_output posts it."""
    alert = {
        "hostname": "node-1", "output": "…", "priority": "Notice", "rule": "Terminal shell in container",
        "source": "syscall", "tags": ["shell"], "time": f"2026-03-02T09:00:{number % 60:02}.{number:09}Z",
        "output_fields": {"container.id": "abc", "proc.name": "bash", "k8s.ns.name": "shop", "k8s.pod.name": "web-1"},
    }  # fmt: skip
    return json.dumps(alert).encode()


def sensor_alert(number: int) -> bytes:
    """An alert as `sensor run --url` posts it."""
    alert = {
        "id": f"a{number}", "time": "2026-03-02T09:00:00Z", "subject": "shop/Deployment/web:app", "title": "A new program",
        "severity": "high", "bits": 14.5, "why": ["never before"], "evidence": ["1"], "attack": ["T1059"],
        "kind": "deviation", "controls": [], "maturity": "mature", "mode": "alert", "action": "none",
    }  # fmt: skip
    return json.dumps(alert).encode()


class Answer(NamedTuple):
    """What a server said."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


class Sender:
    """A client with one connection."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        where = urlsplit(url)
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(where.hostname or "", where.port, context=context, timeout=20)
            if context
            else http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        )

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("POST", path, body, named)
        return self._answer()

    def get(self, path: str) -> tuple[int, str]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()

    def close(self) -> None:
        self._connection.close()

    def _answer(self) -> Answer:
        answer = self._connection.getresponse()
        text = answer.read()
        return Answer(answer.status, json.loads(text or b"{}"), {k.lower(): v for k, v in answer.getheaders()})
