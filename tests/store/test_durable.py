"""A file is as it was or whole, on the disk before it has its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.store import durable


def test_a_file_reaches_the_disk_before_its_name_does_and_the_name_before_it_is_told(tmp_path, monkeypatch):
    told = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda number: (told.append(Path(f"/proc/self/fd/{number}").readlink()), fsync(number))
    )
    monkeypatch.setattr(Path, "replace", lambda path, target: (told.append("renamed"), replace(path, target)))
    durable.write(tmp_path / "a", b"text")
    assert told == [tmp_path / ".a.tmp", "renamed", tmp_path]


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a"
    durable.write(path, b"before")

    def full(_number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.PlimsollError, match="a: cannot be written: No space left on device"):
        durable.write(path, b"after")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("a", b"before")]


def test_only_what_is_aside_is_left_over(tmp_path):
    for name in ("a.parquet", ".a.parquet.tmp", "b.tmp", ".hidden"):
        (tmp_path / name).touch()
    assert durable.leftovers(tmp_path) == [tmp_path / ".a.parquet.tmp"]


def test_removing_what_is_gone_is_well(tmp_path):
    (tmp_path / "a").touch()
    durable.remove([tmp_path / "a", tmp_path / "a"])
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_with_their_parents_and_may_be_there(tmp_path):
    durable.folder(tmp_path / "a" / "b")
    durable.folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_the_lock_is_free_again_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(durable, "WAIT_SECONDS", 0.0)
    with pytest.raises(ZeroDivisionError), durable.locked(tmp_path):
        raise ZeroDivisionError
    with (
        durable.locked(tmp_path),
        pytest.raises(errors.PlimsollError, match="another process is writing"),
        durable.locked(tmp_path),
    ):
        pass
