"""What an identity used, written down as RBAC: it allows just that, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.policies import role
from tests import told

ANN = {"user_username": "ann@acme.io", "user_groups": ["dev"], "user_pod_uid": None}


def roles(*rows: told.Row) -> list[dict[str, Any]]:
    return role.roles(told.learned("audit", rows))


def rules(*rows: told.Row) -> list[dict[str, Any]]:
    (only, _) = roles(*rows)
    return only["rules"]


def allowed(documents: list[dict[str, Any]]) -> set[tuple[str, str, str, str, str]]:
    """What the documents allow: subject, namespace or empty for all of the cluster, verb, group, resource or path."""
    by_name = {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in documents}
    assert len(by_name) == len(documents), "two objects of one name"
    found = set()
    for binding in documents:
        if not binding["kind"].endswith("Binding"):
            continue
        space, reference = binding["metadata"].get("namespace", ""), binding["roleRef"]
        (who,) = binding["subjects"]
        subject = f"sa:{who['namespace']}/{who['name']}" if who["kind"] == "ServiceAccount" else f"user:{who['name']}"
        for rule in by_name[reference["kind"], space, reference["name"]]["rules"]:
            whats = [(group, what) for group in rule.get("apiGroups", []) for what in rule["resources"]]
            whats += [("", path) for path in rule.get("nonResourceURLs", [])]
            found |= {(subject, space, verb, group, what) for verb in rule["verbs"] for group, what in whats}
    return found


def test_what_was_used_in_a_namespace_becomes_a_role_there_and_its_binding():
    rbac = "rbac.authorization.k8s.io"
    one, binding = roles(told.request("get pods"), told.request("list pods"), told.request("patch deployments.apps"))
    assert one == {
        "apiVersion": f"{rbac}/v1",
        "kind": "Role",
        "metadata": {"name": one["metadata"]["name"], "namespace": "shop"},
        "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
        ],
    }
    assert binding == {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": one["metadata"],
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": one["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "web"}],
    }


def test_what_was_used_in_no_namespace_becomes_a_cluster_role():
    one, binding = roles(told.request("list nodes", None), told.request("get /healthz"))
    assert (one["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert "namespace" not in one["metadata"]
    assert one["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
        {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
    ]


def test_people_are_bound_by_their_name():
    _, binding = roles(told.request(**ANN))
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ann@acme.io"}]


@pytest.mark.parametrize("connection", ["exec", "attach", "portforward"])
def test_a_connection_is_allowed_over_websocket_and_over_spdy(connection):
    wanted = [{"apiGroups": [""], "resources": [f"pods/{connection}"], "verbs": ["create", "get"]}]
    assert rules(told.request(f"get pods/{connection}")) == wanted


def test_a_subresource_of_a_group_is_named_as_rbac_does():
    assert rules(told.request("update deployments.apps/scale")) == [
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["update"]}
    ]


@pytest.mark.parametrize("columns", [{"responseStatus_code": 403}, {"annotations_decision": "forbid"}])
def test_what_was_only_ever_denied_is_not_allowed(columns):
    assert roles(told.request("list secrets", **columns)) == []
    assert rules(told.request(), told.request("list secrets", **columns)) == rules(told.request())


def test_what_was_allowed_and_failed_for_another_reason_is_allowed():
    assert rules(told.request("get secrets", responseStatus_code=404))[0]["resources"] == ["secrets"]


@pytest.mark.parametrize(
    ("who", "groups"),
    [("system:node:n1", ["system:nodes"]), ("system:kube-scheduler", []), ("system:anonymous", []), ("", [])],
)
def test_nodes_the_control_plane_and_nobody_get_no_roles(who, groups):
    assert roles(told.request(user_username=who, user_groups=groups, user_pod_uid=None)) == []


def test_activity_and_flows_ask_for_no_roles():
    assert role.roles(told.learned("activity", [told.deed()])) == []
    assert role.roles(frames.empty(tables.PROFILE)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("system:serviceaccount:a-b:c", "system:serviceaccount:a:b-c"),
        ("ann@acme.io", "ann-acme.io"),
        ("Ann", "ann"),
        ("a" * 300, "a" * 301),
        ("☃", "☂"),
    ],
)
def test_no_two_identities_share_a_role(one, other):
    rows = [
        told.request(what, None, user_username=name, user_pod_uid=None)
        for what, name in (("list nodes", one), ("list secrets", other))
    ]
    assert len(allowed(roles(*rows))) == 2


ASKED = st.builds(
    told.request,
    st.sampled_from(["get pods", "get pods/log", "list secrets", "patch deployments.apps", "get /healthz"]),
    st.sampled_from([None, "shop", "ci"]),
    user_username=st.sampled_from(["system:serviceaccount:shop:web", "system:serviceaccount:ci:web", "ann", "bob@acme.io"]),
    responseStatus_code=st.sampled_from([200, 404]),
)  # fmt: skip


@given(st.lists(ASKED, max_size=12))
@settings(max_examples=25)
def test_roles_allow_what_was_used_and_nothing_else(rows):
    asked = set()
    for row in rows:
        who = row["user_username"].removeprefix("system:serviceaccount:").replace(":", "/")
        subject = f"sa:{who}" if "serviceaccount" in row["user_username"] else f"user:{who}"
        resource, sub = row.get("objectRef_resource"), row.get("objectRef_subresource")
        what = (resource + (f"/{sub}" if sub else "")) if resource else row["requestURI"]
        space = (row.get("objectRef_namespace") or "") if resource else ""
        asked.add((subject, space, row["verb"], row.get("objectRef_apiGroup") or "", what))
    assert allowed(roles(*rows)) == asked


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_every_role_has_a_name_that_rbac_takes(name):
    for document in roles(told.request(user_username=name, user_groups=[], user_pod_uid=None)):
        called = document["metadata"]["name"]
        assert 0 < len(called) <= 253
        assert called not in (".", "..")
        assert not set(called) & set("/%")
        assert called.isascii()
        assert called.isprintable()
