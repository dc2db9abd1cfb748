"""What triage keeps is kept whole or not at all, and one alert is taken once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.store.desk import Change, Desk, Row


def row(id_, case="c", *, mute=False, reason='{"why":[]}'):
    return Row(id_, 1, case, mute, reason, '{"title": "x"}')


def test_what_was_kept_is_there_for_another(tmp_path):
    with Desk(tmp_path / "a" / "b").writing() as pen:
        pen.keep(Change(alerts=[row("1"), row("2", mute=True)], habits=[("k", 5, b"h")], small=[("s", b"v")]))
    desk = Desk(tmp_path / "a" / "b")
    assert desk.rows("SELECT id, mute FROM alerts ORDER BY id") == [("1", 0), ("2", 1)]
    assert desk.rows("SELECT value FROM small") == [(b"v",)]


def test_alerts_that_are_known_are_told_with_what_became_of_them(tmp_path):
    with Desk(tmp_path).writing() as pen:
        assert pen.known(["1"]) == {}
        pen.keep(Change(alerts=[row("1", mute=True), row("2")]))
        assert pen.known(["1", "3", *map(str, range(10, 2_000))]) == {"1": ("c", True, '{"why":[]}')}


def test_an_alert_is_taken_once_and_its_batch_not_at_all(tmp_path):
    with Desk(tmp_path).writing() as pen:
        pen.keep(Change(alerts=[row("1")]))
    with pytest.raises(errors.InputError), Desk(tmp_path).writing() as pen:
        pen.keep(Change(alerts=[row("2"), row("1")], small=[("s", b"v")]))
    assert Desk(tmp_path).rows("SELECT id FROM alerts") == [("1",)]
    assert Desk(tmp_path).rows("SELECT * FROM small") == []


def test_what_was_muted_may_become_loud_with_another_reason(tmp_path):
    with Desk(tmp_path).writing() as pen:
        pen.keep(Change(alerts=[row("1", mute=True)]))
        pen.keep(Change(turned=[("1", '{"why":["chain"]}')]))
        assert pen.known(["1"]) == {"1": ("c", False, '{"why":["chain"]}')}


def test_the_same_reason_is_kept_once(tmp_path):
    with Desk(tmp_path).writing() as pen:
        pen.keep(Change(alerts=[row(str(number)) for number in range(50)]))
    assert Desk(tmp_path).rows("SELECT count(*) FROM reasons") == [(1,)]


def test_a_folder_without_state_says_so(tmp_path):
    with pytest.raises(errors.InputError, match="no state of triage"):
        Desk(tmp_path).rows("SELECT 1")


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\x00" + b"\xff" * 500])
def test_a_damaged_file_is_one_line_and_no_traceback(tmp_path, content):
    (tmp_path / "triage.sqlite").write_bytes(content)
    with pytest.raises(errors.PlimsollError), Desk(tmp_path).writing():
        pass


def test_a_newer_state_is_refused(tmp_path):
    with Desk(tmp_path).writing():
        pass
    with sqlite3.connect(tmp_path / "triage.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(errors.InputError, match="newer"):
        Desk(tmp_path).rows("SELECT 1")


WRITER = """
import sys
from pathlib import Path
from plimsoll.store.desk import Change, Desk, Row
with Desk(Path(sys.argv[1])).writing() as pen:
    for batch in range(100_000):
        rows = [Row(f"{batch}.{number}", 1, "c", False, "{}", "x" * 200) for number in range(50)]
        pen.keep(Change(alerts=rows, small=[("last", str(batch).encode())]))
        print(batch, flush=True)
"""


@pytest.mark.parametrize("wait", [0.05, 0.2])
def test_nothing_acknowledged_is_lost_to_kill_9_and_no_batch_is_half_there(tmp_path, wait):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    with writer:
        assert writer.stdout.readline().strip() == "0"
        time.sleep(wait)
        os.kill(writer.pid, signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().split()] or [0]
    desk = Desk(tmp_path)
    [(count, batches)] = desk.rows("SELECT count(*), count(DISTINCT CAST(id AS INTEGER)) FROM alerts")
    [(last,)] = desk.rows("SELECT value FROM small WHERE key = 'last'")
    assert count == 50 * batches
    assert batches == int(last) + 1 >= told[-1] + 1
