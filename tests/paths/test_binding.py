from plimsoll.paths import binding
from plimsoll.paths.granted import Holder
from tests.paths.clusters import RBAC, cluster_role, may, model, namespace, rule

WRITE, BIND = rule("create", "rolebindings", RBAC), rule("bind", "clusterroles", RBAC)


def bindable(*bodies) -> list[binding.Bound]:
    told = model(*bodies)
    return list(binding.bindable(told, Holder("SA:a/x", told.powers("SA:a/x"))))


def test_what_is_built_in_is_less_than_the_role_of_all_rights() -> None:
    assert [one.id for one in bindable(*may(WRITE, BIND, namespace="a"))] == ["ClusterRole/cluster-admin@a"]


def test_rights_over_all_namespaces_bind_in_each() -> None:
    found = bindable(*may(WRITE, BIND), namespace("a"), namespace("b"))
    assert {one.id for one in found} == {
        *("ClusterRole/cluster-admin@a", "ClusterRole/cluster-admin@b"),
        *("ClusterRole/r@a", "ClusterRole/r@b"),
    }


def test_where_there_are_very_many_one_stands_for_them() -> None:
    many = [namespace(f"n{number}") for number in range(60)] + [cluster_role(f"r{number}") for number in range(40)]
    assert {one.name for one in bindable(*may(WRITE, BIND), *many)} == {"cluster-admin"}


def test_a_role_where_it_is_bound_has_its_rights_there() -> None:
    told = model(cluster_role("r", rule("get", "pods")))
    (one,) = binding.powers(told, binding.Bound("ClusterRole", "r", "a", None)).grants
    assert (one.namespace, one.role) == ("a", "ClusterRole/r@a")
