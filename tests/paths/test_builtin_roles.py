from plimsoll import frames, tables
from plimsoll.paths import builtin_roles
from plimsoll.rbac import grants


def rules(name: str) -> tuple[grants.Rule, ...]:
    return grants.granted(frames.of_rows(tables.OBJECTS, builtin_roles.rows())).roles["ClusterRole", "", name]


def may(name: str, verb: str, group: str, resource: str) -> bool:
    return any(grants.allows(one, grants.Request(verb, group, resource, "a", "")) for one in rules(name))


def test_admin_gathers_edit_and_edit_gathers_view() -> None:
    assert may("admin", "create", "rbac.authorization.k8s.io", "rolebindings")
    assert may("admin", "create", "", "pods/exec")
    assert may("admin", "list", "", "configmaps")
    assert may("edit", "get", "", "secrets")
    assert not may("edit", "create", "rbac.authorization.k8s.io", "rolebindings")
    assert may("view", "get", "", "pods/log")
    assert not may("view", "get", "", "secrets")


def test_no_built_in_role_but_the_controller_of_aggregation_may_escalate() -> None:
    able = {
        name for name in builtin_roles.names() if may(name, "escalate", "rbac.authorization.k8s.io", "clusterroles")
    }
    assert able == {"cluster-admin", "system:controller:clusterrole-aggregation-controller"}
