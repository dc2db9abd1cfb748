"""Plimsoll's own activity rows, as `plimsoll sensor record` writes them: the columns of `tables.ACTIVITY` under their names."""

from __future__ import annotations

from typing import Any

import msgspec

from plimsoll import tables
from plimsoll.sources import records

STREAM: records.Stream = "activity"

_TYPES: dict[tables.Type, Any] = {
    "string": str,
    "bool": bool,
    "int64": int,
    "float64": float,
    "time": records.Time,
    "list[string]": list[str],
}
Row = msgspec.defstruct(
    "Row", [(column.name, _TYPES[column.type] | None, None) for column in tables.ACTIVITY if column.name != "evt_num"]
)


def recognises(record: object) -> bool:
    """Return whether this is a row of ours.

    >>> recognises({"evt_source": "plimsoll", "evt_type": "execve"})
    True
    """
    return isinstance(record, dict) and record.get("evt_source") == "plimsoll" and "evt_type" in record


def rows(record: msgspec.Struct) -> list[records.Row]:
    """Return the row; without its time or its type it is none."""
    row = msgspec.structs.asdict(record)
    if row["time"] is None or not row["evt_type"]:
        raise records.Unreadable("no time or no evt_type")
    return [row]


parse = records.each(STREAM, rows, Row)
