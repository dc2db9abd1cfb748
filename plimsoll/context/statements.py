"""What a source says about people and their work: statements, cut to size, since their texts are anybody's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, TypeVar

import polars as pl

from plimsoll import errors, frames, tables

Record = TypeVar("Record")
Kind = Literal["admin", "ticket", "change", "window", "rollout", "grant"]
MOST = 20_000
"""Statements taken from one source."""
LONGEST = 300
"""Letters of one text."""
MANY = 200
"""Entries of one list."""
EARLIEST, LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Statement(NamedTuple):
    """One thing a source says; its fields are the columns of tables.CONTEXT."""

    kind: Kind
    id: str
    url: str = ""
    title: str = ""
    subjects: tuple[str, ...] = ()
    creator: str | None = None
    approver: str | None = None
    created: datetime | None = None
    approved: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    scope: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    strong: bool = False
    edited: datetime | None = None


class Said(NamedTuple):
    """What a source said."""

    statements: list[Statement]
    problems: list[str]
    """What of it could not be used, and why."""

    def add(self, more: Said) -> None:
        """Take in what else it said."""
        self.statements.extend(more.statements)
        self.problems.extend(more.problems)


class Silent(Exception):
    """A source that says nothing; its text is why."""

    def __init__(self, reason: str, rest: timedelta | None = None) -> None:
        super().__init__(plain(reason))
        self.rest = rest
        """How long it is to be left in peace, where it said so."""


class Asked(NamedTuple):
    """What a source is asked about."""

    now: datetime
    since: datetime
    """From when on what repeats is of interest."""
    seen: dict[str, datetime] = {}  # noqa: RUF012  each source has its own, from one asking to the next
    """When something was seen first as it is: for sources that do not say when they were changed."""

    def first_seen(self, what: str) -> datetime:
        """Return when this was seen first."""
        if len(self.seen) > MOST:
            self.seen.clear()  # it counts as new again, which excuses less
        return self.seen.setdefault(what, self.now)


BROKEN = errors.BROKEN
"""What reading a hostile record may raise."""


def plain(text: object, longest: int = LONGEST) -> str:
    r"""Return a text in one printable line, cut to size.

    >>> plain("patch\x1b[31m the\nweb \u202egnp")
    'patch?[31m the web ?gnp'
    """
    cut = str(text)[: longest * 4]
    line = " ".join(cut.split())[:longest]
    return "".join(char if char.isprintable() else "?" for char in line)


def link(url: object) -> str:
    """Return a URL that a browser may be sent to; anything else is none.

    >>> link("https://tickets.example/OPS-1"), link("javascript:alert(1)")
    ('https://tickets.example/OPS-1', '')
    """
    text = str(url or "")
    sound = text.startswith(("https://", "http://")) and len(text) <= 2000 and text.isprintable() and " " not in text
    return text if sound else ""


def moment(text: object) -> datetime | None:
    """Return the moment an ISO 8601 text tells; without a zone it is none.

    >>> moment("2026-01-02T03:04:05.000+0100")
    datetime.datetime(2026, 1, 2, 2, 4, 5, tzinfo=datetime.timezone.utc)
    >>> moment("2026-01-02"), moment(None)
    (None, None)
    """
    if not isinstance(text, str | datetime):
        return None
    try:
        told = text if isinstance(text, datetime) else datetime.fromisoformat(text[:64])
        return _bounded(told.astimezone(UTC)) if told.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _bounded(told: datetime) -> datetime | None:
    return told if EARLIEST <= told <= LATEST else None


def each(records: Iterable[Record], of: Callable[[Record], Iterable[Statement]]) -> Said:
    """Return the statements of records; one that cannot be read is a problem of its own.

    >>> each([1, 0], lambda record: [Statement("ticket", str(1 // record))])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ZeroDivisionError: ...
    >>> each(["1", "x"], lambda record: [Statement("ticket", str(int(record)))]).problems
    ["record 2: invalid literal for int() with base 10: 'x'"]
    """
    said = Said([], [])
    for number, record in enumerate(records, 1):
        try:
            said.statements.extend(of(record))
        except BROKEN as broken:
            said.problems.append(plain(f"record {number}: {broken}"))
        if len(said.statements) > MOST:
            del said.statements[MOST:]
            said.problems.append(f"says more than {MOST:,} things; the rest is left out")
            break
    return said


def frame(said: Iterable[tuple[str, Statement, datetime]]) -> pl.DataFrame:
    """Return statements, each with the name of its source and the time it was fetched, as a frame of tables.CONTEXT."""
    return frames.of_rows(tables.CONTEXT, [_row(*one) for one in said])


def _row(source: str, told: Statement, fetched: datetime) -> dict[str, object]:
    return told._asdict() | {
        "source": source,
        "fetched": fetched,
        "id": plain(told.id),
        "url": link(told.url),
        "title": plain(told.title),
        "subjects": _texts(told.subjects),
        "creator": plain(told.creator) if told.creator else None,
        "approver": plain(told.approver) if told.approver else None,
        "scope": _texts(told.scope),
        "allows": _texts(told.allows),
    }


def _texts(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(plain(value) for value, _ in zip(values, range(MANY), strict=False)))
