from __future__ import annotations

import pytest

from plimsoll.posture.judging import role_rights
from tests.posture.judging.asking import fields

RBAC = "rbac.authorization.k8s.io"
GIVES = [
    ("secrets", ("get", "secrets", ""), ("get", "secrets", "example.com")),
    ("everything", ("*", "*", "*"), ("get", "*", "*")),
    ("impersonation", ("impersonate", "users", ""), ("get", "users", "")),
    ("node_proxy", ("get", "nodes/proxy", ""), ("get", "nodes", "")),
    ("commands", ("create", "pods/exec", ""), ("create", "pods", "")),
    ("config_maps", ("update", "configmaps", ""), ("get", "configmaps", "")),
    ("roles", ("create", "rolebindings", RBAC), ("get", "rolebindings", RBAC)),
    (
        "webhooks",
        ("patch", "validatingwebhookconfigurations", "admissionregistration.k8s.io"),
        ("get", "*", "admissionregistration.k8s.io"),
    ),
    (
        "approval",
        ("update", "certificatesigningrequests/approval", "certificates.k8s.io"),
        ("create", "certificatesigningrequests", "certificates.k8s.io"),
    ),
    ("binding", ("bind", "clusterroles", RBAC), ("get", "clusterroles", RBAC)),
    ("escalation", ("escalate", "roles", RBAC), ("bind", "roles", RBAC)),
]


def role(rule, labels=None):
    verb, resource, group = rule
    told = {"verbs": [verb], "resources": [resource], "apiGroups": [group]}
    return {"kind": "ClusterRole", "metadata": {"name": "r", "labels": labels or {}}, "rules": [{}, told]}


@pytest.mark.parametrize(("test", "gives", "other"), GIVES)
def test_a_rule_of_a_role_gives_a_right_or_another(test, gives, other):
    assert fields(f"role_rights.{test}", role(gives)) == ["rules[1]"]
    assert fields(f"role_rights.{test}", role(other)) == []
    assert fields(f"role_rights.{test}", role(gives, {"kubernetes.io/bootstrapping": "rbac-defaults"})) == []


def test_every_right_is_in_the_table_above():
    assert role_rights.RIGHTS.keys() == {test for test, _, _ in GIVES}
