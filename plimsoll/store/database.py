"""A SQLite file that knows its tables: made and brought up to date by who writes, read beside a writer.

What SQLite refuses becomes the one line a user sees.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from plimsoll import errors

TRIES = 5
BUSY_SECONDS = 5.0


class Database:
    """One file; what changes in it is on the disk when the transaction ends."""

    def __init__(self, path: Path, migrations: Sequence[str], kind: str) -> None:
        """Take the file, the steps that make its tables, and what it is in words: `state of a profile`.

        Each migration takes the tables one version further; the file's user_version counts those that are done.
        """
        self.path, self._migrations, self._kind = path, migrations, kind

    @contextlib.contextmanager
    def writing(self, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """Give a connection that commits each statement outside of BEGIN and COMMIT; the caller holds the lock.

        `make`: make the file and its tables, or bring older ones up to date.
        """
        with self.explained(), contextlib.closing(self._connected("rwc" if make else "rw")) as connection:
            if make:
                self._migrate(connection)
            yield connection

    def rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """Ask for rows; again where the last writer was just folding its log into the file.

        SQLite reads beside writers by memory that is a file. Where that cannot be made, on a full or a
        read-only disk, nobody writes either, and the file is read as one that stands still.
        """
        with self.explained():
            for _ in range(TRIES):
                with contextlib.suppress(sqlite3.OperationalError):
                    return self._asked("ro", statement, values)
                time.sleep(0.01)
            return self._asked("ro" if self._logged() else "ro&immutable=1", statement, values)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite refuses into an error that names the file; rows of another shape are damage, too."""
        try:
            yield
        except sqlite3.OperationalError as refused:
            raise errors.PlimsollError(f"{self.path}: {refused}") from refused
        except UnicodeEncodeError as broken:
            raise errors.UsageError(f"not Unicode text: {broken.object!a}") from broken
        except (sqlite3.Error, msgspec.ValidationError, UnicodeDecodeError) as broken:
            raise errors.InputError(f"damaged, or no {self._kind} ({broken})", file=str(self.path)) from broken

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        for number, migration in enumerate(self._migrations, start=1):
            if number > _version(connection):
                connection.executescript(f"BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {number}; COMMIT")

    def _asked(self, mode: str, statement: str, values: tuple[str | int, ...]) -> list[tuple[Any, ...]]:
        with contextlib.closing(self._connected(mode)) as connection:
            return connection.execute(statement, values).fetchall()

    def _logged(self) -> bool:
        """Return whether SQLite's log holds what is not in the file yet."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    def _connected(self, mode: str) -> sqlite3.Connection:
        place = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            version = _version(connection)
        except sqlite3.Error:
            connection.close()
            raise
        if version > len(self._migrations):
            connection.close()
            raise errors.InputError(f"made by a newer Plimsoll (tables of version {version})", file=str(self.path))
        return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
