"""A SQLite file of ours: what is written is on the disk, what is there can be read, and what is wrong is one line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.store import desk, state
from plimsoll.store.database import Database

MAKE, ADD = "CREATE TABLE kept (a TEXT NOT NULL)", "ALTER TABLE kept ADD COLUMN b TEXT"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A file with one row."""
    made = Database(tmp_path / "kept.sqlite", [MAKE], "state of a test")
    with made.writing(make=True) as connection:
        connection.execute("INSERT INTO kept VALUES (?)", ("value",))
    return made


@pytest.mark.parametrize("migrations", [state.MIGRATIONS, desk.MIGRATIONS])
def test_the_database_writes_ahead_and_waits_for_the_disk(tmp_path, migrations):
    made = Database(tmp_path / "state.sqlite", migrations, "state of a test")
    with made.writing(make=True):
        pass
    with made.writing() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations),)


def test_older_tables_are_brought_up_to_date_once(database):
    newer = Database(database.path, [MAKE, ADD], "state of a test")
    for _ in range(2):
        with newer.writing(make=True):
            pass
    assert newer.rows("SELECT a, b FROM kept") == [("value", None)]
    with pytest.raises(errors.InputError, match="newer Plimsoll"):
        database.rows("SELECT a FROM kept")


def test_what_is_not_there_is_not_made_by_who_only_changes_it(tmp_path):
    with (
        pytest.raises(errors.PlimsollError, match=r"none\.sqlite"),
        Database(tmp_path / "none.sqlite", [MAKE], "state of a test").writing(),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_writer_is_read_beside(database):
    with database.writing() as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO kept VALUES (?)", ("more",))
        assert database.rows("SELECT a FROM kept") == [("value",)]
        connection.execute("COMMIT")
        assert database.rows("SELECT a FROM kept WHERE a = ?", "more") == [("more",)]


def test_where_nobody_may_write_the_state_is_read_all_the_same(database, monkeypatch):
    connected = Database._connected

    def refused(self, mode):
        if "immutable" not in mode:
            raise sqlite3.OperationalError("unable to open database file")
        return connected(self, mode)

    monkeypatch.setattr(Database, "_connected", refused)
    assert database.rows("SELECT a FROM kept") == [("value",)]


def test_damage_is_told_with_the_file_and_what_it_should_be(database):
    database.path.write_bytes(b"\x00garbage" * 4096)
    with pytest.raises(errors.InputError, match=r"kept\.sqlite: damaged, or no state of a test"):
        database.rows("SELECT a FROM kept")


def test_text_that_is_not_unicode_is_a_usage_error(database):
    with pytest.raises(errors.UsageError), database.writing() as connection:
        connection.execute("INSERT INTO kept VALUES (?)", ("a\udcff",))
