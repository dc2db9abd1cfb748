from __future__ import annotations

import pytest

from plimsoll import errors
from plimsoll.posture import check, engine, expressions, frameworks, rows
from plimsoll.posture.objects import Cluster, Object

pytest.importorskip("cel", reason="the extra `cel` is not here")

ROW = """
lonely-frontend:
  title: One replica only
  danger: It is away while its pod moves.
  fix: Give it two.
  severity: low
  kinds: [Deployment, Pod]
  expression: {expression}
  field: spec.replicas
"""


@pytest.fixture
def judged():
    def judge(expression, body):
        made = rows.with_theirs({"mine.yaml": ROW.format(expression=expression).encode()})
        mine = [one for one in frameworks.chosen(made) if one.check.id == "lonely-frontend"]
        one = Object(body)
        return list(engine.Engine(mine).of(one, Cluster([one])))

    yield judge
    check.TESTS.pop("own.lonely-frontend", None)


def test_an_expression_holds_or_not(judged):
    (found,) = judged("object.spec.replicas < 2", {"kind": "Deployment", "spec": {"replicas": 1}})
    assert (found.field, found.message, found.controls) == (
        "spec.replicas",
        "One replica only",
        ("own:lonely-frontend",),
    )
    assert judged("object.spec.replicas < 2", {"kind": "Deployment", "spec": {"replicas": 3}}) == []
    assert judged("object.spec.replicas < 2", {"kind": "StatefulSet", "spec": {"replicas": 1}}) == []


def test_an_expression_sees_the_pod(judged):
    template = {"spec": {"template": {"spec": {"hostPID": True}}}}
    assert len(judged("pod.hostPID", {"kind": "Deployment", **template})) == 1
    assert len(judged("pod.hostPID", {"kind": "Pod", "spec": {"hostPID": True}})) == 1


def test_what_is_not_there_does_not_hold(judged):
    assert judged("object.spec.replicas < 2", {"kind": "Deployment"}) == []


@pytest.mark.parametrize("expression", ["object.kind", "object.spec < 1", "'1'"])
def test_what_is_neither_true_nor_false_is_told(judged, expression):
    (one,) = judged(expression, {"kind": "Deployment", "spec": {}})
    assert isinstance(one, engine.Unjudged)


def test_an_object_too_large_for_loops_within_each_other_is_not_judged(judged):
    nested = "object.spec.a.all(x, object.spec.a.all(y, x + y >= 0))"
    (one,) = judged(nested, {"kind": "Pod", "spec": {"a": list(range(5_000))}})
    assert "TooLarge" in one.reason
    assert len(judged(nested, {"kind": "Pod", "spec": {"a": [1, 2]}})) == 1


@pytest.mark.parametrize("expression", ["'1 +'", "'" + "1" * (expressions.LONGEST + 1) + "'", "object.nofunction("])
def test_what_is_no_expression_is_refused(expression):
    with pytest.raises(errors.InputError, match=r"mine\.yaml"):
        rows.with_theirs({"mine.yaml": ROW.format(expression=expression).encode()})


def test_the_library_is_asked_for_where_it_is_missing(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(expressions.importlib, "import_module", missing)
    with pytest.raises(errors.UsageError, match=r"plimsoll\[cel\]"):
        rows.with_theirs({"mine.yaml": ROW.format(expression="'true'").encode()})


def test_a_check_of_the_product_is_not_replaced():
    with pytest.raises(errors.InputError, match="another check"):
        rows.with_theirs(
            {"mine.yaml": ROW.format(expression="'true'").replace("lonely-frontend", "container-privileged").encode()}
        )


def test_rows_of_a_users_own_may_name_tests_of_the_product():
    row = b"mine: {title: T, danger: D, fix: F, severity: low, tests: [{test: pod_security.privileged, controls: [own:1]}]}"
    assert rows.with_theirs({"mine.yaml": row})[-1].id == "mine"
