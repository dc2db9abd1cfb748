from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.difference import difference
from tests.paths.clusters import Body, bind, model, pod

BOSS = bind("b", "ClusterRole/cluster-admin", "SA:a/x")
POD = pod("p", serviceAccountName="x")


def told(*bodies: Body) -> Answer:
    return Answer(model(*bodies), Question((), ("Sink:cluster-admin",)))


def ends(routes) -> list[tuple[str, str]]:
    return [(one.nodes[0], one.nodes[-1]) for one in routes]


def test_a_binding_that_is_added_opens_a_path_and_taken_away_closes_it() -> None:
    before, after = told(POD), told(POD, BOSS)
    assert ends(difference(before, after).opened) == [("Container:a/p/c", "Sink:cluster-admin")]
    assert ends(difference(after, before).closed) == [("Container:a/p/c", "Sink:cluster-admin")]


def test_another_way_between_the_same_ends_opens_nothing() -> None:
    before, after = told(POD, BOSS), told(POD, bind("c", "ClusterRole/cluster-admin", "SA:a/x"))
    assert difference(before, after) == ([], [])
