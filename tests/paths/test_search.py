from hypothesis import given

from plimsoll.paths import search
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.search import Ways
from tests.paths.drawn import NAMES, TARGET, graphs

STEP, HARD = "TOKEN_MOUNT", "CE_RAWIO"


def cost(edge: Edge) -> float:
    return 5.0 if edge.kind == HARD else 1.0


def ways(edges: list[Edge], target: str = "t", *, conditional: bool = False) -> Ways:
    return Ways(Graph(edges), [target], cost, conditional=conditional)


def test_the_easiest_way_is_not_the_shortest_where_a_step_is_hard() -> None:
    told = ways([Edge(HARD, "s", "t", ""), Edge(STEP, "s", "m", ""), Edge(STEP, "m", "t", "")])
    one = told.easiest("s")
    assert one is not None
    assert (one.nodes, one.cost) == (("s", "m", "t"), 2.0)


def test_conditional_steps_count_only_when_asked_for() -> None:
    edges = [Edge(STEP, "s", "t", "", conditional=True)]
    assert ways(edges).easiest("s") is None
    assert ways(edges, conditional=True).easiest("s") is not None


def test_what_is_only_reached_leads_nowhere() -> None:
    assert ways([Edge("NET_REACH", "s", "m", "", walk=False), Edge(STEP, "m", "t", "")]).easiest("s") is None


def test_sets_are_folded_away() -> None:
    one = ways(
        [Edge(STEP, "s", "~all SA:*", "why"), Edge("", "~all SA:*", "SA:a/x", ""), Edge(STEP, "SA:a/x", "t", "")]
    ).easiest("s")
    assert one is not None
    assert one.nodes == ("s", "SA:a/x", "t")
    assert len(one.raw) == 3


def test_further_ways_differ_and_come_in_order() -> None:
    edges = [Edge(STEP, "s", "m", ""), Edge(STEP, "m", "t", ""), Edge(HARD, "s", "t", ""), Edge(HARD, "m", "t", "")]
    found = ways(edges).several("s", 5)
    assert [one.kinds for one in found] == [(STEP, STEP), (HARD,)]
    assert [one.kind for one in found[0].beside(Graph(edges))] == [HARD]


def test_no_way_goes_twice_through_one_node() -> None:
    edges = [Edge(STEP, "s", "m", ""), Edge(STEP, "m", "n", ""), Edge(STEP, "n", "m", ""), Edge(STEP, "m", "t", "")]
    assert [one.nodes for one in ways(edges).several("s", 5)] == [("s", "m", "t")]


def test_a_target_is_no_start() -> None:
    assert ways([Edge(STEP, "t", "s", ""), Edge(STEP, "s", "t", "")]).easiest("t") is None


def reachable(graph: Graph, start: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        for edge in graph.out.get(waiting.pop(), ()):
            if edge.walk and edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return TARGET in seen


@given(graphs())
def test_there_is_a_way_exactly_where_the_target_can_be_reached(graph: Graph) -> None:
    told = Ways(graph, [TARGET], cost)
    for start in NAMES:
        assert (told.easiest(start) is not None) is reachable(graph, start)


@given(graphs())
def test_steps_of_a_way_follow_each_other_and_are_edges(graph: Graph) -> None:
    told = Ways(graph, [TARGET], cost)
    for start in NAMES[:-1]:
        for one in told.several(start, 4):
            assert all(edge in graph.edges for edge in one.raw)
            assert all(first.target == second.source for first, second in zip(one.raw, one.raw[1:], strict=False))
            assert one.nodes[0] == start
            assert one.nodes[-1] == TARGET
            assert len(set(one.nodes)) == len(one.nodes)


def test_a_route_that_ends_in_a_set_shows_its_wildcard() -> None:
    assert search.route([Edge(STEP, "s", "~secrets Secret:*/*", "")], 1.0).nodes == ("s", "Secret:*/*")
