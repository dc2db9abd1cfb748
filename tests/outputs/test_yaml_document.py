"""YAML: one document, times stay text."""

from __future__ import annotations

import pytest
import yaml

from plimsoll.outputs import places, yaml_document


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_one_sequence(stolen_token, count):
    text = "".join(yaml_document.text([stolen_token] * count, places.Place()))
    assert [row["time"] for row in yaml.safe_load(text)] == ["2026-01-02T03:04:05.678901Z"] * count


def test_rows_look_like_the_document_of_their_list(some_alerts):
    assert "".join(yaml_document.text(some_alerts, places.Place())) == yaml_document.document(some_alerts)


def test_a_value_that_occurs_twice_is_said_twice():
    shared = ["a"]
    assert yaml_document.document([shared, shared]) == "- - a\n- - a\n"
