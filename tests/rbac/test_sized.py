"""Roles of the right size: they allow all that was used, and nothing that was not granted or is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import role
from plimsoll.rbac import grants, sized, usage
from plimsoll.rbac.grants import Request
from tests import told
from tests.rbac import rights

WIDE = (
    rights.role("web", rights.rule("* *.*"), rights.rule("get url *"), namespace=None),
    rights.binding("web", "ClusterRole/web", rights.WEB, namespace=None),
)


def small(path: Path, rows: list[told.Row], *objects: rights.Object, names: sized.Names = "granted") -> list[sized.Sized]:  # fmt: skip
    found = usage.report(rights.used(rows), grants.bindings(rights.held(path, *objects)))
    return sized.sized(found.grants, names)


def texts(found: list[sized.Sized]) -> list[tuple[str, str]]:
    return [
        (one.place, f"{','.join(rule.verbs)} {','.join([*rule.resources, *rule.urls, *rule.names])}")
        for one in found
        for rule in one.rules
    ]


def test_a_grant_everywhere_used_in_two_namespaces_becomes_a_role_in_each(tmp_path: Path) -> None:
    rows = [
        rights.did("get pods", rights.EVERYWHERE),
        rights.did("list secrets", rights.EVERYWHERE, namespace="bank"),
        rights.did("list nodes", rights.EVERYWHERE, namespace=None),
    ]
    assert texts(small(tmp_path, rows, *WIDE)) == [
        (role.CLUSTER, "list nodes"),
        ("bank", "list secrets"),
        ("shop", "get pods"),
    ]


REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["get", "list", "create"]),
        st.sampled_from(["pods", "secrets", "deployments.apps", "/healthz", "/apis/apps"]),
        st.sampled_from(["shop", "bank", None]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=8,
)


@given(REQUESTS, st.sampled_from(["granted", "secrets", "all"]))
def test_what_was_used_stays_allowed_and_where_nothing_was_used_nothing_is(
    tmp_path_factory: Any, asked: list[tuple[str, str, str | None, str]], names: sized.Names
) -> None:
    rows = [rights.did(f"{verb} {what}", rights.EVERYWHERE, namespace=place, name=name) for verb, what, place, name in asked]  # fmt: skip
    found = small(tmp_path_factory.mktemp("rbac"), rows, *WIDE, names=names)

    def allowed(verb: str, what: str, place: str | None, name: str) -> bool:
        url = what.startswith("/")
        resource, _, group = what.partition(".")
        request = Request(verb, "", "", "", what) if url else Request(verb, group, resource, place or "", name)
        wanted = role.CLUSTER if url or not place else place
        return any(
            grants.allows(rule, request) for one in found if one.place in (role.CLUSTER, wanted) for rule in one.rules
        )

    assert all(allowed(*one) for one in asked)
    used = {one[1] for one in asked}
    for what in {"pods", "secrets", "deployments.apps", "/healthz", "/apis/apps"} - used:
        assert not any(allowed(verb, what, "shop", "a") for verb in ("get", "list", "create"))


def test_rules_name_objects_where_the_grant_did(tmp_path: Path) -> None:
    named = (
        rights.role("web", rights.rule("get secrets", "tls", "spare"), rights.rule("get pods")),
        rights.binding("web", "Role/web", rights.WEB),
    )
    rows = [rights.did("get secrets", name="tls"), rights.did("get pods", name="web-1")]
    assert texts(small(tmp_path, rows, *named)) == [("shop", "get pods"), ("shop", "get secrets,tls")]
    assert texts(small(tmp_path, rows, *named, names="all")) == [
        ("shop", "get pods,web-1"),
        ("shop", "get secrets,tls"),
    ]


def test_secrets_can_be_held_to_those_used(tmp_path: Path) -> None:
    rows = [
        rights.did("get secrets", rights.EVERYWHERE, name="tls"),
        rights.did("get pods", rights.EVERYWHERE, name="x"),
    ]
    assert texts(small(tmp_path, rows, *WIDE, names="secrets")) == [("shop", "get pods"), ("shop", "get secrets,tls")]


def test_a_listing_lets_no_name_in(tmp_path: Path) -> None:
    rows = [rights.did("list secrets", rights.EVERYWHERE), rights.did("get secrets", rights.EVERYWHERE, name="tls")]
    assert texts(small(tmp_path, rows, *WIDE, names="all")) == [("shop", "list secrets"), ("shop", "get secrets,tls")]


def test_both_ways_to_connect_are_kept_if_both_were_granted(tmp_path: Path) -> None:
    rows = [rights.did("get pods/exec", rights.EVERYWHERE, name="p")]
    assert texts(small(tmp_path, rows, *WIDE)) == [("shop", "create,get pods/exec")]
    only = (rights.role("web", rights.rule("get pods/exec"), namespace=None), WIDE[1])
    assert texts(small(tmp_path, rows, *only)) == [("shop", "get pods/exec")]


def test_granted_urls_are_kept_and_the_wildcard_is_not(tmp_path: Path) -> None:
    some = (rights.role("web", rights.rule("get /apis/*,/healthz"), namespace=None), WIDE[1])
    rows = [rights.did("get /apis/apps/v1", rights.EVERYWHERE)]
    assert texts(small(tmp_path, rows, *some)) == [(role.CLUSTER, "get /apis/*")]
    assert texts(small(tmp_path, rows, *WIDE)) == [(role.CLUSTER, "get /apis/apps/v1")]


def test_rights_that_leave_no_trace_are_kept_where_they_may_have_been_needed(tmp_path: Path) -> None:
    operator = (
        rights.role("web", rights.rule("create rolebindings.rbac.authorization.k8s.io"),
                    rights.rule("bind,escalate clusterroles.rbac.authorization.k8s.io", "view"), namespace=None),
        WIDE[1],
    )  # fmt: skip
    rows = [rights.did("create rolebindings.rbac.authorization.k8s.io", rights.EVERYWHERE)]
    (found,) = small(tmp_path, rows, *operator)
    assert texts([found]) == [("shop", "bind clusterroles,view"), ("shop", "create rolebindings")]
    assert found.unseen == ("bind clusterroles",)
    (note,) = {one["metadata"]["annotations"][sized.UNSEEN] for one in sized.documents([found])}  # type: ignore[index,call-overload]
    assert note == "bind clusterroles"


def test_documents_say_what_they_replace(tmp_path: Path) -> None:
    made = list(sized.documents(small(tmp_path, [rights.did("get pods", rights.EVERYWHERE)], *WIDE)))
    assert [one["kind"] for one in made] == ["Role", "RoleBinding"]
    assert made[1]["metadata"]["annotations"] == {sized.REPLACES: "ClusterRoleBinding/web"}  # type: ignore[index,call-overload]
