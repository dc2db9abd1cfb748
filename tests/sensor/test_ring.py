"""The ring as the kernel lays it out, here in a file: every event once, whole, in order, over every edge."""

from __future__ import annotations

import mmap
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import ring

PAGE = mmap.PAGESIZE
SIZE = 4 * PAGE
BUSY, DISCARDED = 1 << 31, 1 << 30


class Nothing:
    """No file can be waited for with epoll."""

    def register(self, *_: object) -> None:
        pass

    def poll(self, timeout: float) -> list[Any]:
        return []

    def close(self) -> None:
        pass


class Written:
    """A ring in a file, and the kernel's hand on it."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(2 * PAGE + SIZE))
        self.descriptor = os.open(path, os.O_RDWR)
        self.at = 0

    def write(self, data: bytes, flags: int = 0) -> int:
        place = self.at
        self._put(struct.pack("<II", len(data) | flags, 0) + data)
        self.at = (self.at + 7) // 8 * 8
        os.pwrite(self.descriptor, struct.pack("<Q", self.at), PAGE)
        return place

    def _put(self, data: bytes) -> None:
        for byte in data:
            os.pwrite(self.descriptor, bytes([byte]), 2 * PAGE + self.at % SIZE)
            self.at += 1

    def commit(self, place: int, length: int) -> None:
        os.pwrite(self.descriptor, struct.pack("<I", length), 2 * PAGE + place % SIZE)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "WINDOW", PAGE)
    monkeypatch.setattr(ring.select, "epoll", Nothing)


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(tmp_path / "ring")
    yield made
    os.close(made.descriptor)


@given(rounds=st.lists(st.lists(st.binary(max_size=PAGE + 100), max_size=3), max_size=8))
def test_every_event_comes_once_whole_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[bytes]]
) -> None:
    made = Written(tmp_path_factory.mktemp("ring") / "ring")
    read = ring.Ring(made.descriptor, SIZE)
    for events in rounds:
        for event in events:
            made.write(event)
        assert read.poll(0.0) == events
        assert read.poll(0.0) == []
    read.close()
    os.close(made.descriptor)


def test_what_is_still_being_written_holds_up_what_comes_after(written: Written) -> None:
    read = ring.Ring(written.descriptor, SIZE)
    written.write(b"a")
    place = written.write(b"b", BUSY)
    written.write(b"c")
    assert read.poll(0.1) == [b"a"]
    written.commit(place, 1)
    assert read.poll(0.1) == [b"b", b"c"]
    read.close()


def test_what_was_discarded_is_passed_over(written: Written) -> None:
    read = ring.Ring(written.descriptor, SIZE)
    written.write(b"a", DISCARDED)
    written.write(b"b")
    assert read.poll(0.0) == [b"b"]
    read.close()


def test_so_many_at_a_time(written: Written) -> None:
    read = ring.Ring(written.descriptor, SIZE, most=2)
    for event in (b"a", b"b", b"c"):
        written.write(event)
    assert (read.poll(0.0), read.poll(0.0)) == ([b"a", b"b"], [b"c"])
    read.close()


def test_another_reader_goes_on_where_the_last_one_ended(written: Written) -> None:
    read = ring.Ring(written.descriptor, SIZE)
    written.write(b"a")
    assert read.poll(0.0) == [b"a"]
    read.close()
    written.write(b"b")
    again = ring.Ring(written.descriptor, SIZE)
    assert again.poll(0.0) == [b"b"]
    again.close()


def test_a_place_is_set_at_once_so_that_nobody_reads_half_of_it() -> None:
    places = ring.place(mmap.mmap(-1, PAGE))
    before, after = (1 << 24) - 8, (1 << 24) + 8
    places[0] = before
    writer = os.fork()
    if not writer:
        while True:
            places[0] = after
            places[0] = before
    seen = {places[0] for _ in range(300_000)}
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    assert seen <= {before, after}
