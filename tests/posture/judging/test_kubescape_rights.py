from __future__ import annotations

import json

import pytest

from plimsoll.posture.judging import kubescape_rights
from tests.posture.judging.asking import fields, pod

RBAC, CSR = "rbac.authorization.k8s.io", "certificates.k8s.io"
HOOKS = "admissionregistration.k8s.io"


def role(*rules, kind="ClusterRole", place="", name="r"):
    told = [{"apiGroups": [group], "resources": [what], "verbs": verbs.split()} for verbs, what, group in rules]
    return {"kind": kind, "metadata": {"name": name, "namespace": place}, "rules": told}


def binding(kind="ClusterRoleBinding", place="", role_kind="ClusterRole", subject=None, name="r", labels=None):
    return {
        "kind": kind,
        "metadata": {"name": "b", "namespace": place, "labels": labels or {}},
        "roleRef": {"kind": role_kind, "name": name},
        "subjects": [subject or {"kind": "User", "name": "jane"}],
    }


ACCOUNT = {"kind": "ServiceAccount", "name": "a", "namespace": "shop"}
THERE = {"kind": "ServiceAccount", "metadata": {"name": "a", "namespace": "shop"}}

GIVES = [
    ("run_commands", ("create", "pods/exec", ""), ("get", "pods", "")),
    ("forward_ports", ("create", "pods/portforward", ""), ("create", "pods/exec", "")),
    ("read_secrets", ("watch", "secrets", ""), ("create", "secrets", "")),
    ("everything", ("*", "*", "*"), ("get list", "*", "*")),
    ("create_pods", ("create", "pods", ""), ("create", "pods", "metrics.k8s.io")),
    ("create_volumes", ("create", "persistentvolumes", ""), ("create", "persistentvolumeclaims", "")),
    ("create_volumes_v1", ("*", "persistentvolumes", ""), ("get", "persistentvolumes", "")),
    ("node_proxy", ("get", "nodes/proxy", ""), ("list", "nodes/proxy", "")),
    ("node_proxy_v1", ("create", "nodes/proxy", ""), ("get", "nodes", "")),
    ("approve_certificates", ("update", "certificatesigningrequests/approval", CSR), ("create", "*", CSR)),
    ("bind", ("bind", "clusterroles", RBAC), ("get", "clusterroles", RBAC)),
    ("bind_v1", ("bind", "roles", RBAC), ("bind", "pods", RBAC)),
    ("escalate", ("escalate", "roles", RBAC), ("bind", "roles", RBAC)),
    ("escalate_v1", ("escalate", "clusterroles", "*"), ("update", "clusterroles", RBAC)),
    ("impersonate", ("impersonate", "groups", ""), ("get", "users", "")),
    ("impersonate_v1", ("impersonate", "serviceaccounts", ""), ("impersonate", "pods", "")),
    ("create_tokens", ("create", "serviceaccounts/token", ""), ("get", "serviceaccounts/token", "")),
    ("create_tokens_v1", ("create", "*/token", ""), ("create", "serviceaccounts", "")),
    ("change_webhooks", ("patch", "mutatingwebhookconfigurations", HOOKS), ("get", "*", HOOKS)),
    ("delete_events", ("delete", "events", ""), ("delete", "pods", "")),
    ("delete_much", ("delete", "deployments", "apps"), ("delete", "serviceaccounts", "")),
    ("change_dns", ("update", "configmaps", ""), ("update", "configmap", "")),
    ("assign_accounts", ("create", "cronjobs", "batch"), ("create", "cronjobs", "apps")),
    ("debug_pods", ("patch", "pods/ephemeralcontainers", ""), ("patch", "pods", "")),
    ("issue_tokens", ("create", "secrets", ""), ("get list", "secrets", "")),
    ("change_node_status", ("patch", "nodes/status", ""), ("patch", "nodes", "")),
    ("change_pod_status", ("update", "*/status", "*"), ("update", "pods/status", "metrics.k8s.io")),
    ("change_service_status", ("update", "services/status", ""), ("update", "services", "")),
    ("change_privileged_pods", ("patch", "pods", ""), ("delete", "pods", "")),
]


@pytest.mark.parametrize(("test", "gives", "other"), GIVES)
def test_a_rule_gives_a_right_or_another(test, gives, other):
    assert fields(f"kubescape_rights.{test}", binding(), role(gives)) == ["subjects[0]"]
    assert fields(f"kubescape_rights.{test}", binding(), role(other)) == []


def test_every_risk_is_in_the_table_above_or_below():
    below = {"enter_ordinary_pods", "reach_ordinary_tokens"}
    assert kubescape_rights.RISKS.keys() == {test for test, _, _ in GIVES} | below


@pytest.mark.parametrize(
    ("test", "place", "found"),
    [
        ("issue_tokens", "kube-system", True),
        ("issue_tokens", "shop", False),
        ("reach_ordinary_tokens", "shop", True),
        ("reach_ordinary_tokens", "kube-system", False),
        ("enter_ordinary_pods", "shop", True),
        ("change_node_status", "kube-system", False),
    ],
)
def test_some_rights_matter_in_some_namespaces(test, place, found):
    every = role(("*", "*", "*"), kind="Role", place=place)
    told = fields(f"kubescape_rights.{test}", binding("RoleBinding", place, "Role"), every)
    assert bool(told) is found


def test_a_service_account_among_the_objects_is_told_of_itself():
    gives = role(("create", "pods/exec", ""))
    given = binding(subject=ACCOUNT)
    assert fields("kubescape_rights.run_commands", given, gives) == ["subjects[0]"]
    assert fields("kubescape_rights.run_commands", given, gives, THERE) == []
    assert fields("kubescape_rights.run_commands", THERE, gives, given) == [""]


def test_what_kubernetes_binds_for_itself_is_not_told():
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    own = binding(subject={"kind": "Group", "name": "system:masters"}, labels=labels)
    assert fields("kubescape_rights.everything", own, role(("*", "*", "*"))) == []


STEAL = [("delete", "pods", ""), ("patch", "nodes", "")]
APPROVE = [
    ("create get", "certificatesigningrequests", CSR),
    ("update", "certificatesigningrequests/approval", CSR),
    ("approve", "signers", CSR),
]


@pytest.mark.parametrize(("test", "parts"), [("steal_pods", STEAL), ("make_certificates", APPROVE)])
def test_rights_that_are_a_risk_together(test, parts):
    assert fields(f"kubescape_rights.{test}", binding(), role(*parts)) == ["subjects[0]"]
    for missing in parts:
        assert fields(f"kubescape_rights.{test}", binding(), role(*(one for one in parts if one != missing))) == []


def test_rights_from_two_bindings_add_up_and_are_told_once():
    one, other = binding(name="r"), binding(name="s")
    roles = role(STEAL[0], name="r"), role(STEAL[1], name="s")
    assert fields("kubescape_rights.steal_pods", one, other, *roles) == ["subjects[0]"]
    assert fields("kubescape_rights.steal_pods", other, one, *roles) == []


@pytest.mark.parametrize(("signer", "found"), [("kubernetes.io/*", 1), ("*", 0), ("example.com/x", 0)])
def test_a_signer_of_clients_is_meant(signer, found):
    given = role(*APPROVE)
    given["rules"][2]["resourceNames"] = [signer]
    assert len(fields("kubescape_rights.make_certificates", binding(), given)) == found


@pytest.mark.parametrize(
    ("test", "subject", "name", "found"),
    [
        ("anonymous", "system:unauthenticated", "r", 1),
        ("anonymous", "system:authenticated", "r", 0),
        ("authenticated", "system:authenticated", "view", 1),
        ("authenticated", "system:authenticated", "system:discovery", 0),
        ("cluster_admin", "dev", "cluster-admin", 1),
        ("cluster_admin", "dev", "admin", 0),
        ("dashboard", "dev", "kubernetes-dashboard", 1),
        ("dashboard", "kubernetes-dashboard", "kubernetes-dashboard", 0),
    ],
)
def test_names_of_subjects_and_roles(test, subject, name, found):
    given = binding(subject={"kind": "Group", "name": subject}, name=name)
    assert len(fields(f"kubescape_rights.{test}", given)) == found


def test_an_account_with_rights_is_to_be_known():
    assert fields("kubescape_rights.any_rights", binding(subject=ACCOUNT), role(("get", "pods", ""))) == ["subjects[0]"]
    assert fields("kubescape_rights.any_rights", binding(subject=ACCOUNT), role()) == []
    assert fields("kubescape_rights.any_rights", binding(), role(("get", "pods", ""))) == []


def test_roles_are_to_be_known():
    assert fields("kubescape_rights.role_to_review", role(kind="Role", place="a")) == [""]


@pytest.mark.parametrize(
    ("test", "gives", "other"),
    [
        ("workload_takeover", ("get", "secrets", ""), ("get", "pods", "")),
        ("workload_admin", ("*", "*", "*"), ("*", "pods", "")),
    ],
)
def test_a_workload_has_the_rights_of_its_token(test, gives, other):
    web, given = pod("serviceAccountName: a"), binding(subject=ACCOUNT)
    bare = pod("serviceAccountName: a, automountServiceAccountToken: false")
    assert fields(f"kubescape_rights.{test}", web, role(gives), given) == ["spec.serviceAccountName"]
    assert fields(f"kubescape_rights.{test}", web, role(other), given) == []
    assert fields(f"kubescape_rights.{test}", bare, role(gives), given) == []


def test_messages_stay_short():
    long = binding(subject={"kind": "User", "name": "x" * 10_000})
    assert len(json.dumps(fields("kubescape_rights.everything", long, role(("*", "*", "*"))))) < 100
