"""Hubble's flows: the source is who opened the connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import hubble
from tests.sources import told

WEB = {
    "identity": 1001,
    "namespace": "shop",
    "pod_name": "web-1",
    "labels": ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop"],
    "workloads": [{"name": "web", "kind": "Deployment"}],
}
REDIS = {
    "identity": 1002,
    "namespace": "shop",
    "pod_name": "redis-0",
    "labels": ["k8s:app=redis"],
    "workloads": [{"name": "redis", "kind": "StatefulSet"}],
}


def flow(**fields: Any) -> dict[str, Any]:
    return {
        "time": "2026-03-02T10:00:00.123456789Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        "l4": {"TCP": {"source_port": 40000, "destination_port": 6379}},
        "source": WEB,
        "destination": REDIS,
        "is_reply": False,
        **fields,
    }


def answer(**fields: Any) -> dict[str, Any]:
    ports = {"TCP": {"source_port": 6379, "destination_port": 40000}}
    return flow(
        IP={"source": "10.0.0.2", "destination": "10.0.0.1"},
        l4=ports,
        source=REDIS,
        destination=WEB,
        is_reply=True,
        **fields,
    )


def test_a_flow_has_two_ends() -> None:
    row = told.row(hubble, flow())
    assert (row["source_ip"], row["source_workload_kind"], row["source_workload_name"]) == (
        "10.0.0.1",
        "Deployment",
        "web",
    )
    assert (row["destination_ip"], row["destination_port"], row["destination_workload_name"]) == (
        "10.0.0.2",
        6379,
        "redis",
    )
    assert (row["l4_protocol"], row["verdict"], row["count"]) == ("TCP", "FORWARDED", 1)


def test_wrapped_and_bare_say_the_same() -> None:
    assert told.row(hubble, {"flow": flow(), "node_name": "n"}) == told.row(hubble, flow())


def test_a_document_holds_a_flow_a_record() -> None:
    parsed = hubble.parse([msgspec.json.encode({"schema": "x", "flows": [flow(), {"verdict": 7}, flow()]})], 5)
    assert (parsed.accepted, [reject.offset for reject in parsed.rejects]) == (2, [0])
    assert parsed.events["evt_num"].to_list() == [5, 7]


def test_an_empty_document_is_one_record_that_teaches_nothing() -> None:
    parsed = hubble.parse([b'{"flows": []}'], 1)
    assert (parsed.accepted, parsed.rejects, parsed.events.height) == (1, [], 0)


def test_an_answer_is_turned_to_who_asked() -> None:
    row = told.row(hubble, answer())
    assert row.pop("is_reply") is True
    assert row == {name: value for name, value in told.row(hubble, flow()).items() if name != "is_reply"}


def test_the_names_and_service_of_an_answer_are_those_of_its_source() -> None:
    row = told.row(hubble, answer(source_names=["redis.shop"], source_service={"name": "redis", "namespace": "shop"}))
    assert (row["destination_names"], row["destination_service"]) == (["redis.shop"], "shop/redis")


def test_a_proxys_answer_written_as_its_question_is_left_so() -> None:
    dns = flow(
        is_reply=True,
        l4={"UDP": {"source_port": 42270, "destination_port": 53}},
        l7={"type": "RESPONSE", "dns": {"query": "x."}},
        Type="L7",
    )
    row = told.row(hubble, dns)
    assert (row["source_pod_name"], row["destination_port"]) == ("web-1", 53)


def test_a_proxys_answer_written_as_an_answer_is_turned() -> None:
    row = told.row(hubble, answer(l7={"type": "RESPONSE"}, Type="L7"))
    assert (row["source_pod_name"], row["destination_port"]) == ("web-1", 6379)


@pytest.mark.parametrize(("ack", "opener"), [(False, "web-1"), (True, "redis-0")])
def test_where_the_direction_is_unknown_the_handshake_tells(ack: bool, opener: str) -> None:
    ports = {"source_port": 1, "destination_port": 2, "flags": {"SYN": True, "ACK": ack}}
    assert told.row(hubble, flow(is_reply=None, l4={"TCP": ports}))["source_pod_name"] == opener


@pytest.mark.parametrize(
    ("endpoint", "identity"),
    [
        ({"identity": 2, "labels": ["reserved:world"]}, "world"),
        ({"identity": 16777217, "labels": ["reserved:world", "reserved:kube-apiserver"]}, "kube-apiserver"),
        ({"identity": 6, "labels": ["reserved:remote-node"]}, "remote-node"),
        ({"identity": 10, "labels": ["reserved:world-ipv6"]}, "world"),
        ({"identity": 1}, "host"),
        ({"identity": 2, "labels": ["cidr:203.0.113.0/24", "reserved:world"]}, "world"),
    ],
)
def test_a_reserved_end_has_a_name(endpoint: dict[str, Any], identity: str) -> None:
    assert told.row(hubble, flow(destination=endpoint))["destination_identity"] == identity


def test_labels_are_the_pods_own() -> None:
    assert told.row(hubble, flow())["source_labels"] == ["app=web"]


def test_a_replicaset_is_no_workload() -> None:
    assert "source_workload_name" not in told.row(
        hubble, flow(source={**WEB, "workloads": [{"name": "web-5d4f", "kind": "ReplicaSet"}]})
    )


def test_a_ping_has_no_ports() -> None:
    row = told.row(hubble, flow(l4={"ICMPv6": {"type": 128}}))
    assert row["l4_protocol"] == "ICMP"
    assert "destination_port" not in row


@pytest.mark.parametrize("kind", ["lost_events", "node_status", "agent_event", "debug_event"])
def test_the_exporters_other_messages_teach_nothing(kind: str) -> None:
    assert told.rows(hubble, {kind: {}, "node_name": "n", "time": "2026-03-02T10:00:00Z"}) == []


def test_a_translated_address_is_no_connection() -> None:
    assert told.rows(hubble, flow(Type="SOCK")) == []


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"flow": 7},
        {"flows": 7},
        flow(source=[]),
        flow(time="soon"),
        flow(l4={"TCP": {"source_port": "80"}}),
        flow(is_reply="no"),
    ],
)
def test_what_is_no_flow_is_a_reject(record: dict[str, Any]) -> None:
    assert told.refused(hubble, record)


@given(reply=st.booleans(), ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)))
def test_no_end_is_lost_in_turning(reply: bool, ports: tuple[int, int]) -> None:
    row = told.row(hubble, flow(is_reply=reply, l4={"SCTP": {"source_port": ports[0], "destination_port": ports[1]}}))
    ends = {row["source_pod_name"]: row["source_port"], row["destination_pod_name"]: row["destination_port"]}
    assert ends == {"web-1": ports[0], "redis-0": ports[1]}


@pytest.mark.data
def test_recorded_flows_are_read(shared_data: Path) -> None:
    lines = (shared_data / "flows" / "hubble" / "captured" / "flows.jsonl").read_bytes().splitlines()
    parsed = hubble.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects, parsed.events.height) == (len(lines), [], len(lines))


@pytest.mark.data
def test_recorded_documents_are_read(shared_data: Path) -> None:
    for path in sorted((shared_data / "flows" / "hubble").glob("*.json")):
        parsed = hubble.parse([msgspec.json.format(path.read_bytes(), indent=-1)], 1)
        assert parsed.rejects == []
        assert parsed.events.height == parsed.accepted > 1


def test_an_answer_of_dns_tells_the_name_of_each_address_and_to_whom() -> None:
    dns = {"query": "api.example.com.", "ips": ["203.0.113.7", "203.0.113.8"]}
    ports = {"UDP": {"source_port": 53, "destination_port": 40000}}
    told_of = hubble.rows(
        msgspec.convert(answer(Type="L7", l7={"type": "RESPONSE", "dns": dns}) | {"l4": ports}, hubble.Flow)
    )
    assert [(row.get("destination_ip"), row.get("destination_names")) for row in told_of[1:]] == [
        ("203.0.113.7", ["api.example.com"]),
        ("203.0.113.8", ["api.example.com"]),
    ]
    assert {row["source_workload_name"] for row in told_of} == {"web"}
    assert all(row["is_reply"] for row in told_of)


def test_a_question_of_dns_tells_no_address() -> None:
    question = flow(Type="L7", l7={"type": "REQUEST", "dns": {"query": "api.example.com."}})
    assert len(hubble.rows(msgspec.convert(question, hubble.Flow))) == 1
