"""What a source makes of a run of lines: rows of its stream, and what it could not read.

A source is one module of this package. It has

    STREAM: "activity", "audit" or "flow"
    recognises(record) -> bool     is this decoded JSON value a record of this format?
    parse(lines, first) -> Parsed  the lines' events; `first` is the event number of the first record

    TEXT = True                    where its records are lines of text: `recognises` is given those

and never raises on what a line holds: a broken record becomes a reject. A source that has no need
of its own loop writes `rows(record) -> list of rows` and says `parse = records.each(STREAM, rows)`,
or `records.each(STREAM, rows, Struct)` to be given typed records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import polars as pl

from plimsoll import errors, frames, tables

Stream = Literal["activity", "audit", "flow"]
Row = Mapping[str, Any]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its zone, for the structs of sources: without a zone it is none."""


class Reject(NamedTuple):
    """A record that could not be read."""

    offset: int
    """Position of its line in the lines given, from 0."""
    reason: str
    """Why, in one short line."""


class Parsed(NamedTuple):
    """What a run of lines held."""

    events: pl.DataFrame
    """A frame of the stream's table; `evt_num` counts records, rejects included, from `first`."""
    accepted: int
    """Records read, those that teach nothing included; a line that wraps several records counts as several."""
    rejects: list[Reject]


class Unreadable(ValueError):
    """A record that is no record of its format; its text is the reason."""


BROKEN = errors.BROKEN
"""What reading a hostile record may raise."""

Parse = Callable[[Sequence[bytes], int], Parsed]


def each(
    stream: Stream,
    rows: Callable[[Any], Iterable[Row]],
    of: Any = Any,  # what msgspec takes as a type: a Struct, dict[str, Raw]
    split: Callable[[bytes], Sequence[bytes | msgspec.Raw]] | None = None,
) -> Parse:
    """Return a `parse` that decodes each record as JSON of type `of` and asks `rows` for its rows.

    `rows` returns no row for a well-formed record that teaches nothing and raises Unreadable
    (or any of BROKEN) for a broken one. It does not set `evt_num`. `split` takes a line that wraps
    several records apart.

    >>> parse = each("activity", lambda record: [{"evt_type": record["type"]}])
    >>> parsed = parse([b'{"type": "execve"}', b'{"type": 7}', b"{"], 1)
    >>> parsed.accepted, [reject.offset for reject in parsed.rejects]
    (1, [1, 2])
    """
    decode = msgspec.json.Decoder(of).decode
    return _parse(stream, lambda record: rows(decode(record)), split)


def each_line(stream: Stream, rows: Callable[[bytes], Iterable[Row]]) -> Parse:
    r"""Return a `parse` like that of `each` for records that are lines of text: `rows` is given the line itself.

    >>> parse = each_line("activity", lambda line: [{"evt_type": line.decode()}])
    >>> parse([b"execve", b"\xff"], 1).accepted
    1
    """
    return _parse(stream, lambda record: rows(bytes(record)), None)


def _parse(
    stream: Stream,
    read: Callable[[bytes | msgspec.Raw], Iterable[Row]],
    split: Callable[[bytes], Sequence[bytes | msgspec.Raw]] | None,
) -> Parse:
    table = tables.STREAMS[stream]
    check = checker(table)

    def parse(lines: Sequence[bytes], first: int) -> Parsed:
        found: list[Row] = []
        rejects: list[Reject] = []
        accepted = 0
        for offset, record in _records(lines, split):
            number = first + accepted + len(rejects)
            try:
                made = [] if record is None else [check(row, number) for row in read(_sound(record))]
            except BROKEN as broken:
                rejects.append(Reject(offset, reason(broken)))
            else:
                found += made
                accepted += 1
        filled = {name for row in found for name in row}
        columns = {name: [row.get(name) for row in found] for name in filled}
        return Parsed(frames.of_columns(table, columns, len(found)), accepted, rejects)

    return parse


Part = bytes | msgspec.Raw | Exception | None


def _records(
    lines: Sequence[bytes], split: Callable[[bytes], Sequence[bytes | msgspec.Raw]] | None
) -> Iterator[tuple[int, Part]]:
    """Yield each record with the offset of its line; an empty wrapper is one record (None) that teaches nothing."""
    for offset, line in enumerate(lines):
        if split is None:
            yield offset, line
            continue
        try:
            parts: Sequence[Part] = split(line) or (None,)
        except BROKEN as broken:
            parts = (broken,)
        for part in parts:
            yield offset, part


def _sound(record: bytes | msgspec.Raw | Exception) -> bytes | msgspec.Raw:
    if isinstance(record, Exception):
        raise record
    return record


def checker(table: tables.Table) -> Callable[[Row, int], Row]:
    """Return a function that gives a row its number, or raises Unreadable where a value is not of its column's type.

    Times come out as microseconds; a column without value is left out.

    >>> checker(tables.ACTIVITY)({"proc_pid": 7, "proc_name": None}, 1)
    {'evt_num': 1, 'proc_pid': 7}
    >>> checker(tables.ACTIVITY)({"proc_pid": True}, 1)
    Traceback (most recent call last):
    plimsoll.sources.records.Unreadable: proc_pid is no int64
    """
    types = {column.name: column.type for column in table}

    def check(row: Row, number: int) -> Row:
        made: dict[str, Any] = {"evt_num": number}
        for name, value in row.items():
            if value is None:
                continue
            kind = types[name]
            if not _CHECKS[kind](value):
                raise Unreadable(f"{name} is no {kind}")
            made[name] = microseconds(value) if kind == "time" else value
        return made

    return check


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_text(value: object) -> bool:
    """Lone surrogates are no text: they have no UTF-8 (RFC 3629 section 3)."""
    return isinstance(value, str) and (value.isascii() or _has_utf8(value))


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_texts(value: object) -> bool:
    return type(value) is list and all(map(_is_text, value))


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND


def _is_time(value: object) -> bool:
    if isinstance(value, datetime):
        return value.utcoffset() is not None and value >= EPOCH
    return type(value) is int and 0 <= value <= _LAST


def microseconds(moment: datetime | int) -> int:
    """Return a moment as microseconds since 1970.

    >>> microseconds(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return moment if isinstance(moment, int) else (moment - EPOCH) // _MICROSECOND


_CHECKS: dict[tables.Type, Callable[[object], bool]] = {
    "string": _is_text,
    "bool": lambda value: type(value) is bool,
    "int64": _is_int64,
    "float64": lambda value: type(value) is float or _is_int64(value),
    "time": _is_time,
    "list[string]": _is_texts,
}


def reason(broken: BaseException) -> str:
    """Return why a record is broken, in one short printable line."""
    plain = isinstance(broken, Unreadable | msgspec.MsgspecError)
    text = str(broken) if plain else f"{type(broken).__name__}: {broken}"
    first = (text.splitlines() or [""])[0] or type(broken).__name__
    return "".join(char if char.isprintable() else "?" for char in first[:200])
