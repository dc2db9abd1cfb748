import pytest

from plimsoll.paths import rights
from tests.paths.clusters import bind, cluster_role, may, model, role, rule


def who_may(identity: str, verb: str, group: str, resource: str, *bodies, namespace: str = "a", name: str = "") -> bool:
    return bool(model(*bodies).rights.may(identity, verb, group, resource, namespace, name))


@pytest.mark.parametrize(
    "group", ["system:authenticated", "system:serviceaccounts", "system:serviceaccounts:a", "system:unauthenticated"]
)
def test_everybody_is_in_the_groups_that_the_api_server_gives(group: str) -> None:
    told = (cluster_role("r", rule("get", "pods")), bind("b", "ClusterRole/r", f"Group:{group}"))
    assert who_may("SA:a/x", "get", "", "pods", *told) is (group != "system:unauthenticated")
    assert who_may("User:alice", "get", "", "pods", *told) is (group == "system:authenticated")
    assert who_may("Anyone", "get", "", "pods", *told) is (group == "system:unauthenticated")


def test_a_role_of_the_same_name_elsewhere_gives_nothing() -> None:
    told = (role("r", rule("get", "pods"), namespace="b"), bind("b", "Role/r", "SA:a/x", namespace="a"))
    assert not who_may("SA:a/x", "get", "", "pods", *told)


def test_a_cluster_role_bound_in_a_namespace_holds_there_alone() -> None:
    told = (cluster_role("r", rule("get", "pods")), bind("b", "ClusterRole/r", "SA:a/x", namespace="a"))
    assert who_may("SA:a/x", "get", "", "pods", *told)
    assert not who_may("SA:a/x", "get", "", "pods", *told, namespace="b")
    assert not model(*told).powers("SA:a/x").of(["get"], "", "pods", scoped=True)


@pytest.mark.parametrize(
    ("resources", "asked", "held"),
    [
        ("pods/*", "pods/exec", False),
        ("*/exec", "pods/exec", True),
        ("*", "pods/exec", True),
        ("pods", "pods/exec", False),
        ("pods/exec", "pods", False),
    ],
)
def test_wildcards_of_resources_are_those_of_kubernetes(resources: str, asked: str, held: bool) -> None:
    told = model(*may(rule("create", resources)))
    assert bool(told.powers("SA:a/x").of(["create"], "", asked)) is held
    assert bool(told.rights.may("SA:a/x", "create", "", asked, "a")) is held


def test_names_of_objects_never_allow_to_create_them() -> None:
    held = model(*may(rule("*", "secrets", names="one"))).powers("SA:a/x")
    assert not held.of(["create"], "", "secrets")
    assert [one.rule.names for one in held.of(["get", "create"], "", "secrets")] == [("one",)]


def test_names_limit_subresources() -> None:
    (one,) = (
        model(*may(rule("create", "serviceaccounts/token", names="t")))
        .powers("SA:a/x")
        .of(["create"], "", "serviceaccounts/token")
    )
    assert one.rule.names == ("t",)


def test_built_in_roles_are_there_and_gather_what_is_labelled_for_them() -> None:
    more = cluster_role(
        "more", rule("create", "widgets"), labels={"rbac.authorization.k8s.io/aggregate-to-edit": "true"}
    )
    told = (more, bind("b", "ClusterRole/edit", "SA:a/x", namespace="a"))
    assert who_may("SA:a/x", "create", "", "pods", *told)
    assert who_may("SA:a/x", "create", "", "widgets", *told)
    assert not who_may("SA:a/x", "create", "rbac.authorization.k8s.io", "roles", *told)


def test_a_built_in_role_is_nothing_to_change_unless_it_is_an_object() -> None:
    (grant,) = model(bind("b", "ClusterRole/cluster-admin", "SA:a/x")).powers("SA:a/x").all_in
    assert grant.objects == ("ClusterRoleBinding/b",)
    (own,) = model(*may(rule("get", "pods"))).powers("SA:a/x").of(["get"], "", "pods")
    assert own.objects == ("ClusterRoleBinding/r", "ClusterRole/r")


def test_a_user_named_like_a_service_account_is_it() -> None:
    told = (cluster_role("r", rule("get", "pods")), bind("b", "ClusterRole/r", "User:system:serviceaccount:a:x"))
    assert who_may("SA:a/x", "get", "", "pods", *told)
    assert list(model(*told).rights.subjects()) == ["SA:a/x"]


def test_alike_identities_share_one_answer() -> None:
    told = model(cluster_role("r", rule("get", "pods")), bind("b", "ClusterRole/r", "SA:a/x", "SA:a/y"))
    assert told.powers("SA:a/x") is told.powers("SA:a/y")


def test_a_role_where_it_is_bound_is_asked_like_an_identity() -> None:
    told = model(role("r", rule("get", "pods")))
    (grant,) = told.rights.of_role("Role", "r", "a").of(["get"], "", "pods")
    assert (grant.role, grant.objects) == ("Role/r@a", ("Role/a/r",))
    assert rights.names_of("Cloud:node") == []


def test_admission_keeps_a_node_to_itself_whatever_roles_it_is_given() -> None:
    rules = (rule("create", "pods nodes"), rule("create", "deployments", "apps"))
    told = model(*may(*rules, who="Group:system:nodes"))
    held = told.powers("User:system:node:n1")
    assert not held.of(["create"], "", "pods")
    assert held.of(["create"], "apps", "deployments")
    assert "User:system:node:*" in told.identities
