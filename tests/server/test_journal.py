from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.server import journal, refusals
from plimsoll.sources import checkpoints

Open = Callable[..., journal.Journal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def open_one(**options: int) -> journal.Journal:
            made = journal.Journal(tmp_path / "audit", "audit", **options)
            stack.callback(made.close)
            return made

        yield open_one


def lines(kept: journal.Journal) -> list[bytes]:
    return b"".join(one.path.read_bytes() for one in kept.segments()).splitlines()


def place(kept: journal.Journal, segment: int, offset: int = 0) -> checkpoints.Place:
    one = kept.segments()[segment]
    return checkpoints.Place(0, one.inode, offset=offset)


def test_what_was_promised_is_there_in_order(opened: Open) -> None:
    kept = opened()
    done = [kept.append(f"{number}\n".encode()) for number in range(500)]
    for one in done:
        one.result(5)
    assert lines(kept) == [str(number).encode() for number in range(500)]


def test_half_a_line_of_a_crash_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    path = tmp_path / "audit" / "audit.jsonl"
    path.write_bytes(b"whole\nhal" + b"f" * 200_000)
    kept = journal.Journal(tmp_path / "audit", "audit")
    kept.append(b"next\n").result(5)
    kept.close()
    assert path.read_bytes() == b"whole\nnext\n"


@given(st.binary(max_size=300))
def test_whatever_a_crash_left_only_whole_lines_stay(left: bytes) -> None:
    read, write = os.pipe()
    os.close(write)
    os.close(read)
    descriptor = os.memfd_create("left")
    try:
        os.write(descriptor, left)
        assert journal._whole_lines(descriptor, len(left)) == left.rfind(b"\n") + 1
    finally:
        os.close(descriptor)


def test_segments_end_and_keep_their_order(opened: Open) -> None:
    kept = opened(segment=100)
    for number in range(50):
        kept.append(f"{number:020}\n".encode()).result(5)
    assert len(kept.segments()) > 5
    assert [int(line) for line in lines(kept)] == list(range(50))


def test_a_new_run_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    for run in range(3):
        kept = journal.Journal(tmp_path, "audit", segment=50)
        for number in range(10):
            kept.append(f"{run}{number:020}\n".encode()).result(5)
        kept.close()
    assert len(lines(kept)) == 30
    assert lines(kept) == sorted(lines(kept))


def test_a_full_journal_says_when_to_come_again_and_takes_more_once_it_was_read(opened: Open) -> None:
    kept = opened(quota=1000)
    for _ in range(10):
        kept.append(b"x" * 99 + b"\n").result(5)
    with pytest.raises(refusals.Full) as full:
        kept.append(b"x")
    assert full.value.retry_after
    assert len(lines(kept)) == 10
    kept.tidy([place(kept, -1)])
    kept.append(b"room\n").result(5)


def test_more_than_the_disk_can_take_at_the_moment_is_refused(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "QUEUE", 10)
    with pytest.raises(refusals.Full, match="written"):
        opened().append(b"x" * 20)


def test_a_disk_that_refuses_leaves_no_half_line(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = opened()
    kept.append(b"one\n").result(5)
    real = os.write

    def full(file: int, data: bytes) -> int:
        if file == kept._file:
            real(file, bytes(data)[:7])
            raise OSError(28, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(refusals.Full, match="No space"):
            kept.append(b"two\nthree\n").result(5)
    kept.append(b"four\n").result(5)
    assert lines(kept) in ([b"one", b"two", b"four"], [b"one", b"four"])


def test_what_everybody_has_read_goes_and_nothing_else(opened: Open) -> None:
    kept = opened(segment=50)
    for number in range(20):
        kept.append(f"{number:020}\n".encode()).result(5)
    before = kept.segments()
    kept.tidy([place(kept, 4), place(kept, 2)])
    assert kept.segments() == before[2:]
    kept.tidy([place(kept, -1), None])
    assert kept.segments() == before[2:]


def test_what_was_read_is_kept_for_some_days_where_asked_for(opened: Open) -> None:
    kept = opened(segment=50, keep_days=2)
    for number in range(20):
        kept.append(f"{number:020}\n".encode()).result(5)
    kept.tidy([place(kept, 2)])
    gone = sorted((kept.folder / "judged").iterdir())
    assert len(gone) == 2
    os.utime(gone[0], (0, 0))
    kept.tidy([place(kept, 0)])
    assert sorted((kept.folder / "judged").iterdir()) == gone[1:]


def test_what_waits_is_told_in_bytes_and_seconds(opened: Open) -> None:
    kept = opened(segment=50)
    for number in range(10):
        kept.append(f"{number:020}\n".encode()).result(5)
    assert kept.waiting([None]) == 210
    last = kept.segments()[-1]
    assert kept.waiting([place(kept, -1, last.size)]) == 0
    assert kept.waiting([place(kept, -1, last.size), None]) == 210
    assert kept.lag(0) == 0
    kept.append(b"x\n").result(5)
    assert kept.lag(2) >= 0


def test_the_tail_is_whole_lines(opened: Open) -> None:
    kept = opened(segment=50)
    for number in range(10):
        kept.append(f"{number:020}\n".encode()).result(5)
    assert [int(line) for line in kept.tail(10**6)] == list(range(10))
    assert [int(line) for line in kept.tail(70)] == [7, 8, 9]


def test_a_quota_of_nothing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError):
        journal.opened(tmp_path, "audit", quota=0, keep_days=0)
