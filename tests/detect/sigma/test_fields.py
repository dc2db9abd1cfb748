"""What a field means: a column, a path in the JSON, a key at any depth, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import tables
from plimsoll.detect.sigma import fields


def taken(event: Any, *names: str) -> list[list[str]]:
    made = [fields.field(name) for name in names]
    assert all(isinstance(one, fields.Field) for one in made)
    return fields.taken(json.dumps(event), tuple(made))  # type: ignore[arg-type]


def test_fields_that_are_columns_are_columns_of_the_table() -> None:
    assert set(fields.COLUMNS.values()) <= set(tables.names(tables.AUDIT))


@pytest.mark.parametrize("name", ["objectRef.resorce.x.y", "user.extra.a/b", "requestObject.spec.hostPID", "hostPath"])
def test_what_may_stand_in_an_event_is_taken_from_it(name: str) -> None:
    found = fields.field(name)
    assert isinstance(found, fields.Field)
    assert found.taken


@pytest.mark.parametrize("name", ["objectref.resource", "process.name", "Image.x"])
def test_what_is_no_field_says_so(name: str) -> None:
    assert "no field" in str(fields.field(name))


def test_lists_are_passed_through() -> None:
    event = {"requestObject": {"spec": {"containers": [{"image": "a"}, {"image": "b", "args": ["x", "y"]}]}}}
    images, arguments = taken(event, "requestObject.spec.containers.image", "requestObject.spec.containers[].args")
    assert (sorted(images), arguments) == (["a", "b"], ["x", "y"])


def test_a_key_may_have_dots() -> None:
    event = {"annotations": {"a.b/c": "1", "a": {"b/c": "2"}}}
    assert taken(event, "annotations.a.b/c") == [["1"]]


def test_a_word_alone_is_a_key_anywhere() -> None:
    event = {"requestObject": {"volumes": [{"hostPath": {"path": "/"}}, {"hostPath": None}], "privileged": True}}
    assert taken(event, "hostPath", "privileged", "capabilities") == [["{}"], ["true"], []]


def test_what_is_no_json_has_no_values() -> None:
    for text in (None, "", "{", "[" * 9999, '"x"'):
        assert fields.taken(text, (fields.field("hostPath"),)) == [[]]  # type: ignore[arg-type]


def test_a_giant_is_not_searched_for_ever() -> None:
    (found,) = taken({"x": [[[{"hostPath": "a"}] * 300] * 300]}, "hostPath")
    assert len(found) <= fields.MOST


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner)))  # fmt: skip
def test_any_event_has_values_or_none(event: Any) -> None:
    for values in taken({"requestObject": event}, "requestObject.a.b", "a", "requestObject"):
        assert all(isinstance(value, str) for value in values)
