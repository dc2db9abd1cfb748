from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import sources
from plimsoll.server import doors, refusals
from tests.server import senders

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "items", "auditID", "stage", "rule", "id"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def test_an_event_list_becomes_a_line_an_event() -> None:
    events = [senders.event(number) for number in range(3)]
    posted = doors.audit(senders.event_list(*events))
    assert [json.loads(bytes(line)) for line in posted.lines] == events
    assert len(set(posted.keys)) == 3


def test_a_list_written_over_many_lines_becomes_the_same_records() -> None:
    events = [senders.event(number) for number in range(3)]
    whole = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}
    plain = doors.audit(json.dumps(whole).encode())
    broad = doors.audit(json.dumps(whole, indent=2).encode())
    assert broad.keys == plain.keys
    assert [json.loads(bytes(line)) for line in broad.lines] == events


def test_a_single_event_is_taken() -> None:
    assert len(doors.audit(json.dumps(senders.event(1)).encode()).lines) == 1


def test_a_batch_without_events_is_fine() -> None:
    assert doors.audit(b'{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": null}').lines == []


def test_an_event_without_its_id_is_set_aside_and_the_others_stand() -> None:
    posted = doors.audit(senders.event_list(senders.event(1), {"stage": "Panic"}, senders.event(2, auditID="")))
    assert (len(posted.lines), len(posted.broken)) == (1, 2)


def test_a_request_that_took_the_audit_id_of_another_is_another() -> None:
    mine = senders.event(2, auditID=senders.event(1)["auditID"])
    assert len(set(doors.audit(senders.event_list(senders.event(1), mine)).keys)) == 2


def test_the_stages_of_a_request_are_two_events() -> None:
    started = senders.event(1, stage="ResponseStarted")
    assert len(set(doors.audit(senders.event_list(senders.event(1), started)).keys)) == 2


@pytest.mark.parametrize("kind", ["PodList", ""])
def test_another_kind_of_object_is_refused_by_its_name(kind: str) -> None:
    with pytest.raises(refusals.Refused, match="takes EventList"):
        doors.audit(json.dumps({"kind": kind, "items": []}).encode())


def test_a_newline_within_a_string_cannot_make_two_records_of_one() -> None:
    body = senders.event_list(senders.event(1), senders.event(2, userAgent="a@b")).replace(b"@", b"\n")
    with pytest.raises(refusals.Refused):
        doors.audit(body)


def test_falco_may_post_one_alert_an_array_or_lines() -> None:
    one, two = senders.falco_alert(1), senders.falco_alert(2)
    for body, alerts in (
        (one, [one]),
        (b"[" + one + b"," + two + b"]", [one, two]),
        (one + b"\n" + two + b"\n", [one, two]),
    ):
        assert [bytes(line) for line in doors.falco(body).lines] == alerts


def test_falco_without_json_output_is_told_what_to_set() -> None:
    with pytest.raises(refusals.Refused, match="json_output"):
        doors.falco(b"12:00:00.000000000: Notice A shell was spawned\n")


def test_sensors_post_lines_of_alerts() -> None:
    posted = doors.sensor(senders.sensor_alert(1) + b"\n" + senders.sensor_alert(2) + b'\n{"id": 7}\n')
    assert (len(posted.lines), len(posted.broken)) == (2, 1)


@pytest.mark.parametrize("door", doors.DOORS, ids=lambda door: door.name)
@given(body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_is_an_error(door: doors.Door, body: bytes) -> None:
    try:
        posted = door.split(body)
    except refusals.Refused:
        return
    assert len(posted.lines) == len(posted.keys)
    assert not any(b"\n" in bytes(line) for line in posted.lines)


@pytest.mark.parametrize(
    ("split", "opening"), [(doors.audit, b'{"kind":'), (doors.falco, b"["), (doors.sensor, b'{"a":')]
)
def test_json_nested_without_end_is_refused(split: Callable[[bytes], doors.Posted], opening: bytes) -> None:
    with pytest.raises(refusals.Refused):
        split(opening * 100_000)


def test_what_is_judged_is_judged_as_a_format_we_read() -> None:
    assert {door.source for door in doors.DOORS} - {None} <= set(sources.names())


@pytest.mark.parametrize("door", doors.DOORS, ids=lambda door: door.name)
def test_a_line_from_the_journal_has_the_key_it_had_when_it_came(door: doors.Door) -> None:
    body = {
        "audit": senders.event_list(senders.event(1)),
        "falco": senders.falco_alert(1),
        "sensor": senders.sensor_alert(1),
    }
    posted = door.split(body[door.name])
    assert [door.key(line) for line in posted.lines] == posted.keys
