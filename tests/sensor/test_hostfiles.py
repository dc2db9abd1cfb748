"""Files are read only where nobody can have laid a trap."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import hostfiles


def test_a_file_below_the_root_is_read(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/state.json").write_text("{}")
    assert hostfiles.read(tmp_path, "/run/./state.json", 10) == b"{}"


def test_no_link_is_followed_neither_as_file_nor_as_folder(tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/file").symlink_to(tmp_path / "secret")
    (tmp_path / "run/folder").symlink_to(tmp_path)
    assert hostfiles.read(tmp_path, "run/file", 10) is None
    assert hostfiles.read(tmp_path, "run/folder/secret", 10) is None
    assert hostfiles.names(tmp_path, "run/folder") == []


def test_nothing_outside_is_reached(tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "root").mkdir()
    assert hostfiles.read(tmp_path / "root", "../secret", 10) is None
    assert hostfiles.read(tmp_path / "root", "", 10) is None
    assert hostfiles.read(tmp_path / "root", "a\0b", 10) is None


def test_what_is_too_long_is_not_read(tmp_path):
    (tmp_path / "long").write_text("x" * 11)
    assert hostfiles.read(tmp_path, "long", 10) is None


def test_a_pipe_does_not_hold_us_up(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert hostfiles.read(tmp_path, "pipe", 10) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_is_not_believed(tmp_path):
    (tmp_path / "file").write_text("x")
    os.chown(tmp_path / "file", 1000, 1000)
    assert hostfiles.read(tmp_path, "file", 10) is None


def test_names_that_can_be_no_id_are_left_out(tmp_path):
    for name in ("redis-0", "a b", "x\ny"):
        (tmp_path / "run" / name).mkdir(parents=True)
    assert hostfiles.names(tmp_path, "run") == ["redis-0"]
    assert hostfiles.names(tmp_path, "absent") == []


@given(st.text())
def test_a_name_is_one_plain_step(text):
    if hostfiles.is_name(text):
        assert "/" not in text
        assert text not in ("", ".", "..")
        assert text.isascii()
        assert text.isprintable()
