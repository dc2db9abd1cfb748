from __future__ import annotations

import datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import frames, tables

TABLES = {name: table for name, table in vars(tables).items() if name.isupper() and name != "STREAMS" and len(name) > 1}
VALUES = {
    "string": st.text(),
    "bool": st.booleans(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False),
    "time": st.datetimes(timezones=st.just(datetime.UTC)),
    "list[string]": st.lists(st.text(), max_size=3),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_frame_has_the_columns_of_its_table_in_order(table: tables.Table) -> None:
    made = frames.empty(table)
    assert made.height == 0
    assert made.columns == list(tables.names(table))
    assert frames.of_rows(table, []).schema == made.schema


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_missing_key_is_null(table: tables.Table) -> None:
    made = frames.of_rows(table, [{}, {}])
    assert made.schema == frames.schema(table)
    assert made.null_count().row(0) == (2,) * len(table)


def test_a_key_that_the_table_does_not_know_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        frames.of_rows(tables.ALERTS, [{"id": "a"}, {"colour": "red"}])


@given(st.lists(st.fixed_dictionaries({}, optional={c.name: VALUES[c.type] for c in tables.ALERTS}), max_size=5))
def test_rows_come_back_as_they_went_in(rows: list[dict[str, object]]) -> None:
    made = frames.of_rows(tables.ALERTS, rows)
    assert made.to_dicts() == [{name: row.get(name) for name in tables.names(tables.ALERTS)} for row in rows]


def test_columns_that_are_not_given_are_null_at_the_height_of_the_others() -> None:
    made = frames.of_columns(tables.FACTS, {"subject": ["a", "b", "c"]}, 3)
    assert made.schema == frames.schema(tables.FACTS)
    assert made.get_column("count").to_list() == [None] * 3
    assert frames.of_columns(tables.FACTS, {}, 0).equals(pl.DataFrame(schema=frames.schema(tables.FACTS)))


def test_rows_with_texts_of_their_own_are_the_same_rows():
    rows = [{"auditID": "a", "user_groups": ["dev", None]}, {"user_groups": []}, {}]
    for frame in (frames.of_rows(tables.AUDIT, rows), frames.empty(tables.AUDIT)):
        assert frames.own(frame).equals(frame)
        assert frames.own(frame).schema == frame.schema
