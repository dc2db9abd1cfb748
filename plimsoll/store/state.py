"""What people decided about a profile, and what else changes in place: small tables in SQLite."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from plimsoll import errors
from plimsoll.store import durable
from plimsoll.store.database import Database

FILE = "state.sqlite"

Row = TypeVar("Row")

MIGRATIONS = (
    """
    CREATE TABLE approvals (
        subject TEXT NOT NULL, verb TEXT NOT NULL, object TEXT NOT NULL,
        by TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL,
        PRIMARY KEY (subject, verb, object)
    ) WITHOUT ROWID;
    CREATE TABLE forgotten (
        subject TEXT NOT NULL PRIMARY KEY, day INTEGER NOT NULL, at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE kv (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
)


class Approval(NamedTuple):
    """A fact that a person called normal, though it was not learned."""

    subject: str
    """A subject, or a glob of subjects."""
    verb: str
    object: str
    by: str
    at: dt.datetime
    note: str = ""


class State:
    """The small tables of one profile directory; every call is one transaction and is durable when it returns."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / FILE
        self._database = Database(self.path, MIGRATIONS, "state of a profile")

    def create(self) -> None:
        """Make the tables, or bring older ones up to date; the caller holds the directory's lock."""
        with self._database.writing(make=True):
            pass

    def approve(self, approval: Approval) -> None:
        """Record an approval; of two of the same fact the later one stands."""
        self._write(
            """INSERT INTO approvals VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (subject, verb, object)
               DO UPDATE SET by = excluded.by, at = excluded.at, note = excluded.note WHERE excluded.at >= at""",
            *(*approval[:4], _text(approval.at), approval.note),
        )

    def approvals(self) -> list[Approval]:
        """Return the approvals, in the order of what they approve."""
        return self._rows(
            Approval, "SELECT subject, verb, object, by, at, note FROM approvals ORDER BY subject, verb, object"
        )

    def forget(self, subject: str, day: int, at: dt.datetime) -> None:
        """Record that a subject's facts up to and including a day are dropped; the latest day stands."""
        self._write(
            """INSERT INTO forgotten VALUES (?, ?, ?) ON CONFLICT (subject)
               DO UPDATE SET day = max(day, excluded.day), at = max(at, excluded.at)""",
            *(subject, day, _text(at)),
        )

    def forgotten(self) -> dict[str, int]:
        """Return each subject of which facts are dropped, with the last day, in days since 1970, that is."""
        return dict(self._rows(tuple[str, int], "SELECT subject, day FROM forgotten ORDER BY subject"))

    def put(self, key: str, value: str) -> None:
        """Keep a value under a key, in the place of the one before."""
        self._write("INSERT INTO kv VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    def get(self, key: str) -> str | None:
        """Return the value kept under a key."""
        return next((value for (value,) in self._rows(tuple[str], "SELECT value FROM kv WHERE key = ?", key)), None)

    def check(self) -> None:
        """Read the whole file; damage is an InputError."""
        if self._rows(tuple[str], "PRAGMA integrity_check") != [("ok",)]:
            raise errors.InputError("damaged", file=str(self.path))

    def _write(self, statement: str, *values: str | int) -> None:
        with durable.locked(self.directory), self._database.writing() as database:
            database.execute(statement, values)

    def _rows(self, row: type[Row], statement: str, *values: str) -> list[Row]:
        with self._database.explained():
            return msgspec.convert(self._database.rows(statement, *values), list[row])  # type: ignore[valid-type]


def _text(time: dt.datetime) -> str:
    """Return a time as text that sorts as the times do."""
    return time.astimezone(dt.UTC).isoformat(timespec="microseconds")
