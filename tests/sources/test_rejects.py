from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import errors
from plimsoll.sources import inputs, reading, rejects


def reject(line: int, reason: str = "broken", raw: bytes = b"{") -> reading.Reject:
    return reading.Reject("a.log", line, reason, raw)


def test_all_are_counted_and_the_first_are_kept() -> None:
    found = rejects.Rejects(kept=2)
    found.add(reject(line) for line in range(1, 6))
    assert found.total == 5
    assert [kept.line for kept in found.kept] == [1, 2]


def test_the_summary_puts_the_commonest_reason_first() -> None:
    found = rejects.Rejects()
    found.add([reject(1, "rare"), *(reject(line, f"bad (byte {line})") for line in range(2, 9))])
    assert found.summary() == "8 records set aside: 7 × bad, 1 × rare; the first is a.log:1"


def test_nothing_set_aside_is_nothing_said() -> None:
    assert rejects.Rejects().summary() == ""


def test_reasons_are_bounded_however_many_an_input_makes_up() -> None:
    found = rejects.Rejects()
    found.add(reject(line, f"reason {line}") for line in range(10_000))
    assert len(found.reasons) == rejects.REASONS + 1
    assert sum(found.reasons.values()) == 10_000


def test_they_are_written_as_json_lines_with_text_for_bytes(tmp_path: Path) -> None:
    found = rejects.Rejects()
    found.add([reject(3, "no text", b"\xff\n")])
    found.write(tmp_path / "rejects.jsonl")
    (line,) = (tmp_path / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line) == {"file": "a.log", "line": 3, "reason": "no text", "raw": "\ufffd\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["rejects.jsonl"]


FALCO = b'{"output": "o", "priority": "Notice", "rule": "r", "time": "2026-03-02T09:00:00Z", "output_fields": {}}\n'


def test_another_stream_than_the_one_asked_for_is_an_error_where_named_and_set_aside_where_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "falco.json").write_bytes(FALCO)
    named, *_ = inputs.inputs([str(tmp_path / "falco.json")])
    with pytest.raises(errors.InputError, match="this asks audit logs, and these are falco events"):
        list(rejects.batches(named, reading.Reading(named), rejects.Rejects(), "audit"))
    found, *_ = inputs.inputs([str(tmp_path)])
    aside = rejects.Rejects()
    assert list(rejects.batches(found, reading.Reading(found), aside, "audit")) == []
    assert aside.total == 1
    assert [batch.accepted for batch in rejects.batches(named, reading.Reading(named), aside, "activity")] == [1]
