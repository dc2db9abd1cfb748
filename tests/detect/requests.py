"""Requests in a line: `row("create pods/exec", user="ann")`."""

from __future__ import annotations

import json
from typing import Any

COLUMNS = {
    "user": "user_username", "agent": "userAgent", "ns": "objectRef_namespace", "name": "objectRef_name",
    "uri": "requestURI", "code": "responseStatus_code", "decision": "annotations_decision", "ips": "sourceIPs",
    "as_user": "impersonatedUser_username", "as_groups": "impersonatedUser_groups", "groups": "user_groups",
    "id": "auditID", "stage": "stage",
}  # fmt: skip
PLAIN = {"user": "ann", "agent": "my-tool/1.0", "code": 200, "decision": "allow", "ips": ["10.8.0.7"], "stage": "ResponseComplete"}  # fmt: skip


def row(asked: str, **said: Any) -> dict[str, Any]:
    """An event: `create pods/exec`, and what is unusual about it by the short names above."""
    verb, _, target = asked.partition(" ")
    resource, _, sub = target.partition("/")
    made: dict[str, Any] = {"verb": verb, "time": 1, "level": "RequestResponse"}
    made |= {"objectRef_resource": resource or None, "objectRef_subresource": sub or None}
    for name, value in (PLAIN | said).items():
        if name in ("body", "answer"):
            made["requestObject" if name == "body" else "responseObject"] = json.dumps(value)
        else:
            made[COLUMNS[name]] = value
    return made | {"source_ip": (made["sourceIPs"] or [None])[-1]}
