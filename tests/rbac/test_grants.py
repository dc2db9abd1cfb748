"""What RBAC objects grant: Kubernetes' own rules on wildcards, names, URLs and aggregation."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.rbac import grants
from plimsoll.rbac.grants import Request, Rule
from tests.rbac import rights


@pytest.mark.parametrize(
    ("rule", "request_", "allowed"),
    [
        (Rule(("get",), ("",), ("pods",)), Request("get", "", "pods", "a", "x"), True),
        (Rule(("get",), ("",), ("pods",)), Request("get", "", "pods/log", "a", "x"), False),
        (Rule(("get",), ("",), ("*",)), Request("get", "", "pods/log", "a", "x"), True),
        (Rule(("get",), ("",), ("*/log",)), Request("get", "", "pods", "a", "x"), False),
        (Rule(("get",), ("apps",), ("*",)), Request("get", "", "pods", "a", "x"), False),
        (Rule(("*",), ("*",), ("*",)), Request("nonsense", "g", "r/s", "a", ""), True),
        (Rule(("get",), ("",), ("secrets",), ("tls",)), Request("get", "", "secrets", "a", "tls"), True),
        (Rule(("get",), ("",), ("secrets",), ("tls",)), Request("get", "", "secrets", "a", "other"), False),
        (Rule(("create",), ("",), ("secrets",), ("tls",)), Request("create", "", "secrets", "a", "tls"), False),
        (
            Rule(("create",), ("",), ("serviceaccounts/token",), ("x",)),
            Request("create", "", "serviceaccounts/token", "a", "x"),
            True,
        ),
        (Rule(("get",), urls=("/api*",)), Request("get", "", "", "", "/apis/apps"), True),
        (Rule(("get",), urls=("/api/*",)), Request("get", "", "", "", "/apis/apps"), False),
        (Rule(("get",), urls=("*",)), Request("get", "", "", "", "/metrics"), True),
        (Rule(("*",), ("*",), ("*",)), Request("get", "", "", "", "/metrics"), False),
        (Rule(("get",), urls=("*",)), Request("get", "", "pods", "a", "/metrics"), False),
    ],
)
def test_a_rule_allows_what_kubernetes_would(rule: Rule, request_: Request, allowed: bool) -> None:
    assert grants.allows(rule, request_) is allowed


def test_a_binding_has_its_roles_rules_and_its_subjects(tmp_path: Path) -> None:
    frame = rights.held(
        tmp_path,
        rights.role("web", rights.rule("get pods")),
        rights.role("web", rights.rule("delete pods"), namespace="other"),
        rights.binding("web", "Role/web", "sa:/web", "user:ann", "group:dev"),
        rights.binding("lost", "Role/nowhere", "user:ann"),
    )
    lost, web = grants.bindings(frame)
    assert web.subjects == ("sa:shop/web", "user:ann", "group:dev")
    assert web.rules == (Rule(("get",), ("",), ("pods",)),)
    assert lost.rules is None


def test_an_aggregated_role_has_the_rules_of_those_it_gathers_and_of_those_they_gather(tmp_path: Path) -> None:
    def gathering(name: str, label: str, own: str) -> rights.Object:
        made = rights.role(name, namespace=None, labels={own: "true"})
        return made | {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}}

    frame = rights.held(
        tmp_path,
        gathering("edit", "to-edit", "to-view"),  # in a circle
        gathering("view", "to-view", "to-edit"),
        rights.role("pods", rights.rule("get pods"), namespace=None, labels={"to-view": "true"}),
        rights.role("not", rights.rule("get secrets"), namespace=None, labels={"to-view": "false"}),
        rights.binding("web", "ClusterRole/edit", "user:ann"),
    )
    (found,) = grants.bindings(frame)
    assert found.rules == (Rule(("get",), ("",), ("pods",)),)


def test_selectors_may_be_expressions(tmp_path: Path) -> None:
    chosen = [{"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]
    made = rights.role("all", namespace=None) | {
        "aggregationRule": {"clusterRoleSelectors": [{"matchExpressions": chosen}]}
    }
    frame = rights.held(
        tmp_path,
        made,
        rights.role("one", rights.rule("get pods"), namespace=None, labels={"tier": "b"}),
        rights.role("two", rights.rule("get nodes"), namespace=None, labels={"tier": "a", "old": "1"}),
        rights.binding("all", "ClusterRole/all", "user:ann", namespace=None),
    )
    (found,) = grants.bindings(frame)
    assert found.rules == (Rule(("get",), ("",), ("pods",)),)


def test_what_is_of_the_wrong_type_grants_nothing(tmp_path: Path) -> None:
    broken = rights.binding("web", "Role/web", "user:ann") | {"subjects": [7, {"kind": ["User"]}], "roleRef": "x"}
    frame = rights.held(tmp_path, broken, rights.role("web") | {"rules": [{"verbs": "get"}, 7]})
    (found,) = grants.bindings(frame)
    assert (found.subjects, found.rules) == ((), None)
