from hypothesis import given

from plimsoll.paths import graph
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from tests.paths.clusters import may, model, pod, rule
from tests.paths.drawn import graphs

WHOLE, PART = "~containers Container:*/*/*", "~containers Container:a/*/*"


def test_an_edge_to_a_set_is_shown_as_edges_to_its_members() -> None:
    told = Graph(
        [
            Edge("POD_EXEC", "SA:a/x", WHOLE, "r", ("Role/r",)),
            Edge("", WHOLE, PART, ""),
            Edge("", PART, "Container:a/p/c", ""),
        ]
    )
    assert list(told.shown()) == [Edge("POD_EXEC", "SA:a/x", "Container:a/p/c", "r", ("Role/r",))]


def test_a_set_without_members_is_shown_as_its_wildcard() -> None:
    (one,) = Graph([Edge("SECRET_READ", "SA:a/x", "~secrets Secret:a/*", "r")]).shown()
    assert one.target == "Secret:a/*"


def test_a_set_with_very_many_members_is_its_wildcard() -> None:
    members = [Edge("", PART, f"Container:a/p{number}/c", "") for number in range(1_200)]
    assert [one.target for one in Graph([Edge("POD_EXEC", "SA:a/x", PART, "r"), *members]).shown()] == [
        "Container:a/*/*"
    ]


def test_sets_that_hold_each_other_end() -> None:
    told = Graph(
        [
            Edge("POD_EXEC", "SA:a/x", WHOLE, "r"),
            Edge("", WHOLE, PART, ""),
            Edge("", PART, WHOLE, ""),
            Edge("", PART, "Container:a/p/c", ""),
        ]
    )
    assert {one.target for one in told.shown()} == {"Container:a/p/c"}


def test_a_group_of_sources_takes_the_kind_of_its_step() -> None:
    told = Graph(
        [
            Edge("", "Container:a/p/c", "~from Container:*", ""),
            Edge("NET_REACH", "~from Container:*", "Endpoint:a/s", "open", walk=False),
        ]
    )
    assert list(told.shown()) == [Edge("NET_REACH", "Container:a/p/c", "Endpoint:a/s", "open", walk=False)]


def test_the_graph_of_a_cluster_holds_what_rights_give() -> None:
    told = graph.build(model(pod("p"), *may(rule("create", "pods/exec"), namespace="a")))
    assert ("POD_EXEC", "SA:a/x", "Container:a/p/c") in {one[:3] for one in told.shown()}


@given(graphs())
def test_what_is_shown_has_no_sets_at_its_ends(told: Graph) -> None:
    assert not any(end.startswith("~") for one in told.shown() for end in (one.source, one.target))
