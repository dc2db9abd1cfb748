"""What was allowed and why, added up: in any order, in bounded memory."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.rbac import sums, uses
from tests import told
from tests.rbac import rights

ROWS = st.lists(
    st.builds(
        rights.did,
        st.sampled_from(["get pods", "list secrets", "create deployments.apps", "get /healthz"]),
        st.sampled_from([rights.BECAUSE, rights.EVERYWHERE, ""]),
        st.integers(0, 3),
        namespace=st.sampled_from(["shop", "bank"]),
        name=st.sampled_from([f"n{n}" for n in range(5)]),
        annotations_decision=st.sampled_from(["allow", "forbid", None]),
    ),
    max_size=12,
)


@given(ROWS, st.integers(0, 12))
def test_batches_in_any_order_give_the_same(rows: list[told.Row], cut: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sums, "REGROUP", 2)
        patched.setattr(uses, "MOST_NAMES", 3)
        taken = uses.Uses()
        for part in (rows[cut:], rows[:cut]):
            taken.take(frames.of_rows(tables.AUDIT, part))
        apart, whole = taken.told(), rights.used(rows)
    for one, other in zip(apart, whole, strict=True):
        assert one.equals(other) if hasattr(one, "equals") else one == other


def test_a_watch_that_began_and_ended_is_one_request() -> None:
    began = rights.did("watch pods", stage="ResponseStarted")
    assert rights.used([began])[0]["count"].to_list() == [1]
    assert rights.used([began, rights.did("watch pods")])[0]["count"].to_list() == [1]


def test_more_names_than_are_remembered_become_one() -> None:
    rows = [rights.did("get pods", name=f"p{n}") for n in range(uses.MOST_NAMES + 1)]
    assert rights.used(rows).names["name"].to_list() == ["*"]
    assert rights.used(rows[1:]).names.height == uses.MOST_NAMES


def test_more_namespaces_than_are_remembered_become_one() -> None:
    rows = [rights.did("get pods", rights.EVERYWHERE, namespace=f"n{n}") for n in range(uses.MOST_PLACES + 1)]
    found = rights.used(rows).kinds
    assert found.select("namespace", "count").rows() == [("*", len(rows))]


def test_beyond_memory_new_acts_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MOST", 2)
    found = rights.used([rights.did(f"get r{n}") for n in range(5)])
    assert (found.kinds.height, found.forgone) == (2, 6)


def test_who_needs_no_binding_is_told_apart() -> None:
    rows = [
        rights.did("get pods", "", user_username="system:apiserver", user_groups=["system:masters"]),
        rights.did("get pods", "", user_username="system:node:n1", user_groups=["system:nodes"]),
        rights.did("get pods", "", user_username="webhooked"),
        rights.did("get pods", "", annotations_decision="forbid", user_username="eve"),
        rights.did("get pods", "", annotations_decision=None, responseStatus_code=403, user_username="eve"),
    ]
    assert rights.used(rows).beyond.rows() == [
        ("another authorizer", "webhooked", 1),
        ("node authorizer", "system:node:n1", 1),
        ("refused", "eve", 2),
        ("system:masters", "system:apiserver", 1),
    ]


def test_what_admission_refused_was_allowed_by_rbac() -> None:
    assert rights.used([rights.did("create pods", responseStatus_code=403)]).kinds.height == 1


def test_the_name_of_what_is_created_comes_from_the_body_and_is_none_to_rbac() -> None:
    rows = [rights.did("create secrets", name="tls"), rights.did("create serviceaccounts/token", name="web")]
    assert rights.used(rows).names.select("resource", "name").rows() == [
        ("secrets", ""),
        ("serviceaccounts/token", "web"),
    ]


def test_an_access_review_shows_a_right_used_behind_the_api_servers_back() -> None:
    spec = {"resourceAttributes": {"verb": "get", "resource": "nodes", "subresource": "metrics", "name": "n1"}}
    answer = {"spec": spec, "status": {"allowed": True, "reason": rights.EVERYWHERE}}
    row = rights.did("create subjectaccessreviews.authorization.k8s.io", "x", responseObject=json.dumps(answer))
    found = rights.used([row])
    assert found.kinds.filter(reason=rights.EVERYWHERE).select("verb", "resource").rows() == [("get", "nodes/metrics")]
    for other in ("{", '{"status": {"allowed": 1}}', '{"status": {"allowed": true, "reason": "x"}}'):
        assert rights.used([row | {"responseObject": other}]).kinds.filter(reason=rights.EVERYWHERE).is_empty()


def test_acting_as_somebody_is_a_use_of_impersonate() -> None:
    row = rights.did(
        "get pods", "because", impersonatedUser_username="system:serviceaccount:ci:bot",
        impersonatedUser_groups=["system:serviceaccounts", "system:authenticated", "dev"], annotations_decision="forbid",
    )  # fmt: skip
    found = rights.used([row])
    assert found.names.select("verb", "resource", "namespace", "name").rows() == [
        ("impersonate", "groups", "", "dev"),
        ("impersonate", "serviceaccounts", "ci", "bot"),
    ]


def test_a_request_needs_the_rights_of_the_one_it_acts_as() -> None:
    admin = {"user_username": "admin", "user_groups": ["system:masters"]}
    bob = {"impersonatedUser_username": "bob", "impersonatedUser_groups": ["system:authenticated"]}
    found = rights.used([rights.did("get pods", "", annotations_decision=None, **admin, **bob)])
    assert found.beyond.is_empty()
    assert found.kinds.select("user", "groups", "verb").rows() == [("bob", "system:authenticated", "get")]


def test_what_happened_before_is_left_out() -> None:
    rows = [rights.did("get pods", day=0), rights.did("list pods", day=2)]
    since = int(told.at(days=1).timestamp() * 1e6)
    assert rights.used(rows, since).kinds["verb"].to_list() == ["list"]
