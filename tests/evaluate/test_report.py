from __future__ import annotations

import json

from plimsoll.evaluate import report

AT = report.Budgeted(1, 2, 1, 1, 1.5)
ATTACK = report.Attack("A1", "theft", 2, (1,), 0, 12.5, 1, 0.0, True, ("client curl is new",))
MISSED = report.Attack("A2", "theft", 2, (), None, None, None, None, None, ())
WHOLE = report.Report(
    report.Recording(0, 10, 20, 3, 1, 2, 0, 0),
    (report.Method("plimsoll", {"0": 1}, (AT,), 0.99, None),),
    (ATTACK, MISSED),
    (report.FalseAlarm(9.0, "2026-03-02T09:00:00+00:00", "sa:shop/web", "nothing", ("a-1",)),),
)


def test_the_document_is_plain_json() -> None:
    made = json.loads(json.dumps(report.document(WHOLE)))
    assert list(made) == [
        "recording", "methods", "attacks", "false_alarms", "poisoned", "notes", "detection",
    ]  # fmt: skip
    assert made["detection"] == {
        "told_live": 1, "median_requests": 1, "median_seconds": 0.0, "explained": 1, "of": 1,
    }  # fmt: skip


def test_every_row_says_what_it_is() -> None:
    kinds = [row["row"] for row in report.rows(WHOLE)]
    assert kinds == ["recording", "detection", "method", "attack", "attack", "false_alarm"]


def test_poison_has_a_row_where_it_was_asked_for() -> None:
    poisoned = report.Report(WHOLE.recording, (), (), (), report.Poisoned(20, {"0": 1}, (AT,), {"1": 1.0}))
    assert [row["row"] for row in report.rows(poisoned)] == ["recording", "detection", "poisoned"]
