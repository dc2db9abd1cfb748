"""JSON Lines: a line is an object."""

from __future__ import annotations

import json

from plimsoll import tables
from plimsoll.outputs import jsonl, places


def lines(rows):
    return list(jsonl.text(rows, places.Place()))


def test_a_line_has_the_fields_of_the_table_in_order(stolen_token):
    assert tuple(json.loads(lines([stolen_token])[0])) == tables.names(tables.ALERTS)


def test_time_has_microseconds_and_z(stolen_token):
    assert json.loads(lines([stolen_token])[0])["time"] == "2026-01-02T03:04:05.678901Z"


def test_no_rows_are_no_lines():
    assert lines([]) == []


def test_a_line_break_in_a_value_breaks_no_line(hostile):
    assert lines([hostile])[0].count("\n") == 1
