from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.rbac_nodes import edges, on_own_node
from tests.paths.clusters import deployment, may, model, pod, rule
from tests.paths.shown import targets

AGENT = pod("agent", serviceAccountName="x", nodeName="n1")
MOVED = deployment("moved", "b", serviceAccountName="boss")
PINNED = deployment("pinned", "c", serviceAccountName="pinned", nodeSelector={"disk": "ssd"})
QUIET = deployment("quiet", "d", serviceAccountName="quiet", automountServiceAccountToken=False)


def test_who_taints_nodes_draws_pods_that_can_move_and_have_a_token() -> None:
    told = (*may(rule("patch", "nodes")), AGENT, MOVED, PINNED, QUIET)
    assert targets(edges, "POD_STEAL", *told) == {"SA:b/boss"}


def test_it_takes_a_node_that_one_controls() -> None:
    found = [one for one in edges(model(*may(rule("patch", "nodes")), AGENT, MOVED)) if one.source == "Node:n1"]
    assert [one.kind for one in found] == ["NODE_TOKEN_THEFT"]
    assert found[0].target != "SA:a/x"


def test_a_nodes_status_needs_a_way_to_remove_pods() -> None:
    assert targets(edges, "POD_STEAL", *may(rule("patch", "nodes/status")), AGENT, MOVED) == set()
    for rights in (rule("delete", "pods"), rule("create", "pods/eviction"), rule("update", "pods/status")):
        assert targets(edges, "POD_STEAL", *may(rule("patch", "nodes/status"), rights), AGENT, MOVED) == {"SA:b/boss"}


def test_rights_of_a_namespace_move_nothing() -> None:
    assert targets(edges, "POD_STEAL", *may(rule("patch", "nodes"), namespace="a"), AGENT, MOVED) == set()


def test_a_container_that_takes_its_node_controls_one() -> None:
    token = Edge("TOKEN_MOUNT", "Container:a/agent/c", "SA:a/x", "")
    told = [*edges(model(*may(rule("patch", "nodes")), AGENT, MOVED)), token]
    assert list(on_own_node(told)) == []
    (found,) = on_own_node([*told, Edge("CE_PRIVILEGED", "Container:a/agent/c", "Node:n1", "")])
    assert (found.kind, found.source) == ("TOKEN_MOUNT", "Container:a/agent/c")
