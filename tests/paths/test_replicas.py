from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.replicas import Replicas
from tests.paths.clusters import model, pod


def replicas(**spec: object) -> Model:
    pods = [pod(f"w{number}", nodeName=f"n{number}", **spec) for number in (1, 2)]
    for one in pods:
        one["metadata"] |= {"labels": {}, "ownerReferences": [{"kind": "ReplicaSet", "name": "w", "controller": True}]}
    return model(*pods, pod("alone"))


def each(*edges: Edge) -> list[tuple[str, str]]:
    return [(one.source, one.target) for one in Replicas(replicas()).each(edges)]


def test_what_is_said_of_one_is_said_of_each() -> None:
    assert each(Edge("TOKEN_MOUNT", "Container:a/w1/c", "SA:a/x", "")) == [
        ("Container:a/w1/c", "SA:a/x"),
        ("Container:a/w2/c", "SA:a/x"),
    ]


def test_a_node_has_only_its_own_pods() -> None:
    assert each(Edge("NODE_CONTROLS_POD", "Node:n2", "Container:a/w1/c", "")) == [("Node:n2", "Container:a/w2/c")]


def test_what_one_pods_containers_share_stays_within_the_pod() -> None:
    found = each(Edge("SHARE_PS_NAMESPACE", "Container:a/w1/c", "Container:a/w1/c", ""))
    assert found == [("Container:a/w1/c", "Container:a/w1/c"), ("Container:a/w2/c", "Container:a/w2/c")]


def test_other_edges_stay_as_they_are() -> None:
    assert each(Edge("TOKEN_MOUNT", "Container:a/alone/c", "SA:a/x", "")) == [("Container:a/alone/c", "SA:a/x")]


def test_replicas_are_found_by_their_own_names() -> None:
    assert Replicas(replicas()).first_of == {"Container:a/w2/c": "Container:a/w1/c"}
