"""Envelopes come off, however they are nested; what is in them counts record by record."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from plimsoll.sources import audit_envelopes, k8s_audit, records

EVENT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "auditID": "a1",
    "stage": "ResponseComplete",
    "verb": "get",
    "user": {"username": "é"},
    "requestReceivedTimestamp": "2026-03-01T10:00:00.123456Z",
}
TEXT = json.dumps(EVENT)
AKS = {"time": "2026-03-01T10:00:01Z", "category": "kube-audit", "operationName": "…", "level": "Informational"}
CLOUDWATCH = {"timestamp": 1772359200000, "message": TEXT, "ingestionTime": 1772359201000}
ENVELOPES: dict[str, tuple[dict[str, Any], int]] = {
    "the webhook's list": (
        {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": [EVENT] * 3},
        3,
    ),
    "a CloudWatch record": (CLOUDWATCH, 1),
    "a CloudWatch Insights row": ({"@timestamp": "2026-03-01 10:00:00.123", "@message": TEXT}, 1),
    "a message that is no text": ({"message": EVENT}, 1),
    "a subscription's delivery": ({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": [CLOUDWATCH] * 2}, 2),
    "what filter-log-events prints": ({"events": [CLOUDWATCH], "searchedLogStreams": []}, 1),
    "an Azure record": ({**AKS, "properties": {"log": TEXT, "stream": "stdout"}}, 1),
    "an Azure record of the smaller log": ({**AKS, "category": "kube-audit-admin", "properties": {"log": EVENT}}, 1),
    "an Azure blob": ({"records": [{**AKS, "properties": {"log": TEXT}}] * 2}, 2),
    "a collector's line": ({"log": TEXT + "\n", "stream": "stdout", "time": "2026-03-01T10:00:01Z"}, 1),
    "a list in a message": ({"message": json.dumps({"items": [EVENT, EVENT]})}, 2),
}


def parse(*found: object) -> records.Parsed:
    return k8s_audit.parse([msgspec.json.encode(one) for one in found], 1)


@pytest.mark.parametrize(("envelope", "count"), ENVELOPES.values(), ids=ENVELOPES)
def test_the_events_in_an_envelope_are_the_rows(envelope: dict[str, Any], count: int) -> None:
    parsed = parse(envelope, EVENT)
    assert (parsed.accepted, parsed.rejects) == (count + 1, [])
    assert parsed.events["evt_num"].to_list() == list(range(1, count + 2))
    assert parsed.events["user_username"].to_list() == ["é"] * (count + 1)


@pytest.mark.parametrize("envelope", [envelope for envelope, _ in ENVELOPES.values()], ids=ENVELOPES)
def test_an_envelope_of_audit_events_is_recognised(envelope: dict[str, Any]) -> None:
    assert audit_envelopes.recognises(envelope)


@pytest.mark.parametrize(
    "record",
    [
        {**AKS, "category": "cluster-autoscaler", "properties": {"log": TEXT}},
        {"message": "GET / 200"},
        {"records": [{"category": "AuditEvent", "properties": {}}]},
        {"protoPayload": {"serviceName": "storage.googleapis.com", "methodName": "storage.objects.get"}},
        {"items": [[[[[[[]]]]]]]},
        {"events": "none"},
        {"message": {"message": {"message": {}}}},
    ],
)
def test_other_logs_are_not_recognised(record: object) -> None:
    assert not audit_envelopes.recognises(record)


def test_a_line_of_a_cloudwatch_export_has_its_time_before_the_event() -> None:
    parsed = k8s_audit.parse([b"2026-03-01T10:00:00.123Z " + TEXT.encode()], 1)
    assert (parsed.accepted, parsed.rejects) == (1, [])


def test_a_broken_record_takes_only_itself_down() -> None:
    parsed = parse({"items": [EVENT, {**EVENT, "auditID": None}, 7, EVENT]}, EVENT)
    assert parsed.events["evt_num"].to_list() == [1, 4, 5]
    assert [(reject.offset, bool(reject.reason)) for reject in parsed.rejects] == [(0, True), (0, True)]


@pytest.mark.parametrize(
    "record",
    [
        {"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]},
        {**AKS, "category": "cloud-controller-manager", "properties": {"log": "I0301 synced"}},
        {"protoPayload": {"serviceName": "container.googleapis.com", "methodName": "x"}},
        {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []},
    ],
)
def test_a_record_about_something_else_is_accepted_and_teaches_nothing(record: object) -> None:
    parsed = parse(record, EVENT)
    assert (parsed.accepted, parsed.rejects) == (2, [])
    assert parsed.events["evt_num"].to_list() == [2]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"message": "I0301 12:00:00 not JSON"}, "the message is no audit event"),
        ({"message": TEXT[:-9]}, "truncated"),
        ({"message": 7}, "the message is no audit event"),
        ({**AKS, "properties": {"stream": "stdout"}}, "log"),
        ({"items": {}}, "items"),
        ({"protoPayload": []}, "protoPayload"),
    ],
)
def test_an_envelope_with_something_else_inside_is_a_reject(record: object, reason: str) -> None:
    parsed = parse(record)
    assert parsed.accepted == 0
    assert [reason in reject.reason for reject in parsed.rejects] == [True]


def test_envelopes_are_opened_only_so_deep() -> None:
    text = TEXT
    for _ in range(audit_envelopes.DEEPEST + 1):
        text = json.dumps({"message": text})
    assert audit_envelopes.unwrap(text.encode()) == ["too many envelopes in envelopes"]


def test_a_line_of_more_records_than_anybody_sends_is_one_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_envelopes, "MOST", 3)
    assert audit_envelopes.unwrap(b'{"items": [1, 2, 3, 4]}') == ["more than 3 records in a line"]
