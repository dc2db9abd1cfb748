from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from plimsoll import errors
from plimsoll.sources import checkpoints


@contextmanager
def opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_bytes(b"one\ntwo\n")
    return tmp_path / "a.log"


def read_to(path: Path, offset: int) -> checkpoints.Place:
    with opened(path) as file:
        return checkpoints.fingerprinted(replace(checkpoints.at_start(file), offset=offset), os.pread(file, offset, 0))


def holds(place: checkpoints.Place, path: Path) -> bool:
    with opened(path) as file:
        return checkpoints.holds(place, file)


def test_a_place_comes_back_as_it_was_saved(log: Path) -> None:
    place = read_to(log, 4)
    checkpoints.save(log.parent / "checkpoint", place)
    assert checkpoints.load(log.parent / "checkpoint") == place
    assert sorted(path.name for path in log.parent.iterdir()) == ["a.log", "checkpoint"]


def test_there_is_no_place_before_the_first(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path / "checkpoint") is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"device": "x", "inode": 1}'])
def test_what_is_no_checkpoint_is_an_error_that_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "checkpoint").write_bytes(data)
    with pytest.raises(errors.InputError, match="not a checkpoint; remove it to begin anew"):
        checkpoints.load(tmp_path / "checkpoint")


def test_a_checkpoint_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="cannot keep the checkpoint: No such file"):
        checkpoints.save(tmp_path / "nowhere" / "checkpoint", checkpoints.Place(1, 2))


def test_a_file_that_grew_still_holds_the_place(log: Path) -> None:
    place = read_to(log, 8)
    with log.open("ab") as more:
        more.write(b"three\n" * 1000)
    assert holds(place, log)


def test_a_copy_holds_the_place_once_something_was_read(log: Path) -> None:
    copy = log.with_name("copy")
    copy.write_bytes(log.read_bytes())
    assert holds(read_to(log, 4), copy)
    assert not holds(read_to(log, 0), copy)


@pytest.mark.parametrize("data", [b"", b"one\n", b"other lines\n"])
def test_a_file_that_was_truncated_or_begun_anew_does_not(log: Path, data: bytes) -> None:
    place = read_to(log, 8)
    log.write_bytes(data)
    assert not holds(place, log)
