from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from plimsoll.sensor import building


def test_without_a_compiler_the_reason_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(building, "OBJECT", tmp_path / "absent.o")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert "apt-get install clang" in building.build()


@pytest.mark.skipif(bool(building.missing()), reason=building.missing() or "-")
def test_the_object_is_built_again_when_a_source_is_newer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(building.SOURCE, tmp_path / "bpf")
    monkeypatch.setattr(building, "SOURCE", tmp_path / "bpf")
    monkeypatch.setattr(building, "OBJECT", tmp_path / "sensor.bpf.o")
    assert building.build() == ""
    assert building.fresh()
    later = building.OBJECT.stat().st_mtime + 10
    os.utime(tmp_path / "bpf" / "exec.h", (later, later))
    assert not building.fresh()
    (tmp_path / "bpf" / "exec.h").write_text("this is no C")
    os.utime(tmp_path / "bpf" / "exec.h", (later, later))
    assert "clang could not build" in building.build()
    assert building.OBJECT.exists()
