from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from plimsoll.sources import checkpoints, rotation


def name_of(file: int | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(f"/proc/self/fd/{file}").readlink().name
    finally:
        os.close(file)


def place_in(path: Path, offset: int = 4) -> checkpoints.Place:
    file = os.open(path, os.O_RDONLY)
    try:
        return checkpoints.fingerprinted(replace(checkpoints.at_start(file), offset=offset), os.pread(file, offset, 0))
    finally:
        os.close(file)


def after(path: Path, read: Path) -> str | None:
    return name_of(rotation.following(path, read.stat(), lambda _: False))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "audit.log").write_bytes(b"one\ntwo\n")
    return tmp_path / "audit.log"


def test_the_log_itself_is_found_while_it_is_the_same(log: Path) -> None:
    assert name_of(rotation.find(log, place_in(log))) == "audit.log"


def test_a_renamed_log_is_found_under_whatever_name(log: Path) -> None:
    place = place_in(log)
    log.rename(log.with_name("something.else"))
    log.write_bytes(b"new\nlines\n")
    assert name_of(rotation.find(log, place)) == "something.else"


@pytest.mark.parametrize("name", ["audit.log.1", "audit.log-20260101", "audit-2026-01-01T00-00-00.000.log"])
def test_a_copy_is_found_under_the_names_of_rotated_logs(log: Path, name: str) -> None:
    place = place_in(log)
    log.with_name(name).write_bytes(log.read_bytes())
    log.write_bytes(b"")
    assert name_of(rotation.find(log, place)) == name


def test_a_log_that_is_gone_is_not_found(log: Path) -> None:
    place = place_in(log)
    log.write_bytes(b"new lines\n")
    log.with_name("notes.txt").write_bytes(b"one\ntwo\n")
    assert rotation.find(log, place) is None
    assert rotation.find(log.parent / "nowhere" / "audit.log", place) is None


def test_after_a_rotated_part_comes_the_next_one_and_then_the_log(log: Path) -> None:
    older, newer = log.with_name("audit.log.2"), log.with_name("audit.log.1")
    for age, path in ((30, older), (20, newer), (10, log)):
        path.write_bytes(b"%d lines\n" % age)
        os.utime(path, (1e9 - age, 1e9 - age))
    for other in ("audit.log.3.gz", "audit.log.bak", "audit-policy.log", "other.log.1"):
        log.with_name(other).write_bytes(b"other\n")
    log.with_name("audit.log.0").write_bytes(b"10 lin")  # a copy that is being made
    assert after(log, older) == "audit.log.1"
    assert after(log, newer) == "audit.log"
