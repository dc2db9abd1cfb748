"""A Cloud Logging entry says who asked what of which object, and how it ended."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plimsoll.sources import gke_log_entry, k8s_audit

EXEC = {
    "insertId": "i1",
    "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
    "operation": {"id": "7f8c5bec-01ff-4079-97e3-065ac34e10e8", "first": True, "last": True, "producer": "k8s.io"},
    "protoPayload": {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "authenticationInfo": {"principalEmail": "ann@example.com"},
        "authorizationInfo": [{"granted": True, "permission": "io.k8s.core.v1.pods.exec.create", "resource": "…"}],
        "methodName": "io.k8s.core.v1.pods.exec.create",
        "request": {"command": ["sh"]},
        "requestMetadata": {"callerIp": "203.0.113.9", "callerSuppliedUserAgent": "kubectl/v1.34.1"},
        "resourceName": "core/v1/namespaces/shop/pods/web-0/exec",
        "serviceName": "k8s.io",
        "status": {"code": 0},
    },
    "resource": {"type": "k8s_cluster", "labels": {"cluster_name": "c"}},
    "labels": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "RBAC: …"},
    "receiveTimestamp": "2026-03-01T10:00:01.5Z",
    "timestamp": "2026-03-01T10:00:00.123456789Z",
}


def entry(top: dict[str, Any] | None = None, **payload: Any) -> dict[str, Any]:
    return {**EXEC, "protoPayload": {**EXEC["protoPayload"], **payload}, **(top or {})}  # type: ignore[dict-item]


def row(record: object) -> dict[str, Any]:
    parsed = k8s_audit.parse([msgspec.json.encode(record)], 1)
    assert parsed.rejects == []
    return {name: value for name, value in parsed.events.row(0, named=True).items() if value is not None}


def test_an_entry_becomes_a_row() -> None:
    found = row(EXEC)
    assert found.pop("time").isoformat() == "2026-03-01T10:00:00.123456+00:00"
    assert found.pop("annotations").startswith("{")
    assert found == {
        "evt_num": 1,
        "auditID": "7f8c5bec-01ff-4079-97e3-065ac34e10e8",
        "stage": "ResponseComplete",
        "level": "Request",
        "verb": "create",
        "user_username": "ann@example.com",
        "sourceIPs": ["203.0.113.9"],
        "source_ip": "203.0.113.9",
        "userAgent": "kubectl/v1.34.1",
        "objectRef_resource": "pods",
        "objectRef_subresource": "exec",
        "objectRef_namespace": "shop",
        "objectRef_name": "web-0",
        "responseStatus_code": 200,
        "annotations_decision": "allow",
        "annotations_reason": "RBAC: …",
        "requestObject": '{"command":["sh"]}',
    }


@pytest.mark.parametrize(
    ("method", "resource", "expected"),
    [
        ("io.k8s.core.v1.secrets.list", "core/v1/secrets", {"resource": "secrets"}),
        ("io.k8s.core.v1.nodes.get", "core/v1/nodes/n1", {"resource": "nodes", "name": "n1"}),
        (
            "io.k8s.core.v1.namespaces.create",
            "core/v1/namespaces/shop",
            {"resource": "namespaces", "namespace": "shop", "name": "shop"},
        ),
        (
            "io.k8s.authorization.rbac.v1.roles.patch",
            "rbac.authorization.k8s.io/v1/namespaces/shop/roles/r",
            {"resource": "roles", "apiGroup": "rbac.authorization.k8s.io", "namespace": "shop", "name": "r"},
        ),
        (
            "io.cert-manager.v1alpha2.certificates.status.update",
            "cert-manager.io/v1alpha2/namespaces/shop/certificates/c/status",
            {
                "resource": "certificates",
                "subresource": "status",
                "apiGroup": "cert-manager.io",
                "namespace": "shop",
                "name": "c",
            },
        ),
        ("io.k8s.core.v1.componentstatuses.list", "", {"resource": "componentstatuses"}),
        ("io.k8s.get", "healthz", {}),
        ("", "", {}),
    ],
)
def test_method_and_path_name_the_object(method: str, resource: str, expected: dict[str, str]) -> None:
    found = row(entry(methodName=method, resourceName=resource) if method else entry(methodName="get", resourceName=""))
    assert {name[10:]: value for name, value in found.items() if name.startswith("objectRef_")} == expected


@pytest.mark.parametrize(("code", "http"), [(0, 200), (5, 404), (6, 409), (7, 403), (16, 401), (99, 500), (-1, 500)])
def test_a_grpc_status_is_told_as_http(code: int, http: int) -> None:
    assert row(entry(status={"code": code}))["responseStatus_code"] == http


def test_what_was_granted_stands_in_for_the_decision() -> None:
    assert row(entry({"labels": {}}))["annotations_decision"] == "allow"
    assert row(entry({"labels": {}}, authorizationInfo=[{"granted": False}]))["annotations_decision"] == "forbid"
    assert "annotations_decision" not in row(entry({"labels": {}}, authorizationInfo=[{}]))


def test_older_exports_and_anonymous_callers_are_read() -> None:
    found = row(
        entry(
            authenticationInfo={"authoritySelector": "system:anonymous"},
            requestMetadata={"callerIP": "::ffff:8.8.8.8"},
        )
    )
    assert (found["user_username"], found["source_ip"]) == ("system:anonymous", "8.8.8.8")


def test_the_first_of_two_entries_is_the_start_of_a_long_request() -> None:
    assert row(entry({"operation": {"id": "a", "first": True}}))["stage"] == "ResponseStarted"
    assert row(entry({"operation": {"id": "a", "last": True}}))["stage"] == "ResponseComplete"
    assert row(entry({"operation": {}}))["auditID"] == "i1"


def test_an_entry_without_an_id_is_a_reject() -> None:
    lines = [msgspec.json.encode(entry({"operation": {}, "insertId": None}))]
    assert [reject.reason for reject in k8s_audit.parse(lines, 1).rejects] == ["no auditID"]


def test_entries_of_other_services_are_not_ours() -> None:
    other = {"protoPayload": {"serviceName": "container.googleapis.com", "methodName": "CreateCluster"}}
    assert gke_log_entry.event(msgspec.json.encode(other)) is None
    assert not gke_log_entry.recognises(other["protoPayload"])
    assert gke_log_entry.recognises(EXEC["protoPayload"])
