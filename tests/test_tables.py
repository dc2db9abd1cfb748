from __future__ import annotations

import typing

import pytest

from plimsoll import tables

TABLES = {name: table for name, table in vars(tables).items() if name.isupper() and name != "STREAMS" and len(name) > 1}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_has_a_type_we_know_and_a_sentence(table: tables.Table) -> None:
    for column in table:
        assert column.type in typing.get_args(tables.Type)
        assert column.doc.strip(), column.name


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_column_stands_once_and_has_no_dot_in_its_name(table: tables.Table) -> None:
    names = tables.names(table)
    assert len(set(names)) == len(names)
    assert not [name for name in names if "." in name]


@pytest.mark.parametrize("stream", tables.STREAMS)
def test_every_event_has_its_number_and_time_first(stream: str) -> None:
    assert tables.names(tables.STREAMS[stream])[:2] == ("evt_num", "time")


def test_a_name_means_the_same_type_in_every_table() -> None:
    types: dict[str, set[str]] = {}
    for table in TABLES.values():
        for column in table:
            types.setdefault(column.name, set()).add(column.type)
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}
