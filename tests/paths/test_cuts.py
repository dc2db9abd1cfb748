import itertools

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths import cuts
from plimsoll.paths.cuts import Problem
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.search import Ways
from tests.paths.drawn import NAMES, TARGET, graphs


def step(source: str, target: str, *objects: str) -> Edge:
    return Edge("POD_EXEC", source, target, "", objects)


def smallest(*edges: Edge) -> tuple[str, ...] | None:
    return cuts.smallest(Problem(Graph(edges), ["s"], ["t"]))


def test_two_bindings_that_give_the_same_must_both_go() -> None:
    assert smallest(step("s", "t", "c1"), step("s", "t", "c2")) == ("c1", "c2")


def test_a_role_that_two_bindings_share_is_enough() -> None:
    assert smallest(step("s", "t", "c1", "r"), step("s", "t", "c2", "r")) == ("r",)


def test_a_step_that_all_ways_share_is_enough() -> None:
    edges = [step("s", name, f"Service/{name}") for name in "abc"] + [step(name, "m", f"Pod/{name}") for name in "abc"]
    assert smallest(*edges, step("m", "t", "ClusterRoleBinding/b")) == ("ClusterRoleBinding/b",)


def test_of_two_objects_that_would_do_a_binding_is_sooner_changed() -> None:
    assert smallest(step("s", "m", "Service/a/s"), step("m", "t", "RoleBinding/a/b")) == ("RoleBinding/a/b",)


def test_a_way_that_depends_on_no_object_cannot_be_closed() -> None:
    assert smallest(step("s", "t")) is None


def test_what_is_useless_is_not_chosen() -> None:
    problem = Problem(Graph([step("s", "t", "a", "b")]), ["s"], ["t"])
    assert cuts.smallest(problem, {"a"}) == ("b",)


def test_cuts_tell_how_many_of_the_listed_ways_they_close() -> None:
    graph = Graph([step("s1", "m", "Pod/a"), step("s2", "m", "Pod/b"), step("m", "t", "RoleBinding/a/b")])
    ways = Ways(graph, ["t"], lambda _: 1.0)
    routes = [route for name in ("s1", "s2") if (route := ways.easiest(name))]
    found = cuts.found(Problem(graph, ["s1", "s2"], ["t"]), graph, routes)
    assert [(one.objects, one.removes, one.of) for one in found] == [
        (("RoleBinding/a/b",), 2, 2),
        (("Pod/a",), 1, 2),
        (("Pod/b",), 1, 2),
    ]


def test_a_step_that_leads_there_by_another_set_remains() -> None:
    graph = Graph(
        [step("s", "~a X:*", "r1"), step("s", "~b X:*", "r2"), Edge("", "~a X:*", "t", ""), Edge("", "~b X:*", "t", "")]
    )
    route = Ways(graph, ["t"], lambda _: 1.0).easiest("s")
    assert route is not None
    assert cuts.broken([route], graph, frozenset({"r1"})) == []
    assert cuts.broken([route], graph, frozenset({"r1", "r2"})) == [route]


names = st.sampled_from("abcdef")
families = st.lists(st.frozensets(names, min_size=1, max_size=3), min_size=1, max_size=7)


@given(families)
def test_the_choice_hits_every_set_and_none_smaller_does(sets: list[frozenset[str]]) -> None:
    found = set(cuts.hitting(sets))
    assert all(found & one for one in sets)
    smaller = itertools.combinations("abcdef", len(found) - 1)
    assert not any(all(set(choice) & one for one in sets) for choice in smaller)


@given(graphs())
def test_a_cut_leaves_no_way_and_nothing_smaller_does(graph: Graph) -> None:
    problem = Problem(graph, NAMES[:3], [TARGET])
    found = cuts.smallest(problem)
    objects = sorted({name for edge in graph.edges for name in edge.objects})
    if found is None:
        assert problem.way(objects) is not None
        return
    assert problem.way(found) is None
    if found:
        smaller = itertools.combinations(objects, len(found) - 1)
        assert all(problem.way(choice) is not None for choice in smaller)


@given(graphs())
def test_the_part_on_ways_holds_all_of_them(graph: Graph) -> None:
    problem = Problem(graph, NAMES[:3], [TARGET])
    ways = Ways(graph, [TARGET], lambda _: 1.0)
    assert (problem.way(()) is not None) is any(ways.easiest(name) for name in NAMES[:3])


def test_too_many_rounds_end_in_a_cut_that_still_closes() -> None:
    problem = Problem(Graph([step("s", "t", "a"), step("s", "t", "b", "c")]), ["s"], ["t"])
    found = cuts._closed(problem, ("c", "b"), ())
    assert found is not None
    assert problem.way(found) is None
    assert set(found) >= {"a", "b"}


def test_an_object_that_closes_only_unlisted_ways_still_says_which_steps() -> None:
    graph = Graph([step("s", "t", "a"), step("s", "m", "b"), step("m", "t", "b")])
    route = Ways(graph, ["t"], lambda _: 1.0).easiest("s")
    assert route is not None
    (first, *_) = cuts.found(Problem(graph, ["s"], ["t"]), graph, [route])
    assert first.objects == ("a", "b")
    assert {name for edge in first.steps for name in edge.objects} == {"a", "b"}
