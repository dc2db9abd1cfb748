"""Tables as Polars frames: their schema, an empty one, and rows or columns brought into shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from plimsoll import tables

_TYPES: dict[tables.Type, pl.DataType] = {
    "string": pl.String(),
    "bool": pl.Boolean(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "time": pl.Datetime("us", "UTC"),
    "list[string]": pl.List(pl.String()),
}


def schema(table: tables.Table) -> dict[str, pl.DataType]:
    """Return the Polars schema of a table.

    >>> schema(tables.FACTS)["count"]
    Int64
    """
    return {column.name: _TYPES[column.type] for column in table}


def empty(table: tables.Table) -> pl.DataFrame:
    """Return a frame of this table without rows."""
    return pl.DataFrame(schema=schema(table))


def of_rows(table: tables.Table, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a frame of rows; a missing key is null, a key the table does not know is an error (KeyError).

    >>> of_rows(tables.ALERTS, [{"id": "a", "bits": 1.0}]).height
    1
    """
    names = tables.names(table)
    known = frozenset(names)
    rows = list(rows)
    for row in rows:
        if not row.keys() <= known:
            raise KeyError(", ".join(sorted(row.keys() - known)))
    return of_columns(table, {name: [row.get(name) for row in rows] for name in names}, len(rows))


def of_columns(table: tables.Table, columns: Mapping[str, Sequence[Any]], height: int) -> pl.DataFrame:
    """Return a frame of columns, one list each; a column that is not given is null in all `height` rows."""
    return pl.DataFrame(
        [
            pl.Series(name, columns[name], dtype=dtype)
            if name in columns
            else pl.Series(name, [None], dtype=dtype).new_from_index(0, height)
            for name, dtype in schema(table).items()
        ]
    )


def own(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with texts of their own: rows that are picked out hold on to all texts of their batch.

    >>> own(pl.DataFrame({"a": ["x", None], "b": [["y", None], None]})).rows()
    [('x', ['y', None]), (None, None)]
    """
    return rows.with_columns(pl.col(pl.String) + "", pl.col(pl.List(pl.String)).list.eval(pl.element() + ""))
