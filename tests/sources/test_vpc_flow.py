"""Flow logs of a VPC: addresses and ports, no direction."""

from __future__ import annotations

import pytest

from plimsoll.policies import edges
from plimsoll.sources import vpc_flow
from tests.sources import told

SAMPLE = told.sample("vpc_flow")


def test_a_record_is_a_row_and_the_heading_none() -> None:
    parsed = vpc_flow.parse(SAMPLE, 1)
    assert (parsed.accepted, parsed.events.height) == (5, 3)
    row = parsed.events.to_dicts()[0]
    assert (row["source_ip"], row["destination_ip"], row["destination_port"]) == ("10.1.0.5", "10.1.0.7", 6379)
    assert (row["l4_protocol"], row["is_reply"], row["node_name"]) == ("TCP", None, "eni-0a1b2c3d")


def test_what_was_refused_is_told_as_dropped() -> None:
    assert vpc_flow.parse(SAMPLE, 1).events["verdict"].to_list()[-1] == "DROPPED"


def test_both_directions_are_one_edge_to_the_port_that_serves() -> None:
    found = edges.of(vpc_flow.parse(SAMPLE, 1).events)
    assert found.select("source_ip", "destination_ip", "destination_port", "count").rows() == [
        ("10.1.0.5", "10.1.0.7", 6379, 2)
    ]


@pytest.mark.parametrize(
    "line", [b"{}", b"2 a b", SAMPLE[1].replace(b"40641", b"port"), SAMPLE[1].replace(b"1762077600", b"-1")]
)
def test_what_is_no_record_is_a_reject(line: bytes) -> None:
    assert len(vpc_flow.parse([line], 1).rejects) == 1
