import pytest

from plimsoll.paths.edges.rbac_running import edges
from tests.paths.clusters import may, model, node, pod, rule, thing
from tests.paths.shown import targets

PODS = (pod("p1"), pod("p2"), pod("q", "b"))


@pytest.mark.parametrize(
    ("verb", "resource"),
    [("create", "pods/exec"), ("create", "pods/attach"), ("get", "pods/exec"), ("create", "*/exec"), ("*", "*")],
)
def test_commands_run_where_exec_or_attach_is_allowed(verb: str, resource: str) -> None:
    told = may(rule(verb, resource), namespace="a")
    assert targets(edges, "POD_EXEC", *told, *PODS) == {"Container:a/p1/c", "Container:a/p2/c"}


@pytest.mark.parametrize(("verb", "resource"), [("create", "pods/*"), ("create", "pods"), ("list", "pods/exec")])
def test_what_only_looks_like_it_gives_nothing(verb: str, resource: str) -> None:
    assert targets(edges, "POD_EXEC", *may(rule(verb, resource)), *PODS) == set()


def test_a_get_is_not_enough_in_newer_clusters() -> None:
    new = node("n1") | {"status": {"nodeInfo": {"kubeletVersion": "v1.35.1"}}}
    assert targets(edges, "POD_EXEC", *may(rule("get", "pods/exec")), *PODS, new) == set()
    assert targets(edges, "POD_EXEC", *may(rule("create", "pods/exec"), namespace="b"), *PODS, new) == {
        "Container:b/q/c"
    }


def test_names_limit_exec_to_pods() -> None:
    assert targets(edges, "POD_EXEC", *may(rule("create", "pods/exec", names="p1")), *PODS) == {"Container:a/p1/c"}


def test_images_and_ephemeral_containers_can_be_changed() -> None:
    assert targets(edges, "POD_PATCH", *may(rule("patch", "pods"), namespace="b"), *PODS) == {"Container:b/q/c"}
    told = may(rule("update", "pods/ephemeralcontainers"), namespace="b")
    assert targets(edges, "POD_EPHEMERAL", *told, *PODS) == {"Container:b/q/c"}


SERVICE = thing("Service", "s", "a", spec={"selector": {"app": "p1"}, "ports": [{"port": 80}]})


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        (rule("create", "pods/portforward"), {"Endpoint:a/s", "Container:a/p1/c", "Container:a/p2/c"}),
        (rule("get", "services/proxy", names="s:http"), {"Endpoint:a/s"}),
        (rule("get", "pods/proxy", names="p1"), {"Endpoint:a/s", "Container:a/p1/c"}),
        (rule("get", "pods/proxy", names="p2"), {"Container:a/p2/c"}),
    ],
)
def test_ports_are_called_through_the_api_server(rights: dict[str, object], expected: set[str]) -> None:
    assert targets(edges, "POD_PORTFORWARD", *may(rights, namespace="a"), *PODS, SERVICE) == expected


def test_a_port_that_is_called_is_not_held() -> None:
    found = edges(model(*may(rule("create", "pods/portforward")), *PODS))
    assert not any(one.walk for one in found if one.kind == "POD_PORTFORWARD" and one.target.startswith("~containers"))


def test_the_kubelet_runs_commands_in_all_its_containers() -> None:
    told = (pod("p1", nodeName="n1"), pod("p2", nodeName="n2"))
    assert targets(edges, "NODE_PROXY", *may(rule("get", "nodes/proxy")), *told) == {
        *("Container:a/p1/c", "Container:a/p2/c"),
        *("Node:n1", "Node:n2"),
    }
    assert targets(edges, "NODE_PROXY", *may(rule("create", "nodes/proxy", names="n1")), *told) == {
        "Container:a/p1/c",
        "Node:n1",
    }


@pytest.mark.parametrize(("resource", "namespace"), [("nodes", ""), ("nodes/proxy", "a"), ("nodes/log", "")])
def test_other_rights_over_nodes_run_nothing(resource: str, namespace: str) -> None:
    assert targets(edges, "NODE_PROXY", *may(rule("get create", resource), namespace=namespace), *PODS) == set()
