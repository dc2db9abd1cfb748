"""What people decided about a profile, and what else changes in place: small tables in SQLite."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from plimsoll import errors
from plimsoll.store import durable

FILE = "state.sqlite"
TRIES = 5
BUSY_SECONDS = 5.0

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
"""Each takes the tables one version further; the file's user_version counts those that are done."""


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

    def create(self) -> None:
        """Make the tables, or bring older ones up to date; the caller holds the directory's lock."""
        with self._explained(), contextlib.closing(self._connected("rwc")) as database:
            database.execute("PRAGMA journal_mode = WAL")
            for number, migration in enumerate(MIGRATIONS, start=1):
                if number > _version(database):
                    database.executescript(f"BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {number}; COMMIT")

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
        with (
            self._explained(),
            durable.locked(self.directory),
            contextlib.closing(self._connected("rw")) as database,
            database,
        ):
            database.execute(statement, values)

    def _rows(self, row: type[Row], statement: str, *values: str) -> list[Row]:
        """Ask for rows; again where the last writer was just folding its log into the file.

        SQLite reads beside writers by memory that is a file. Where that cannot be made, on a full or a
        read-only disk, nobody writes either, and the file is read as one that stands still.
        """
        with self._explained():
            for _ in range(TRIES):
                with contextlib.suppress(sqlite3.OperationalError):
                    return self._asked("ro", row, statement, values)
                time.sleep(0.01)
            return self._asked("ro" if self._logged() else "ro&immutable=1", row, statement, values)

    def _asked(self, mode: str, row: type[Row], statement: str, values: tuple[str, ...]) -> list[Row]:
        with contextlib.closing(self._connected(mode)) as database:
            return msgspec.convert(database.execute(statement, values).fetchall(), list[row])  # type: ignore[valid-type]

    def _logged(self) -> bool:
        """Return whether SQLite's log holds what is not in the file yet."""
        log = self.path.with_name(f"{FILE}-wal")
        return log.exists() and log.stat().st_size > 0

    def _connected(self, mode: str) -> sqlite3.Connection:
        database = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS)
        try:
            database.execute("PRAGMA synchronous = FULL")
            version = _version(database)
        except sqlite3.Error:
            database.close()
            raise
        if version > len(MIGRATIONS):
            database.close()
            raise errors.InputError(f"made by a newer Plimsoll (tables of version {version})", file=str(self.path))
        return database

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as refused:
            raise errors.PlimsollError(f"{self.path}: {refused}") from refused
        except UnicodeEncodeError as broken:
            raise errors.UsageError(f"not Unicode text: {broken.object!a}") from broken
        except (sqlite3.Error, msgspec.ValidationError, UnicodeDecodeError) as broken:
            raise errors.InputError(f"damaged, or no state of a profile ({broken})", file=str(self.path)) from broken


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _text(time: dt.datetime) -> str:
    """Return a time as text that sorts as the times do."""
    return time.astimezone(dt.UTC).isoformat(timespec="microseconds")
