"""What a source makes of a run of lines: rows of its stream, and what it could not read.

A source is one module of this package. It has

    STREAM: "activity", "audit" or "flow"
    recognises(record) -> bool     is this decoded JSON value a record of this format?
    parse(lines, first) -> Parsed  the lines' events; `first` is the event number of the first line

and never raises on what a line holds: a broken record becomes a reject. A source that has no need
of its own loop writes `rows(record) -> list of rows` and says `parse = records.each(STREAM, rows)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import polars as pl

from plimsoll import frames, tables

Stream = Literal["activity", "audit", "flow"]
Row = Mapping[str, Any]


class Reject(NamedTuple):
    """A record that could not be read."""

    offset: int
    """Position of its line in the lines given, from 0."""
    reason: str
    """Why, in one short line."""


class Parsed(NamedTuple):
    """What a run of lines held."""

    events: pl.DataFrame
    """A frame of the stream's table; `evt_num` counts records from `first`."""
    accepted: int
    """Records read, those that teach nothing included; a line that wraps several records counts as several."""
    rejects: list[Reject]


class Unreadable(ValueError):
    """A record that is no record of its format; its text is the reason."""


BROKEN = (msgspec.MsgspecError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What reading a hostile record may raise."""


def each(stream: Stream, rows: Callable[[Any], Iterable[Row]]) -> Callable[[Sequence[bytes], int], Parsed]:
    """Return a `parse` that decodes each line as JSON and asks `rows` for the rows of the record.

    `rows` returns no row for a well-formed record that teaches nothing and raises Unreadable
    (or any of BROKEN) for a broken one. It does not set `evt_num`.
    """
    table = tables.STREAMS[stream]
    decode = msgspec.json.Decoder().decode

    def parse(lines: Sequence[bytes], first: int) -> Parsed:
        found: list[Row] = []
        rejects: list[Reject] = []
        accepted = 0
        for offset, line in enumerate(lines):
            try:
                made = [{**row, "evt_num": first + offset} for row in rows(decode(line))]
                frames.of_rows(table, made)
            except BROKEN as broken:
                rejects.append(Reject(offset, reason(broken)))
            else:
                found += made
                accepted += 1
        return Parsed(frames.of_rows(table, found), accepted, rejects)

    return parse


def reason(broken: BaseException) -> str:
    """Return why a record is broken, in one short printable line."""
    text = str(broken) if isinstance(broken, Unreadable | msgspec.MsgspecError) else f"{type(broken).__name__}: {broken}"
    return "".join(char if char.isprintable() else "?" for char in text.splitlines()[0] if text)[:200] if text else type(broken).__name__
