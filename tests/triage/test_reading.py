"""A line of whatever make becomes a signature, a workload and an actor, or a reason why not."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import reading
from tests.triage import told

FALCO = {
    "uuid": "u1",
    "rule": "Run shell untrusted",
    "priority": "Notice",
    "time": "2026-01-01T02:00:00.123456789Z",
    "output": "02:00:00.1: Notice shell",
    "hostname": "node-1",
    "tags": ["container"],
    "output_fields": {
        "k8s.ns.name": "shop",
        "k8s.pod.name": "web-7d9c5b8f6d-x2k4q",
        "container.image.repository": "registry/web",
        "proc.exepath": "/bin/sh",
        "proc.pexepath": "/usr/bin/app",
        "proc.cmdline": "sh -c id 12",
        "user.loginname": "<NA>",
        "fd.sip": "198.51.100.9",
        "fd.sport": 443,
    },
}


def test_a_line_with_the_least_is_an_alert():
    seen = reading.of(told.noise())
    assert (seen.shape.workload, seen.shape.rule, seen.shape.actor, seen.shape.detailed) == (
        "host:mail",
        "Disk is busy",
        "",
        False,
    )
    assert seen.time == told.START


def test_an_alert_of_falco_tells_workload_image_and_process():
    seen = reading.of(FALCO)
    assert seen.shape.workload == "shop/Deployment/web"
    assert seen.severity == "low"
    assert dict(seen.shape.details) == {
        "image": "registry/web",
        "exe": "/bin/sh",
        "parent": "/usr/bin/app",
        "command": "sh -c id *",
        "destination": "external 198.0.0.0/8:443",
    }
    assert (seen.id, seen.pod, seen.node) == ("u1", "shop/web-7d9c5b8f6d-x2k4q", "node-1")


def test_an_alert_of_falco_without_uuid_has_the_same_id_each_time():
    row = {key: value for key, value in FALCO.items() if key != "uuid"}
    assert reading.of(row).id == reading.of(row).id != reading.of(row | {"rule": "x"}).id


def test_falcos_word_that_events_were_dropped_is_a_gap():
    assert reading.of(FALCO | {"rule": "Falco internal: syscall event drop"}).gap


def test_pods_of_one_workload_have_one_signature_and_other_workloads_another():
    fields = FALCO["output_fields"]
    here = reading.of(FALCO).shape.keys
    other_pod = FALCO | {
        "output_fields": fields | {"k8s.pod.name": "web-7d9c5b8f6d-zzzzz", "proc.cmdline": "sh -c id 99"}
    }
    other = FALCO | {"output_fields": fields | {"k8s.pod.name": "db-0"}}
    assert reading.of(other_pod).shape.keys == here
    assert reading.of(other).shape.keys[:3] == here[:3]
    assert reading.of(other).shape.keys[3] != here[3]


def test_a_story_of_ours_counts_under_its_rule_whoever_did_it():
    row = told.noise(subject="user:bob", kind="rule", title="user:bob: Binding written, `create x` in a from 192.0.2.1")
    assert reading.of(row).shape.rule == "Binding written"
    assert reading.of(row).shape.actor == "bob"


def test_a_deviation_is_known_by_its_facts_and_not_by_addresses():
    facts = ["request list secrets", "zone external 198.0.0.0/8", "address 198.51.100.7"]
    row = told.noise(kind="deviation", subject="sa:ci/x", title="sa:ci/x: list secrets from 198.51.100.7", facts=facts)
    elsewhere = [*facts[:2], "address 198.51.100.99"]
    assert reading.of(row).shape.keys == reading.of(row | {"facts": elsewhere, "title": "x"}).shape.keys
    assert reading.of(row).shape.keys != reading.of(row | {"facts": [facts[0], "zone external 203.0.0.0/8"]}).shape.keys


@pytest.mark.parametrize("subject", ["user:alice@acme.io", "user:system:anonymous"])
def test_people_and_who_did_not_log_in_are_actors(subject):
    assert reading.of(told.noise(subject=subject)).shape.actor == subject.removeprefix("user:")


@pytest.mark.parametrize("subject", ["sa:ci/x", "node:a", "user:system:kube-scheduler", "shop/Deployment/web:app"])
def test_machines_are_no_actors(subject):
    assert reading.of(told.noise(subject=subject)).shape.actor == ""


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": "1", "time": "yesterday", "title": "x"}',
        b'{"id": "1", "time": "2026-01-01T00:00:00", "title": "x"}',
        b'{"id": "1", "time": "0001-01-01T00:00:00Z", "title": "x"}',
        b'{"time": "2026-01-01T00:00:00Z", "title": "x"}',
        b'{"id": "1", "time": "2026-01-01T00:00:00Z"}',
        b'{"id": "1", "time": "2026-01-01T00:00:00Z", "title": ["x"]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_alert_is_said_to_be_none(line):
    with pytest.raises(reading.Unreadable):
        reading.read(line)


@given(
    st.dictionaries(
        st.sampled_from(["id", "time", "title", "actor", "rule", "output_fields", "kind"]),
        st.text() | st.integers() | st.none(),
    )
)
def test_a_hostile_line_never_breaks_reading(row):
    with contextlib.suppress(reading.Unreadable):
        reading.read(json.dumps({"id": "1", "time": "2026-01-01T00:00:00Z", "title": "x"} | row).encode())


@given(
    st.text(max_size=50), st.dictionaries(st.sampled_from(reading.DETAILS), st.text(max_size=20)), st.text(max_size=20)
)
def test_a_shape_is_known_by_rule_details_and_workload(rule, details, workload):
    one = reading.shape_of(rule, workload, details)
    assert reading.shape_of(one.rule, one.workload, dict(one.details)) == one
    assert reading.shape_of(rule, workload + "x", details).keys[:3] == one.keys[:3]


@pytest.mark.parametrize(
    ("why", "into"),
    [
        ("`create pods/exec` in shop of web-0 from 1.2.3.4 with kubectl, 1 time", ("shop/web-0",)),
        ("`patch pods/ephemeralcontainers` in a of b from nowhere with no client name, 2 times", ("a/b",)),
        ("`create pods/exec` in a of b, `get pods/exec` in a of c from 1.2.3.4 with x, 2 times", ("a/b", "a/c")),
        ("`create pods` in shop of new-pod from 1.2.3.4 with kubectl, 1 time", ("shop/new-pod",)),
        ("`create pods/exec` in shop from 1.2.3.4 with kubectl, 1 time", ()),
        ("`list secrets` in shop of web-0 from 1.2.3.4 with kubectl, 1 time", ()),
        ("`create podsecuritypolicies` in a of b from x", ()),
        ("create pods/exec in a of b", ()),
        ("`create pods/exec` in A B of ../x from x", ()),
    ],
)
def test_a_request_about_a_pod_tells_which_it_went_into(why, into):
    row = {"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "user:ann", "title": "x", "why": ["Because.", why]}
    assert reading.of(row).into == into
    assert reading.of(row | {"subject": "shop/Deployment/web:app"}).into == ()


@pytest.mark.parametrize("why", [None, "text", 7, {}, [None, 7, ["`create pods` in a of b"]], []])
def test_reasons_of_any_shape_are_read(why):
    row = {"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "user:ann", "title": "x", "why": why}
    assert isinstance(reading.of(row).into, tuple)


def test_reasons_without_end_are_read_as_far_as_they_matter():
    row = {"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "user:ann", "title": "x"}
    many = [f"`create pods/exec` in shop of web-{number}" for number in range(9_999)]
    assert len(reading.of(row | {"why": many}).into) <= reading.MOST_INTO


def test_the_sensor_says_itself_that_it_lost_events() -> None:
    row = {
        "id": "1",
        "time": "2026-01-01T00:00:00Z",
        "title": "events of host:a were lost",
        "kind": "loss",
        "node": "a",
    }
    assert reading.of({**row, "subject": "host:a"}).gap
    assert not reading.of({**row, "subject": "host:a", "kind": "deviation"}).gap
