"""The audit source: fast, and row for row what a plain reading of the JSON says."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.sources import k8s_audit, lines, records

EXTRA, NOTE = "authentication.kubernetes.io/", "authorization.k8s.io/"


def event(**changes: Any) -> dict[str, Any]:
    """A Metadata-level Event as the API server writes it; None takes a key out."""
    whole = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "5a0e6f3c-1b1e-4b5c-9f57-000000000001",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/secrets/db?timeout=5s",
        "verb": "get",
        "user": {
            "username": "system:serviceaccount:shop:web",
            "uid": "7",
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "extra": {
                EXTRA + "credential-id": ["JTI=1f"],
                EXTRA + "node-name": ["node-a"],
                EXTRA + "pod-name": ["web-1"],
                EXTRA + "pod-uid": ["p-1"],
            },
        },
        "sourceIPs": ["198.51.100.7", "10.0.0.7"],
        "userAgent": "web/1.4",
        "objectRef": {"resource": "secrets", "namespace": "shop", "name": "db", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2026-03-01T10:00:00.123456Z",
        "stageTimestamp": "2026-03-01T10:00:00.125000Z",
        "annotations": {NOTE + "decision": "allow", NOTE + "reason": 'RBAC: allowed by Role "web/shop"'},
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def parse(*found: object) -> records.Parsed:
    return k8s_audit.parse([msgspec.json.encode(one) for one in found], 1)


def row(**changes: Any) -> dict[str, Any]:
    parsed = parse(event(**changes))
    assert parsed.rejects == []
    return parsed.events.row(0, named=True)


def refused(**changes: Any) -> str:
    (reject,) = parse(event(**changes)).rejects
    return reject.reason


# What a plain reader makes of an Event: json, datetime and ipaddress, one key after the other.


def moment(text: str) -> dt.datetime:
    told = dt.datetime.fromisoformat(text)
    return (told if told.tzinfo else told.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def address(text: str) -> str:
    try:
        told = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(told.ipv4_mapped) if isinstance(told, ipaddress.IPv6Address) and told.ipv4_mapped else str(told)


def plain(line: bytes, number: int) -> dict[str, Any]:
    said = json.loads(line)
    user, as_user = said.get("user") or {}, said.get("impersonatedUser") or {}
    extra, ref, notes = user.get("extra") or {}, said.get("objectRef") or {}, said.get("annotations") or {}
    sources = said.get("sourceIPs")
    return {
        "evt_num": number,
        "time": moment(said.get("requestReceivedTimestamp") or said.get("stageTimestamp") or said["timestamp"]),
        **{name: said.get(name) for name in ("auditID", "stage", "level", "verb", "requestURI", "userAgent")},
        "user_username": user.get("username"),
        "user_groups": user.get("groups"),
        **{
            f"user_{name.replace('-', '_')}": (extra.get(EXTRA + name) or [None])[0]
            for name in ("credential-id", "pod-name", "pod-uid", "node-name")
        },
        "impersonatedUser_username": as_user.get("username"),
        "impersonatedUser_groups": as_user.get("groups"),
        "sourceIPs": sources,
        "source_ip": address(sources[-1]) if sources else None,
        **{f"objectRef_{name}": ref.get(name) for name in ("apiGroup", "resource", "subresource", "namespace", "name")},
        "responseStatus_code": (said.get("responseStatus") or {}).get("code"),
        "annotations_decision": notes.get(NOTE + "decision"),
        "annotations_reason": notes.get(NOTE + "reason"),
        "annotations_issued_credential_id": notes.get(EXTRA + "issued-credential-id"),
        **{name: said.get(name) for name in ("annotations", "requestObject", "responseObject")},
    }


def agrees(lines: list[bytes]) -> None:
    parsed = k8s_audit.parse(lines, 5)
    assert parsed.rejects == []
    assert parsed.accepted == len(lines)
    assert parsed.events.schema == frames.schema(tables.AUDIT)
    expected = [plain(line, number) for number, line in enumerate(lines, 5)]
    for name in tables.names(tables.AUDIT):
        told = parsed.events[name].to_list()
        if name in ("annotations", "requestObject", "responseObject"):
            told = [None if text is None else json.loads(text) for text in told]
        assert told == [one[name] for one in expected], name


def test_an_event_becomes_a_row_with_every_column() -> None:
    agrees(
        [msgspec.json.encode(event(impersonatedUser={"username": "bob", "groups": ["dev"]}, requestObject={"a": [1]}))]
    )


def test_a_later_event_of_the_same_user_gets_the_same_columns() -> None:
    assert parse(event(), event(verb="list"), event()).events["user_pod_name"].to_list() == ["web-1"] * 3


names = st.text(max_size=12)
maybe = st.none() | names
users = st.none() | st.fixed_dictionaries(
    {"username": names},
    optional={
        "uid": names,
        "groups": st.none() | st.lists(names, max_size=3),
        "extra": st.none()
        | st.dictionaries(
            st.sampled_from([EXTRA + "credential-id", EXTRA + "pod-name", EXTRA + "pod-uid", EXTRA + "node-name", "x"]),
            st.lists(names, max_size=2),
        ),
    },
)
ips = st.none() | st.lists(st.ip_addresses().map(str) | st.sampled_from(["::ffff:10.0.0.7", "@", ""]), max_size=3)
bodies = st.none() | st.dictionaries(names, st.integers() | names, max_size=2) | st.lists(st.booleans(), max_size=2)
times = (
    st.datetimes()
    .filter(lambda at: 1 < at.year < 9999)
    .flatmap(
        lambda at: st.sampled_from(
            [
                at.isoformat(timespec="microseconds") + "Z",
                at.isoformat() + "+05:30",
                at.isoformat(" ") + ".",
                at.isoformat(),
            ]
        ).map(lambda text: text.rstrip("."))
    )
)
events = st.builds(
    event,
    auditID=names.filter(bool),
    stage=st.sampled_from(["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]),
    level=maybe,
    requestURI=maybe,
    verb=names.filter(bool),
    user=users,
    impersonatedUser=users,
    sourceIPs=ips,
    userAgent=maybe,
    objectRef=st.none()
    | st.dictionaries(st.sampled_from(["apiGroup", "resource", "subresource", "namespace", "name", "uid"]), maybe),
    responseStatus=st.none() | st.dictionaries(st.sampled_from(["code"]), st.none() | st.integers(-(2**31), 2**31 - 1)),
    requestReceivedTimestamp=st.none() | times,
    stageTimestamp=times,
    annotations=st.none()
    | st.dictionaries(
        st.sampled_from([NOTE + "decision", NOTE + "reason", EXTRA + "issued-credential-id", "x"]), names
    ),
    requestObject=bodies,
    responseObject=bodies,
    whatever=bodies,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(events, min_size=1, max_size=8), st.booleans())
def test_any_events_become_what_a_plain_reader_makes_of_them(made: list[dict[str, Any]], ascii_only: bool) -> None:
    agrees([json.dumps(one, ensure_ascii=ascii_only).encode() for one in made])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*range(6)]), max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_lines_in_batches_give_the_same_rows_as_all_at_once(kinds: list[int], cuts: list[int]) -> None:
    pool = [
        msgspec.json.encode(one)
        for one in (
            event(),
            event(user={"username": "bob"}, annotations=None),
            event(user={"username": 7}),
            {"items": [event(verb="list"), {}, event()]},
            {"category": "guard", "properties": {}},
            7,
        )
    ]
    lines = [pool[kind] for kind in kinds]
    together, apart, number, count = k8s_audit.parse(lines, 1), [frames.empty(tables.AUDIT)], 1, 0
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(lines)], strict=True):
        parsed = k8s_audit.parse(lines[begin:end], number)
        number += parsed.accepted + len(parsed.rejects)
        count += parsed.accepted
        apart.append(parsed.events)
    assert frames.pl.concat(apart).equals(together.events)
    assert (count, number - 1) == (together.accepted, together.accepted + len(together.rejects))


def test_a_chunk_with_a_broken_line_gives_the_same_rows_as_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(k8s_audit, "CHUNK", 2)
    lines = [msgspec.json.encode(event(verb=verb)) for verb in ("get", "list", "watch", "patch", "update")]
    parsed = k8s_audit.parse([*lines[:3], b"{", *lines[3:]], 1)
    assert [(reject.offset, parsed.accepted) for reject in parsed.rejects] == [(3, 5)]
    assert parsed.events["evt_num"].to_list() == [1, 2, 3, 5, 6]
    assert parsed.events.drop("evt_num").equals(k8s_audit.parse(lines, 1).events.drop("evt_num"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"auditID": None}, "no auditID"),
        ({"auditID": ""}, "no auditID"),
        ({"stage": None}, "no stage"),
        ({"kind": None, "verb": None}, "no verb"),
        ({"kind": None, "user": None}, "no user"),
        ({"verb": 7}, "$.verb"),
        ({"user": []}, "object"),
        ({"user": {"groups": ["a", 1]}}, "$.groups"),
        ({"user": {"extra": {EXTRA + "pod-name": "web"}}}, "pod-name"),
        ({"impersonatedUser": {"username": {}}}, "$.username"),
        ({"sourceIPs": "10.0.0.7"}, "$.sourceIPs"),
        ({"objectRef": {"name": 1}}, "$.objectRef.name"),
        ({"responseStatus": {"code": "200"}}, "$.responseStatus.code"),
        ({"responseStatus": {"code": 2**40}}, "$.responseStatus.code"),
        ({"annotations": {NOTE + "decision": True}}, "decision"),
        ({"requestReceivedTimestamp": "yesterday"}, "time"),
        ({"requestReceivedTimestamp": None, "stageTimestamp": None}, "time"),
    ],
)
def test_a_record_with_a_field_amiss_is_a_reject_that_says_which(changes: dict[str, Any], reason: str) -> None:
    assert reason in refused(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": None, "apiVersion": None},
        {"apiVersion": "audit.k8s.io/v1beta1", "metadata": {"creationTimestamp": "2018-10-26T09:09:28Z"}},
        {"requestReceivedTimestamp": None, "stageTimestamp": None, "timestamp": "2018-10-26T09:09:28Z"},
        {"user": {"username": "a", "extra": {"scopes": 7}}, "authenticationMetadata": [1]},
        {"verb": None},
    ],
)
def test_older_kinds_of_event_and_unknown_fields_are_read(changes: dict[str, Any]) -> None:
    assert row(**changes)["auditID"].startswith("5a0e")


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 5000,
        b'{"auditID":"a","requestObject":' + b"[" * 5000,
        b'{"x":' * 5000,
        json.dumps(event()).encode().replace(b"web/1.4", b"web/\xff"),
        json.dumps(event(whatever="~")).encode().replace(b"~", b"\xff"),
        json.dumps(event(requestObject={"a": "~"})).encode().replace(b"~", b"\xc3"),
        json.dumps(event(user={"username": "~"})).encode().replace(b"~", b"\\ud800"),
        b"null",
        b"7",
        b'"Event"',
        b"[]",
        b"{}",
        b"\x00",
    ],
)
def test_a_hostile_line_is_one_reject(line: bytes) -> None:
    whole = msgspec.json.encode(event())
    parsed = k8s_audit.parse([whole, line, whole], 1)
    assert [reject.offset for reject in parsed.rejects] == [1]
    assert parsed.events["evt_num"].to_list() == [1, 3]


def test_zeros_and_repeated_keys_are_no_harm() -> None:
    line = msgspec.json.encode(event(userAgent="a\x00b"))[:-1] + b',"verb":"delete","user":{"username":"last"}}'
    found = k8s_audit.parse([line], 1).events.row(0, named=True)
    assert (found["userAgent"], found["verb"], found["user_username"]) == ("a\x00b", "delete", "last")


def test_bodies_stay_the_text_they_were() -> None:
    line = msgspec.json.encode(event())[:-1] + b',"requestObject":{"b": 1.0,"a":"\\u0026"},"responseObject":null}'
    found = k8s_audit.parse([line], 1).events.row(0, named=True)
    assert (found["requestObject"], found["responseObject"]) == ('{"b": 1.0,"a":"\\u0026"}', None)


def test_no_lines_are_no_rows() -> None:
    assert k8s_audit.parse([], 1).events.equals(frames.empty(tables.AUDIT))


@pytest.mark.parametrize(
    ("record", "yes"),
    [
        (event(), True),
        ({"auditID": "a", "stage": "Panic"}, True),
        ({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": []}, True),
        ({"kind": "Event", "apiVersion": "v1", "metadata": {}}, False),
        ({"kind": "List", "items": [{"kind": "Pod"}]}, False),
        ([event()], False),
        (None, False),
    ],
)
def test_it_recognises_its_own(record: object, yes: bool) -> None:
    assert k8s_audit.recognises(record) is yes


def damaged(line: bytes, chance: random.Random) -> bytes:
    at, to = sorted(chance.choices(range(1, len(line)), k=2))
    return chance.choice(
        [
            line[:at],
            line[at:],
            line[:at] + line[to:],
            line[:at] + bytes([line[at] ^ 1 << chance.randrange(8)]) + line[at + 1 :],
            line[:at] + b"\x00\xff\xfe" + line[at:],
            line[:at] + b"[" * 5000 + line[at:],
            line.replace(b'":"', b'":99999999999999999999999,"', 1),
            line + line,
            json.dumps({key: chance.choice([None, [], {}, "x", -1, True, 1e308]) for key in json.loads(line)}).encode(),
        ]
    )


def test_a_thousand_damaged_lines_are_each_accepted_or_rejected() -> None:
    chance = random.Random(7)
    lines = [damaged(msgspec.json.encode(event()), chance) for _ in range(1000)]
    parsed = k8s_audit.parse(lines, 1)
    assert parsed.accepted + len(parsed.rejects) == len(lines)
    assert parsed.accepted == parsed.events.height
    assert all(reject.reason and reject.reason.isprintable() for reject in parsed.rejects)


@pytest.mark.data
def test_the_recording_is_read_as_a_plain_reader_reads_it(shared_data: Path) -> None:
    paths = sorted((shared_data / "audit" / "dev").glob("*.jsonl.gz"))
    lines = [line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()]
    parsed = k8s_audit.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (len(lines), [])
    agrees(random.Random(1).sample(lines, min(2000, len(lines))))


@pytest.mark.data
def test_the_events_of_falcos_and_panthers_cases_are_read(shared_data: Path) -> None:
    falco = (shared_data / "falco" / "events" / "k8saudit.jsonl").read_bytes().splitlines()
    found = [one for line in falco for one in json.loads(line)["events"]]
    agrees([json.dumps(one).encode() for one in found if "auditID" in one])
    panther = (shared_data / "audit-public" / "panther" / "dev" / "cases.jsonl").read_bytes().splitlines()
    always = {name: event()[name] for name in ("kind", "auditID", "stage", "stageTimestamp")}
    agrees([json.dumps({**always, **json.loads(line)["normalised"]}).encode() for line in panther])


BLOCK_LINES = st.sampled_from(
    [
        json.dumps(event()).encode(),
        json.dumps(event(auditID="ü")).encode(),
        json.dumps(event(user=None)).encode(),
        json.dumps(event(stage="")).encode(),
        json.dumps({"kind": "EventList", "items": [event(), event()]}).encode(),
        json.dumps(event(), indent=1).encode(),  # over several lines: each is broken
        json.dumps(event()).encode() * 2,
        b"\xff",
        b"{",
        b"",
        b" \r",
    ]
)


@given(st.lists(BLOCK_LINES, max_size=8), st.booleans(), st.integers(1, 4000))
@settings(max_examples=60)
def test_read_in_blocks_a_log_is_what_it_is_line_by_line(written: list[bytes], ended: bool, size: int) -> None:
    data = b"\n".join(written) + b"\n" * ended
    blocks = (data[at : at + size] for at in range(0, len(data), size))
    runs = [run.lines for run in lines.runs(blocks, lambda: None, 1000)]
    alone = [line.rstrip(b"\r") for line in data.split(b"\n") if line.strip()]
    whole = [k8s_audit.parse(run, 1) for run in runs if run]
    assert [parsed.accepted for parsed in whole] == [k8s_audit.parse(alone, 1).accepted] * len(whole)
    for parsed in whole:
        one_by_one = k8s_audit.parse(alone, 1)
        assert parsed.rejects == one_by_one.rejects
        assert parsed.events.equals(one_by_one.events)
