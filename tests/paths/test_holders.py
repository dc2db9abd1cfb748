from plimsoll.paths import holders
from tests.paths.clusters import RBAC, bind, cluster_role, may, model, rule

WRITE = rule("create", "clusterrolebindings", RBAC)


def test_roles_that_can_be_bound_step_by_step_are_held_too() -> None:
    second = cluster_role("second", WRITE, rule("bind", "clusterroles", RBAC, "third"))
    told = model(
        *may(WRITE, rule("bind", "clusterroles", RBAC, "second")), second, cluster_role("third", rule("get", "pods"))
    )
    assert {"ClusterRole/second", "ClusterRole/third"} <= {one.id for one in holders.of(told)}


def test_administrators_need_to_bind_nothing() -> None:
    told = model(bind("b", "ClusterRole/cluster-admin", "SA:a/x"))
    assert holders.of(told).bindable["SA:a/x"] == []
    assert holders.is_admin(told.powers("SA:a/x"))
    assert not holders.is_admin(model(bind("b", "ClusterRole/cluster-admin", "SA:a/x", namespace="a")).powers("SA:a/x"))


def test_roles_of_a_holder_are_held_bindable_or_itself() -> None:
    told = model(*may(WRITE, rule("bind", "clusterroles", RBAC, "edit")))
    found = {one.id: one for one in holders.of(told)}
    assert {one.name for one in holders.roles_of(told, found["SA:a/x"])} == {"r", "edit"}
    assert [(one.kind, one.name, one.namespace) for one in holders.roles_of(told, found["ClusterRole/edit"])] == [
        ("ClusterRole", "edit", "")
    ]
