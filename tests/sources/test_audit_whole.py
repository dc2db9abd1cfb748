from __future__ import annotations

import json

from plimsoll.sources import audit_whole

EVENT = {"auditID": "a", "stage": "ResponseComplete", "verb": "get", "user": {"username": "bob"}, "stageTimestamp": "2026-01-02T03:04:05.000006Z", "kind": "Event"}  # fmt: skip


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def test_each_event_has_its_own_json() -> None:
    batch = {"items": [{**EVENT, "auditID": "b"}, {}, {**EVENT, "auditID": "c"}]}
    parsed = audit_whole.Whole().parse([line(EVENT), b"{", line(batch)], 10)
    told = [(row["evt_num"], json.loads(row["event"])["auditID"]) for row in parsed.events.iter_rows(named=True)]
    assert told == [(10, "a"), (12, "b"), (14, "c")]
    assert len(parsed.rejects) == 2


def test_no_lines_have_no_events() -> None:
    assert audit_whole.Whole().parse([], 1).events.columns[-1] == "event"


def test_what_is_an_audit_event_is_recognised() -> None:
    assert audit_whole.Whole().recognises(EVENT)
