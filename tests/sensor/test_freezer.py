"""The freezer: the file of version 2, and a clear word where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sensor import freezer


def test_a_group_is_frozen_and_thawed_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod/cgroup.freeze").write_text("0")
    freezer.freeze(tmp_path, "/pod", on=True)
    assert (tmp_path / "pod/cgroup.freeze").read_text() == "1"
    freezer.freeze(tmp_path, "/pod", on=False)
    assert (tmp_path / "pod/cgroup.freeze").read_text() == "0"


def test_what_cannot_be_frozen_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.PlimsollError, match="nothing here can freeze it"):
        freezer.freeze(tmp_path, "/no/such/group-of-ours", on=True)
