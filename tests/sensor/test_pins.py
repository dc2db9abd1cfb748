from __future__ import annotations

from pathlib import Path

from plimsoll.sensor import pins


def test_a_place_that_cannot_hold_pins_says_so(tmp_path: Path) -> None:
    assert "no bpf file system" in pins.ready(tmp_path / "plimsoll")


def test_what_takes_over_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "on-old").mkdir()
    (tmp_path / "new-broken").mkdir()
    assert pins.current(tmp_path, "new") is None
    pins.prepare(tmp_path, "new")
    assert not (tmp_path / "new-broken").exists()
    replaced = pins.take_over(tmp_path, "new")
    assert pins.current(tmp_path, "new") == tmp_path / "on-new"
    assert pins.current(tmp_path, "old") is None
    pins.remove_each(replaced)
    assert [folder.name for folder in tmp_path.iterdir()] == ["on-new"]
    pins.remove_all(tmp_path)
    assert not tmp_path.exists()
