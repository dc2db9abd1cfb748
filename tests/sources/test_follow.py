from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sources import checkpoints, follow, lines, reading
from tests.sources.counting import text

pytestmark = pytest.mark.usefixtures("counting")
CHILD = Path(__file__).with_name("following.py")


class Followed:
    """A log beside its checkpoint, and one who follows it."""

    def __init__(self, folder: Path) -> None:
        self.log, self.checkpoint = folder / "audit.log", folder / "checkpoint"
        self.log.touch()
        self.restart()

    def restart(self) -> None:
        self.stop = threading.Event()
        self.lines = follow.Follow(self.log, self.checkpoint, stop=self.stop, poll=0.01)
        self.batches = iter(self.lines)

    def write(self, data: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(data)

    def next(self, *, commit: bool = True) -> reading.Batch:
        batch = next(self.batches)
        if commit:
            self.lines.commit()
        return batch

    def numbers(self, count: int) -> list[int]:
        """Read until there are so many, and see that no more come."""
        found: list[int] = []
        while len(found) < count:
            found.extend(self.next().events["proc_pid"])
        assert self.waits()
        return found

    def waits(self) -> bool:
        timer = threading.Timer(0.1, self.stop.set)
        timer.start()
        ended = next(self.batches, None) is None
        timer.join()
        self.restart()
        return ended

    def end(self) -> None:
        self.batches.close()  # type: ignore[attr-defined]  a generator


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    found = Followed(tmp_path)
    yield found
    found.end()


def test_what_is_there_and_what_comes_is_read_once(followed: Followed) -> None:
    followed.write(text(1, 2))
    assert followed.numbers(2) == [1, 2]
    followed.write(text(3))
    assert followed.numbers(1) == [3]


def test_who_gathers_is_told_when_nothing_more_is_there(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MUCH", len(text(2, 3)))
    followed.write(text(1))
    looks = followed.lines.looks()
    assert (next(looks) is None, followed.lines.behind) == (False, False)
    assert next(looks) is None
    monkeypatch.setattr(follow, "BLOCK", len(text(2)))
    followed.write(text(2, 3, 4))
    assert (next(looks) is None, followed.lines.behind) == (False, True)
    assert (next(looks) is None, followed.lines.behind) == (False, False)
    looks.close()


def test_digests_are_made_for_who_wants_them(followed: Followed) -> None:
    followed.write(text(1))
    assert followed.next(commit=False).digest
    assert next(iter(follow.Follow(followed.log, followed.checkpoint, digests=False))).digest is None


def test_numbers_go_on_over_restarts(followed: Followed) -> None:
    followed.write(text(1) + b"\n" + text(2))
    followed.next()
    followed.restart()
    followed.write(b"{broken\n" + text(3))
    batch = followed.next()
    assert batch.events["evt_num"].to_list() == [4]
    assert [(reject.line, reject.raw) for reject in batch.rejects] == [(4, b"{broken")]


def test_an_unfinished_line_waits_for_its_newline(followed: Followed) -> None:
    followed.write(text(1) + b'{"n"')
    assert followed.numbers(1) == [1]
    followed.write(b": 2}\n")
    assert followed.numbers(1) == [2]


def test_what_was_not_committed_comes_again_as_the_same_segment(followed: Followed) -> None:
    followed.write(text(1, 2))
    first = followed.next(commit=False)
    followed.write(text(3))
    followed.restart()
    again = followed.next()
    assert again.digest == first.digest
    assert again.events.equals(first.events)
    assert followed.next().events["proc_pid"].to_list() == [3]


def test_equal_lines_later_are_another_segment(followed: Followed) -> None:
    followed.write(text(1))
    first = followed.next()
    followed.write(text(1))
    assert followed.next().digest != first.digest


def test_a_commit_covers_all_batches_given(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BLOCK", 20)
    followed.write(text(*range(10)))
    found = [*followed.next(commit=False).events["proc_pid"], *followed.next().events["proc_pid"]]
    followed.restart()
    assert found + followed.numbers(10 - len(found)) == list(range(10))


def test_after_rename_and_create_the_rest_of_the_old_file_comes_first(followed: Followed) -> None:
    followed.write(text(1))
    followed.next()
    followed.write(text(2) + b'{"n": 3}')
    followed.log.rename(followed.log.with_name("audit.log.1"))
    followed.log.write_bytes(text(4))
    assert followed.numbers(3) == [2, 3, 4]


def test_a_writer_that_keeps_the_old_file_after_the_rename_is_heard(followed: Followed) -> None:
    followed.write(text(1))
    followed.next()
    with followed.log.open("ab") as old:
        followed.log.rename(followed.log.with_name("audit.log.1"))
        followed.log.touch()
        old.write(text(2))
        old.flush()
        assert followed.next().events["proc_pid"].to_list() == [2]
        old.write(text(3))
    followed.write(text(4))
    assert followed.numbers(2) == [3, 4]


def test_copied_and_truncated_the_lines_between_are_read_from_the_copy(followed: Followed) -> None:
    followed.write(text(1))
    followed.next()
    followed.write(text(2))
    followed.log.with_name("audit.log.1").write_bytes(followed.log.read_bytes())
    os.truncate(followed.log, 0)
    followed.write(text(3, 4, 5))
    assert followed.numbers(4) == [2, 3, 4, 5]


@pytest.mark.parametrize("times", [1, 3])
def test_rotated_while_we_were_down_nothing_is_missed(followed: Followed, times: int) -> None:
    followed.write(text(0))
    followed.next()
    followed.end()
    followed.write(text(1))
    for turn in range(times):
        for part in range(times, 0, -1):
            if (old := followed.log.with_name(f"audit.log.{part}")).exists():
                old.rename(followed.log.with_name(f"audit.log.{part + 1}"))
        followed.log.rename(followed.log.with_name("audit.log.1"))
        time.sleep(0.02)  # the clock of file times ticks every few milliseconds
        followed.log.write_bytes(text(turn + 2))
    followed.restart()
    assert followed.numbers(times + 1) == list(range(1, times + 2))


def test_what_was_rotated_away_unread_is_told_as_a_reject(followed: Followed) -> None:
    followed.write(text(1))
    followed.next()
    followed.end()
    followed.log.unlink()
    followed.log.with_name("other").touch()  # so that the new file does not get the old one's inode
    followed.write(text(2))
    followed.restart()
    batch = followed.next()
    assert batch.events["proc_pid"].to_list() == [2]
    assert "rotated away before it was read" in batch.rejects[0].reason


def test_a_log_that_is_away_for_a_while_is_waited_for(followed: Followed) -> None:
    followed.write(text(1))
    followed.next()
    followed.log.rename(followed.log.with_name("audit.log.1"))
    threading.Timer(0.1, followed.write, [text(2)]).start()
    assert followed.next().events["proc_pid"].to_list() == [2]


def test_a_line_that_is_too_long_is_one_reject(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 50)
    monkeypatch.setattr(checkpoints, "START", 16)  # as always, no more than is kept of a long line
    monkeypatch.setattr(follow, "BLOCK", 20)
    followed.write(text(1) + b"x" * 300)
    assert followed.numbers(1) == [1]
    followed.lines.format = "counting"
    followed.write(b"x" * 300 + b"\n" + text(2))
    batch = followed.next()
    assert [(reject.line, reject.reason) for reject in batch.rejects] == [(2, lines.TOO_LONG)]
    assert followed.numbers(1) == [2]


def test_many_blank_lines_are_passed_over(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "BLOCK", 20)
    followed.write(b"\n" * 100 + text(1))
    assert followed.numbers(1) == [1]


def test_a_log_of_no_format_we_know_is_an_error(followed: Followed) -> None:
    followed.write(b"hello\n")
    assert followed.waits()  # one line proves nothing
    followed.write(b"hello\n" * 300)
    with pytest.raises(errors.InputError, match="no format we know"):
        followed.next()


def test_a_log_that_is_not_there_is_an_error_at_the_beginning(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match=r"nothing\.log: No such file"):
        next(iter(follow.Follow(tmp_path / "nothing.log", tmp_path / "checkpoint")))


def test_a_set_stop_ends_it_at_once(followed: Followed) -> None:
    followed.stop.set()
    assert next(followed.batches, None) is None


class Writer(threading.Thread):
    """Writes numbers to a log and rotates it now and then, one way or the other."""

    def __init__(self, log: Path, count: int, way: str) -> None:
        super().__init__()
        self.log, self.count, self.way, self.chance = log, count, way, random.Random(way)

    def run(self) -> None:
        for number in range(1, self.count):
            with self.log.open("ab") as file:
                file.write(text(number)[:5])
                file.flush()
                file.write(text(number)[5:])
            if self.chance.random() < 0.02:
                self.rotate(number)
            time.sleep(0.005)

    def rotate(self, number: int) -> None:
        rotated = self.log.with_name(f"audit.log-{number:06}")
        if self.way == "rename":
            self.log.rename(rotated)
        elif self.way == "copytruncate":
            rotated.write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)


@pytest.mark.parametrize("way", ["grow", "rename", "copytruncate"])
def test_killed_again_and_again_each_line_is_had_once(tmp_path: Path, way: str) -> None:
    log, had, chance = tmp_path / "audit.log", tmp_path / "had", random.Random(way)
    log.write_bytes(text(0))
    child = start(tmp_path)
    wait_for(had, 1)
    writer = Writer(log, 500, way)
    writer.start()
    while writer.is_alive():
        wait_for(had, len(numbers_in(had)) + 1)
        time.sleep(chance.random() * 0.1)
        child.kill()
        child.wait()
        child = start(tmp_path)
    with log.open("ab") as file:
        file.write(text(500))  # so that it is awake when we interrupt it
    wait_for(had, 501)
    child.send_signal(signal.SIGINT)
    assert child.wait(10) == 0
    assert numbers_in(had) == list(range(501))
    place = checkpoints.load(tmp_path / "checkpoint")
    assert place
    assert place.offset == log.stat().st_size


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, CHILD, folder / "audit.log", folder / "checkpoint", folder / "had"])


def numbers_in(had: Path) -> list[int]:
    """What the child made durable: a file a segment."""
    return sorted(int(number) for part in had.glob("*.had") for number in part.read_text().split())


def wait_for(had: Path, count: int) -> None:
    end = time.monotonic() + 20
    while len(numbers_in(had)) < count and time.monotonic() < end:
        time.sleep(0.05)
