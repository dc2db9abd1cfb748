"""Rules at work on frames of audit events: as a slow evaluator of each event's JSON would say."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect.sigma import condition, engine, rule, values
from plimsoll.sources import audit_whole
from tests.detect.sigma import written


def frame(*events: dict[str, Any]) -> pl.DataFrame:
    return audit_whole.Whole().parse([json.dumps(one).encode() for one in events], 1).events


def event(**told: Any) -> dict[str, Any]:
    base = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "a", "stage": "ResponseComplete", "verb": "get",
        "user": {"username": "ann", "groups": ["dev"]}, "sourceIPs": ["10.0.0.7"], "requestURI": "/api",
        "stageTimestamp": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    return base | told


def hits(detection: str, *events: dict[str, Any]) -> list[int]:
    return engine.Engine([written.one(detection)]).hits(frame(*events))["row"].to_list()


POD = event(verb="create", objectRef={"resource": "pods", "namespace": "shop"})
HOST_PATH = POD | {"requestObject": {"spec": {"volumes": [{"hostPath": {"path": "/"}}]}}}


def test_all_fields_of_a_mapping_must_fit() -> None:
    assert hits("a: {verb: create, objectRef.resource: pods}\ncondition: a", event(), POD) == [1]


def test_any_mapping_of_a_list_may() -> None:
    assert hits("a: [{verb: get}, {objectRef.resource: pods}]\ncondition: a", event(), POD, event(verb="list")) == [
        0,
        1,
    ]


def test_what_has_no_column_comes_from_the_event() -> None:
    detection = "a: {verb: create, objectRef.resource: pods, hostPath: '*'}\ncondition: a"
    assert hits(detection, POD, HOST_PATH) == [1]
    assert hits("a: {requestObject.spec.volumes.hostPath.path: /}\ncondition: a", POD, HOST_PATH) == [1]
    assert hits("a: {user.username: ann}\nb: {hostPath: '*'}\ncondition: a and not b", POD, HOST_PATH) == [0]
    assert hits("b: {hostPath|exists: false}\ncondition: b", POD, HOST_PATH) == [0]


def test_words_alone_are_looked_for_in_the_whole_event() -> None:
    assert hits("a: [hostpath, nonsense]\ncondition: a", POD, HOST_PATH) == [1]
    assert hits("a: ['|all']\ncondition: a", POD) == []
    assert hits("a:\n  '|all': [hostPath, volumes]\ncondition: a", POD, HOST_PATH) == [1]


def test_a_requests_receipt_is_judged_only_where_the_stage_is_asked_for() -> None:
    receipt = event(stage="RequestReceived")
    assert hits("a: {verb: get}\ncondition: a", receipt) == []
    assert hits("a: {stage: RequestReceived}\ncondition: a", receipt) == [0]


def test_numbers_lists_and_missing_values() -> None:
    refused = event(responseStatus={"code": 403})
    assert hits("a: {responseStatus.code: [401, 403]}\ncondition: a", event(), refused) == [1]
    assert hits("a: {sourceIPs|cidr: 10.0.0.0/8}\ncondition: a", event(), event(sourceIPs=["1.1.1.1"])) == [0]
    assert hits("a: {objectRef.namespace: null}\ncondition: a", event(), POD) == [0]
    assert hits("a: {objectRef.namespace: shop}\ncondition: not a", event(), POD) == [0]


def test_rules_that_read_no_json_say_so() -> None:
    assert not engine.Engine([written.one("a: {verb: get}\ncondition: a")]).reads_events
    assert engine.Engine([written.one("a: {hostPath: x}\ncondition: a")]).reads_events


def test_no_rules_or_no_events_hit_nothing() -> None:
    assert engine.Engine([]).hits(frame(POD)).is_empty()
    assert engine.Engine([written.one("a: {verb: get}\ncondition: a")]).hits(frame().clear()).is_empty()


VERBS = st.sampled_from(["get", "create", "list"])
EVENTS = st.lists(
    st.builds(
        event,
        verb=VERBS,
        objectRef=st.fixed_dictionaries({}, optional={"resource": st.sampled_from(["pods", "secrets"])}),
        requestObject=st.fixed_dictionaries({}, optional={"hostPath": st.sampled_from(["/", "/etc"])}),
    ),
    min_size=1,
    max_size=5,
)
LEAVES = ("a", "b", "c", "d")
DETECTION = (
    "a: {verb: [get, list]}\nb: {objectRef.resource: pod*}\nc: {hostPath: /}\nd: {hostPath: '*', verb: create}\n"
)
CONDITIONS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join).map("({})".format)
        | inner.map("not {}".format)
    ),
    max_leaves=6,
)


@given(EVENTS, CONDITIONS)
def test_hits_are_those_of_a_slow_evaluator(events: list[dict[str, Any]], text: str) -> None:
    def slow(one: dict[str, Any]) -> bool:
        path, verb = one["requestObject"].get("hostPath"), one["verb"]
        held = {
            "a": verb in ("get", "list"),
            "b": one["objectRef"].get("resource") == "pods",
            "c": path == "/",
            "d": path is not None and verb == "create",
        }
        return bool(eval(text, {}, held))

    found = hits(f"{DETECTION}condition: {text}", *events)
    assert found == [number for number, one in enumerate(events) if slow(one)]


def test_the_longest_condition_is_compiled() -> None:
    many = " or ".join(["a"] * 700)
    assert hits(f"a: {{verb: get}}\ncondition: {many}", event()) == [0]
    deep = "not " * (condition.DEEPEST - 1) + "a"
    assert hits(f"a: {{verb: get}}\ncondition: {deep}", event()) == ([0] if condition.DEEPEST % 2 else [])


@pytest.mark.parametrize("depth", [30])
def test_a_deep_search_is_compiled(depth: int) -> None:
    assert hits(f"a: {'[' * depth}{{verb: get}}{']' * depth}\ncondition: a", event()) == [0]


def test_many_values_are_one_look_up() -> None:
    found = written.one(f"a: {{verb: [{', '.join(f'v{n}' for n in range(4000))}, get]}}\ncondition: a").searches["a"]
    assert isinstance(found, values.Test)
    assert len(found.checks) == 1
    assert not isinstance(found, rule.Tests)
