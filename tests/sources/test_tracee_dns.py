"""What a process asked DNS for and was told, however Tracee spells it."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from plimsoll.policies import lookups
from plimsoll.sources import tracee
from tests.sources import told
from tests.sources.test_tracee import new, old

ENDS = {"src": "10.0.0.10", "dst": "10.1.0.5", "src_port": 53, "dst_port": 40000}
ABOUT = {"src_ip": "10.0.0.10", "dst_ip": "10.1.0.5", "src_port": 53, "dst_port": 40000, "protocol": 17, "iface": "any"}
RECORDS = [
    {"name": "api.example", "type": "CNAME", "CNAME": "edge.example.net", "IP": ""},
    {"name": "edge.example.net", "type": "A", "IP": "203.0.113.7"},
    {"name": "edge.example.net", "type": "AAAA", "IP": "2001:db8::7"},
    {"name": "edge.example.net", "type": "OPT", "IP": "203.0.113.9"},
]
WHOLE = {"QR": 1, "questions": [{"name": "api.example.", "type": "A"}], "answers": RECORDS}
QUERY = {"query": "api.example", "query_type": "A", "query_class": "IN"}
ANSWERS = [
    {"answer_type": "CNAME", "ttl": 5, "answer": "edge.example.net"},
    {"answer_type": "A", "ttl": 5, "answer": "203.0.113.7"},
    {"answer_type": "AAAA", "ttl": 5, "answer": "2001:db8::7"},
]


def capital(value: Any) -> Any:
    """Keys as later releases write those of whole packets."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: capital(one) for key, one in value.items()}
    return [capital(one) for one in value] if isinstance(value, list) else value


def small(value: Any) -> Any:
    """Keys as protobuf writes them."""
    if isinstance(value, dict):
        return {key.lower(): small(one) for key, one in value.items()}
    return [small(one) for one in value] if isinstance(value, list) else value


SAME = {
    "whole": old("net_packet_dns", {**ENDS, "proto_dns": WHOLE}),
    "whole, in capitals": old("net_packet_dns", {**ENDS, "proto_dns": capital(WHOLE)}),
    "whole, in v1beta1": new(
        "net_packet_dns",
        {"name": "metadata", "packet_metadata": ABOUT},
        {"name": "proto_dns", "dns": small(WHOLE)},
        hostname="n",
    ),
    "response": old(
        "net_packet_dns_response",
        {"metadata": ABOUT, "dns_response": [{"query_data": QUERY, "dns_answer": ANSWERS}]},
    ),
    "response, in v1beta1": new(
        "net_packet_dns_response",
        {"name": "metadata", "packet_metadata": ABOUT},
        {
            "name": "dns_response",
            "dns_responses": {
                "responses": [
                    {
                        "dns_query_data": QUERY,
                        "dns_answer": [{"type": one["answer_type"], "answer": one["answer"]} for one in ANSWERS],
                    }
                ]
            },
        },
    ),
}


@pytest.mark.parametrize("event", SAME.values(), ids=SAME)
def test_an_answer_tells_the_name_that_was_asked_for_and_each_address(event: dict[str, Any]) -> None:
    rows = told.rows(tracee, event)
    assert [row["evt_type"] for row in rows] == ["dns", "dns_answer", "dns_answer"]
    assert (rows[0]["dns_name"], rows[0]["fd_sip"], rows[0]["fd_sport"]) == ("api.example", "10.0.0.10", 53)
    assert [(row["fd_sip"], row["fd_sip_name"]) for row in rows[1:]] == [
        ("203.0.113.7", "api.example"),
        ("2001:db8::7", "api.example"),
    ]
    assert {row["proc_pid"] for row in rows} == {7}


@pytest.mark.parametrize(
    "event",
    [
        old("net_packet_dns_request", {"metadata": ABOUT, "dns_questions": [QUERY]}),
        new("net_packet_dns_request", {"name": "dns_questions", "dns_questions": {"questions": [QUERY]}}),
    ],
)
def test_a_request_tells_what_is_asked(event: dict[str, Any]) -> None:
    assert [(row["evt_type"], row["dns_name"]) for row in told.rows(tracee, event)] == [("dns", "api.example")]


@pytest.mark.parametrize(
    ("response", "direction", "own"),
    [
        *((1, 1, True), (1, 2, False), (1, 3, False), (1, "EGRESS", False), (1, None, True)),
        *((0, 1, False), (0, "INGRESS", False), (0, 2, True), (0, "EGRESS", True)),
    ],
)
def test_what_a_server_is_asked_and_answers_is_not_its_own(
    response: int, direction: int | str | None, *, own: bool
) -> None:
    event = old("net_packet_dns", {**ENDS, "metadata": {"direction": direction}, "proto_dns": WHOLE | {"QR": response}})
    assert bool(told.rows(tracee, event)) == own


def test_of_a_long_answer_only_so_many_addresses_are_told() -> None:
    many = [{"answer_type": "A", "answer": f"203.0.113.{number % 250}"} for number in range(10_000)]
    response = [{"query_data": QUERY, "dns_answer": many}]
    assert len(told.rows(tracee, old("net_packet_dns_response", {"dns_response": response}))) == 65


@pytest.mark.parametrize(
    "args",
    [
        {"proto_dns": 7},
        {"proto_dns": {"questions": "x"}},
        {"proto_dns": {"questions": [7]}},
        {"dns_response": [7]},
        {"dns_response": {"responses": [[]], "x": 1}},
        {"dns_response": [{"query_data": QUERY, "dns_answer": {"a": 1}}]},
        {"metadata": "x"},
    ],
)
def test_what_is_broken_is_a_reject_or_tells_nothing(args: dict[str, Any]) -> None:
    parsed = tracee.parse([json.dumps(old("net_packet_dns", args)).encode()], 1)
    assert parsed.events.height == 0


def test_a_later_connection_to_the_address_has_the_name() -> None:
    rows = tracee.parse([json.dumps(SAME["response"]).encode()], 1).events.with_columns(k8s_ns_name=pl.lit("shop"))
    names = lookups.of_activity(rows)
    assert set(names["name"]) == {"api.example"}
    assert set(names["destination_ip"]) == {"203.0.113.7", "2001:db8::7"}
