"""What triage keeps: every alert with what became of it, signatures, cases, and the log of verdicts, in SQLite.

A batch of alerts is one transaction: the alerts, the cases they joined and what was remembered are on the disk
together or not at all, and an alert's id is taken once. The log of verdicts only grows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from plimsoll import errors
from plimsoll.store import durable
from plimsoll.store.database import Database

FILE = "triage.sqlite"
MIGRATIONS = (
    """
    CREATE TABLE reasons (number INTEGER PRIMARY KEY, told TEXT NOT NULL UNIQUE);
    CREATE TABLE alerts (
        id TEXT NOT NULL PRIMARY KEY, time INTEGER NOT NULL, case_id TEXT NOT NULL, mute INTEGER NOT NULL,
        reason INTEGER NOT NULL, line TEXT NOT NULL
    );
    CREATE INDEX alerts_of_case ON alerts (case_id, time);
    CREATE TABLE habits (key TEXT NOT NULL PRIMARY KEY, hour INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE cases (
        id TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, last INTEGER NOT NULL, value BLOB NOT NULL
    );
    CREATE TABLE log (number INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE small (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    """,
)
ASKED = 500
"""Ids asked for in one statement."""


class Row(NamedTuple):
    """An alert and what became of it."""

    id: str
    time: int
    case_id: str
    mute: bool
    reason: str
    """Why, as JSON."""
    line: str
    """The alert as it came."""


@dataclasses.dataclass
class Change:
    """What one transaction keeps."""

    alerts: Sequence[Row] = ()
    turned: Sequence[tuple[str, str]] = ()
    """Ids of alerts kept before that are loud now, with the new reason."""
    habits: Iterable[tuple[str, int, bytes]] = ()
    cases: Iterable[tuple[str, str, int, bytes]] = ()
    log: Iterable[tuple[int, bytes]] = ()
    small: Iterable[tuple[str, bytes]] = ()


class Desk:
    """The state directory of triage: read with `rows`, written inside `writing`."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.path = directory, directory / FILE
        self._database = Database(self.path, MIGRATIONS, "state of triage")

    @contextlib.contextmanager
    def writing(self) -> Iterator[Pen]:
        """Hold the directory's lock and write; make the tables where there are none."""
        durable.folder(self.directory)
        with durable.locked(self.directory), self._database.writing(make=True) as database:
            yield Pen(database)

    def rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Ask for rows, beside a writer."""
        if not self.path.exists():
            raise errors.InputError("no state of triage: `plimsoll triage run` makes one", file=str(self.directory))
        return self._database.rows(statement, *values)


class Pen:
    """Reads and writes while the lock is held."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._reasons: dict[str, int] = {}

    def rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Ask for rows."""
        return self._database.execute(statement, values).fetchall()

    def known(self, ids: Sequence[str]) -> dict[str, tuple[str, bool, str]]:
        """Return of these alerts those that were taken already: case, whether muted, why."""
        found: dict[str, tuple[str, bool, str]] = {}
        if not self.rows("SELECT 1 FROM alerts LIMIT 1"):
            return found
        for at in range(0, len(ids), ASKED):
            some = ids[at : at + ASKED]
            asked = ",".join("?" * len(some))
            statement = (
                "SELECT id, case_id, mute, told FROM alerts JOIN reasons ON reason = number "  # noqa: S608  only marks
                f"WHERE id IN ({asked})"
            )
            found |= {id_: (case, bool(mute), told) for id_, case, mute, told in self.rows(statement, *some)}
        return found

    def keep(self, change: Change) -> None:
        """Put everything of a change on the disk, or nothing of it."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            numbers = self._numbered({row.reason for row in change.alerts} | {why for _, why in change.turned})
            database.executemany(
                "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?)",
                ((row.id, row.time, row.case_id, row.mute, numbers[row.reason], row.line) for row in change.alerts),
            )
            database.executemany(
                "UPDATE alerts SET mute = 0, reason = ? WHERE id = ?",
                ((numbers[why], id_) for id_, why in change.turned),
            )
            database.executemany("INSERT OR REPLACE INTO habits VALUES (?, ?, ?)", change.habits)
            database.executemany("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?)", change.cases)
            database.executemany("INSERT INTO log VALUES (?, ?)", change.log)
            database.executemany("INSERT OR REPLACE INTO small VALUES (?, ?)", change.small)
            database.execute("COMMIT")
        except BaseException:
            self._reasons.clear()
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise

    def _numbered(self, reasons: set[str]) -> dict[str, int]:
        """Return the number of each reason: the same words are kept once."""
        for told in sorted(reasons - self._reasons.keys()):
            self._database.execute("INSERT OR IGNORE INTO reasons (told) VALUES (?)", (told,))
            [(number,)] = self.rows("SELECT number FROM reasons WHERE told = ?", told)
            self._reasons[told] = number
        return self._reasons
