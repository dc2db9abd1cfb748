"""JSON: one document, whether it holds none, one or many."""

from __future__ import annotations

import json

import pytest

from plimsoll.outputs import json_document, places


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_one_array(stolen_token, count):
    text = "".join(json_document.text([stolen_token] * count, places.Place()))
    assert [row["id"] for row in json.loads(text)] == [stolen_token["id"]] * count


def test_rows_look_like_the_document_of_their_list(some_alerts):
    assert "".join(json_document.text(some_alerts, places.Place())) == json_document.document(some_alerts)
