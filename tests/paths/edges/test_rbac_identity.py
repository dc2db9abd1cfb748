import pytest

from plimsoll.paths.edges.rbac_identity import edges
from tests.paths.clusters import RBAC, account, bind, cluster_role, may, model, role, rule
from tests.paths.shown import targets

ADMIN = "ClusterRole/cluster-admin"


def binds(verbs: str = "create", resource: str = "clusterrolebindings", names: str = ""):
    return rule(verbs, resource, RBAC, names)


def bound(*rules, namespace: str = "", more=()) -> set[str]:
    return targets(edges, "ROLE_BIND", *may(*rules, namespace=namespace), *more)


def test_writing_bindings_and_binding_roles_gives_every_role() -> None:
    assert bound(binds(), rule("bind", "clusterroles", RBAC)) == {ADMIN, "ClusterRole/r"}


def test_either_alone_gives_none() -> None:
    assert bound(binds()) == bound(rule("bind", "clusterroles", RBAC)) == set()


def test_a_named_role_alone_can_be_bound() -> None:
    assert bound(binds(), rule("bind", "clusterroles", RBAC, "edit")) == {"ClusterRole/edit"}
    assert bound(binds(), rule("bind", "clusterroles", RBAC, "missing")) == set()


def test_bindings_of_the_cluster_are_not_granted_in_a_namespace() -> None:
    assert bound(binds(), rule("bind", "clusterroles", RBAC), namespace="a") == set()


def test_a_role_binding_gives_a_cluster_role_in_its_namespace() -> None:
    rules = (binds(resource="rolebindings"), rule("bind", "clusterroles", RBAC, "edit"))
    assert bound(*rules, namespace="a") == {"ClusterRole/edit@a"}


def test_roles_of_the_namespace_can_be_bound() -> None:
    rules = (binds(resource="rolebindings"), rule("bind", "roles", RBAC))
    assert bound(*rules, namespace="a", more=[role("other", rule("get", "pods"))]) == {"Role/r@a", "Role/other@a"}


def test_who_may_only_update_bindings_gains_the_roles_of_those_that_exist() -> None:
    rules = (binds("update"), rule("bind", "clusterroles", RBAC))
    assert bound(*rules) == {ADMIN, "ClusterRole/r"}
    named = (binds("update", names="r"), rule("bind", "clusterroles", RBAC))
    assert bound(*named) == {"ClusterRole/r"}


def test_group_resource_and_verb_must_match_in_one_rule() -> None:
    assert (
        bound(rule("create", "pods", RBAC), rule("get", "clusterrolebindings", RBAC), rule("bind", "clusterroles", ""))
        == set()
    )


def test_the_two_rights_may_come_through_two_bindings() -> None:
    more = may(rule("bind", "clusterroles", RBAC, "edit"), name="second")
    assert bound(binds(), more=more) == {"ClusterRole/edit"}


def escalated(*rules, namespace: str = "", more=()) -> set[str]:
    return targets(edges, "ROLE_ESCALATE", *may(*rules, namespace=namespace), *more)


@pytest.mark.parametrize(
    ("verbs", "names", "expected"),
    [
        ("escalate update", "r", {"Sink:cluster-admin"}),
        ("escalate update", "", {"Sink:cluster-admin"}),
        ("escalate patch", "other", set()),
        ("escalate", "", set()),
        ("update", "", set()),
    ],
)
def test_a_role_one_holds_can_be_rewritten(verbs: str, names: str, expected: set[str]) -> None:
    other = cluster_role("other", rule("get", "configmaps"))
    assert escalated(rule(verbs, "clusterroles", RBAC, names), more=[other]) == expected


def test_a_role_that_can_be_bound_can_be_rewritten_first() -> None:
    other = cluster_role("other", rule("get", "configmaps"))
    rules = (rule("escalate update bind", "clusterroles", RBAC, "other"), binds())
    assert "Sink:cluster-admin" in escalated(*rules, more=[other])


def test_a_role_of_a_namespace_gives_that_namespace() -> None:
    assert escalated(rule("escalate update", "roles", RBAC), namespace="a") == {f"{ADMIN}@a"}


def test_cluster_roles_cannot_be_rewritten_by_rights_of_a_namespace() -> None:
    assert escalated(rule("escalate update", "clusterroles", RBAC), namespace="a") == set()


def test_a_new_role_of_any_rights_can_be_bound_under_a_name_that_is_free() -> None:
    rules = (rule("escalate create", "clusterroles", RBAC), rule("bind", "clusterroles", RBAC, "fresh"), binds())
    assert escalated(*rules) == {"Sink:cluster-admin"}
    taken = (rule("escalate create", "clusterroles", RBAC), rule("bind", "clusterroles", RBAC, "r"), binds())
    assert escalated(*taken) == set()


def acts_as(*rules, namespace: str = "", more=()) -> set[str]:
    return targets(edges, "IMPERSONATE", *may(*rules, namespace=namespace), *more)


def test_a_group_is_only_added_to_somebody() -> None:
    assert acts_as(rule("impersonate", "groups")) == set()
    assert "Group:system:masters" in acts_as(rule("impersonate", "users groups"))
    assert acts_as(rule("impersonate", "groups", names="ops"), rule("impersonate", "serviceaccounts")) == {
        "Group:ops",
        "SA:a/x",
    }


def test_users_and_groups_are_never_impersonated_by_rights_of_a_namespace() -> None:
    assert acts_as(rule("impersonate", "users groups"), namespace="a") == set()


def test_accounts_are_impersonated_where_the_right_holds() -> None:
    assert acts_as(rule("impersonate", "serviceaccounts"), namespace="a", more=[account("y"), account("z", "b")]) == {
        "SA:a/x",
        "SA:a/y",
    }


def test_users_that_bindings_name_can_be_impersonated() -> None:
    more = [bind("b", "ClusterRole/edit", "User:alice", "User:system:serviceaccount:a:y")]
    assert acts_as(rule("impersonate", "users"), more=more) == {"User:alice"}
    assert acts_as(rule("impersonate", "users", names="bob system:serviceaccount:a:y")) == {"User:bob"}


def test_tokens_are_asked_for_by_name() -> None:
    told = may(rule("create", "serviceaccounts/token", names="t1"), namespace="a")
    assert targets(edges, "TOKEN_REQUEST", *told, account("t1"), account("t2")) == {"SA:a/t1"}
    wide = may(rule("create", "serviceaccounts/token"), namespace="a")
    assert targets(edges, "TOKEN_REQUEST", *wide, account("t1"), account("t2", "b")) == {"SA:a/x", "SA:a/t1"}


def test_rights_through_implicit_groups_are_held() -> None:
    told = (account("x"), bind("b", "ClusterRole/cluster-admin", "Group:system:authenticated"))
    assert targets(edges, "HAS_PERMISSION", *told) == {ADMIN}


def test_a_binding_to_a_missing_role_gives_nothing() -> None:
    assert targets(edges, "HAS_PERMISSION", account("x"), bind("b", "ClusterRole/none", "SA:a/x")) == set()


def test_a_role_of_all_rights_is_the_whole_cluster_whatever_its_name() -> None:
    told = may(rule("*", "*", "*"))
    assert targets(edges, "HAS_PERMISSION", *told, source="ClusterRole/r") == {"Sink:cluster-admin"}
    inside = may(rule("*", "*", "*"), namespace="a")
    assert targets(edges, "HAS_PERMISSION", *inside, source="Role/r@a") == set()


def test_masters_are_the_whole_cluster() -> None:
    assert targets(edges, "HAS_PERMISSION", source="Group:system:masters") == {ADMIN}


def test_each_choice_of_bindings_is_an_edge_of_its_own() -> None:
    told = model(*may(binds(), name="w1"), *may(binds(), name="w2"), *may(rule("bind", "clusterroles", RBAC, "edit")))
    found = [one.objects for one in edges(told) if one.kind == "ROLE_BIND"]
    assert len(found) == 2
    assert {name for one in found for name in one} >= {"ClusterRoleBinding/w1", "ClusterRoleBinding/w2"}
