from __future__ import annotations

import json
from pathlib import Path

from plimsoll.server import aside, doors


def test_what_could_not_be_taken_is_kept_with_its_reason(tmp_path: Path) -> None:
    kept = aside.Aside(tmp_path / "rejects.jsonl")
    kept.put([doors.Broken("no auditID", b"\xff{}")], "10.0.0.7")
    told = json.loads(kept.path.read_text())
    assert (told["from"], told["reason"], told["raw"]) == ("10.0.0.7", "no auditID", "\ufffd{}")


def test_the_file_does_not_grow_without_end(tmp_path: Path) -> None:
    kept = aside.Aside(tmp_path / "rejects.jsonl", most=1000)
    for _ in range(100):
        kept.put([doors.Broken("junk", b"x" * 100)], "")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2500
    assert len([*tmp_path.iterdir()]) == 2


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    aside.Aside(tmp_path / "gone" / "rejects.jsonl").put([doors.Broken("junk", b"")], "")
