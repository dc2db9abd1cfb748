from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture import check, engine, frameworks, rows
from plimsoll.posture.objects import Cluster, Object

POD = Object({"kind": "Pod", "metadata": {"name": "p"}})


@pytest.fixture
def asked(request):
    """A function that makes an engine of one check whose tests fire on these fields."""
    names = []

    def make(*tests, kinds=("Pod",)):
        entries = []
        for number, (fields, controls, decides) in enumerate(tests):

            def run(one, cluster, fields=fields):
                for field in fields:
                    if isinstance(field, Exception):
                        raise field
                    yield check.Violation(field, f"{field} is wrong")

            name = f"made.test_{number}"
            names.append(name)
            check.TESTS[name] = check.Registered(run, kinds)
            entries.append(frameworks.Asked(check.Judged(name, controls), decides))
        row = check.Check("T", "D", "F", "low", tuple(one.judged for one in entries), id="c")
        return engine.Engine([frameworks.Chosen(row, tuple(entries))])

    yield make
    for name in names:
        check.TESTS.pop(name, None)


def found(made, one=POD):
    return [(one.field, one.controls) for one in made.judged(Cluster([one]))]


def test_tests_that_fire_on_one_field_or_a_part_of_it_are_one_finding(asked):
    made = asked((["a.b", "c"], ("x:1",), True), (["a.b.d", "a.b[1]", "ab"], ("y:2",), True))
    assert found(made) == [("a.b", ("x:1", "y:2")), ("c", ("x:1",)), ("ab", ("y:2",))]


def test_a_field_that_only_begins_alike_is_another(asked):
    made = asked((["a[1]"], ("x:1",), True), (["a[10]", "a-b"], ("y:2",), True))
    assert [field for field, _ in found(made)] == ["a[1]", "a[10]", "a-b"]


def test_the_whole_object_takes_all(asked):
    made = asked((["a", ""], ("x:1",), True), (["b"], ("y:2",), True))
    assert found(made) == [("", ("x:1", "y:2"))]


def test_a_test_that_does_not_decide_only_adds_its_controls(asked):
    made = asked((["a"], ("x:1",), True), (["a", "b"], ("y:2",), False))
    assert found(made) == [("a", ("x:1", "y:2"))]
    assert found(asked((["a"], ("x:1",), False))) == []


def test_a_test_that_fails_is_told_and_the_others_go_on(asked):
    made = asked((["a", ValueError("odd")], ("x:1",), True), (["b"], ("y:2",), True))
    unjudged, *rest = made.judged(Cluster([POD]))
    assert (unjudged.object, unjudged.reason) == (POD, "ValueError: odd")
    assert [one.field for one in rest] == ["b"]


def test_only_kinds_that_a_test_is_about_are_asked(asked):
    made = asked((["a"], ("x:1",), True))
    assert found(made, Object({"kind": "Job"})) == []
    assert found(asked((["a"], ("x:1",), True), kinds=("*",)), Object({"kind": "Job"}))


def test_places_of_one_test_are_bounded(asked):
    made = asked(([f"a[{number}]" for number in range(engine.MOST + 5)], ("x:1",), True))
    assert len(found(made)) == engine.MOST


def test_a_finding_says_what_was_found_first(asked):
    made = asked(([f"a.b{number}" for number in range(6)], ("x:1",), True), (["a"], ("y:2",), True))
    (one,) = made.judged(Cluster([POD]))
    assert one.message == "a.b0 is wrong; a.b1 is wrong; a.b2 is wrong; and 3 more"


paths = st.lists(st.sampled_from([".a", ".b", "[0]", "[1]"]), max_size=4).map(lambda parts: "".join(parts).lstrip("."))


@given(st.lists(paths, min_size=1, max_size=6))
def test_no_field_of_a_finding_is_a_part_of_another(fields):
    fired = [engine._Fired(None, check.Violation(field, "")) for field in fields]
    groups = engine._by_field(fired)
    assert sum(map(len, groups.values())) == len(fields)
    for outer, inner in product(groups, groups):
        assert outer == inner or engine._around(inner, {outer}) is None


def test_one_object_where_a_test_fires_everywhere_keeps_what_others_say(asked):
    made = asked(([f"a[{number}]" for number in range(3 * engine.MOST)], ("x:1",), True), (["b"], ("y:2",), True))
    assert found(made)[-1] == ("b", ("y:2",))


KINDS = sorted({kind for one in rows.own() for told in one.tests for kind in check.TESTS[told.test].kinds} - {"*"})
KEYS = st.sampled_from(
    [
        "metadata",
        "labels",
        "annotations",
        "spec",
        "template",
        "jobTemplate",
        "containers",
        "initContainers",
        "securityContext",
        "capabilities",
        "add",
        "volumes",
        "hostPath",
        "path",
        "env",
        "value",
        "valueFrom",
        "ports",
        "image",
        "command",
        "args",
        "data",
        "rules",
        "verbs",
        "resources",
        "subjects",
        "roleRef",
        "name",
        "webhooks",
        "selector",
        "podSelector",
        "matchLabels",
        "ingress",
        "egress",
        "from",
        "ports",
        "status",
        "limits",
        "requests",
        "items",
        "backend",
        "tls",
    ]
)
WORDS = st.sampled_from(["", "x", "*", "/", "ALL", "secrets", "2Gi", "1e400", "a/b:c@d", "--anonymous-auth=true"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
PODS = st.fixed_dictionaries({"containers": st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=2)})
SPECS = VALUES | PODS | st.fixed_dictionaries({"template": st.fixed_dictionaries({"spec": PODS})})


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), SPECS, st.dictionaries(KEYS, VALUES, max_size=5)), min_size=1, max_size=4
    )
)
def test_no_test_of_the_product_fails_on_any_object(bodies):
    made = [Object({**rest, "kind": kind, "spec": spec}) for kind, spec, rest in bodies]
    judging = engine.Engine(frameworks.chosen(rows.own()))
    assert [one for one in judging.judged(Cluster(made)) if isinstance(one, engine.Unjudged)] == []
