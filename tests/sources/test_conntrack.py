"""Connections of the kernel's table: who opened them, and who really answered."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import sources
from plimsoll.sources import conntrack, inputs, lines, reading

SAMPLE = Path(__file__).parent / "samples" / "conntrack.jsonl"


def line(
    sent: tuple[str, str, int, int],
    answer: tuple[str, str, int, int],
    *,
    event: str = "    [NEW]",
    head: str = "tcp      6 120 SYN_SENT",
) -> bytes:
    told, awaited = (f"src={src} dst={dst} sport={sport} dport={dport}" for src, dst, sport, dport in (sent, answer))
    return f"[1795415661.076992]\t{event} ipv4     2 {head} {told} [UNREPLIED] {awaited} id=7".encode()


def rows(*given: bytes) -> list[dict[str, Any]]:
    parsed = conntrack.parse(list(given), 1)
    assert parsed.rejects == []
    return parsed.events.to_dicts()


def ends(row: dict[str, Any]) -> tuple[str, int, str, int]:
    return row["source_ip"], row["source_port"], row["destination_ip"], row["destination_port"]


def test_a_new_connection_goes_to_who_really_answers() -> None:
    (row,) = rows(line(("10.1.0.5", "10.96.0.20", 45622, 80), ("10.1.0.7", "10.1.0.5", 8080, 45622)))
    assert ends(row) == ("10.1.0.5", 45622, "10.1.0.7", 8080)
    assert (row["l4_protocol"], row["verdict"], row["count"]) == ("TCP", "FORWARDED", 1)
    assert row["time"].isoformat() == "2026-11-23T06:34:21.076992+00:00"


@pytest.mark.parametrize("event", [" [UPDATE]", "[DESTROY]"])
def test_what_becomes_of_a_connection_teaches_nothing(event: str) -> None:
    told = line(("10.1.0.5", "10.1.0.7", 45622, 80), ("10.1.0.7", "10.1.0.5", 80, 45622), event=event)
    parsed = conntrack.parse([told], 1)
    assert (parsed.accepted, parsed.events.height) == (1, 0)


def test_a_connection_met_on_its_way_is_turned_to_who_must_have_opened_it() -> None:
    met = line(
        ("10.1.0.7", "10.1.0.5", 80, 45622), ("10.1.0.5", "10.1.0.7", 45622, 80), head="tcp 6 432000 ESTABLISHED"
    )
    (row,) = rows(met)
    assert ends(row) == ("10.1.0.5", 45622, "10.1.0.7", 80)


def test_a_connection_met_on_its_way_between_two_high_ports_has_no_direction() -> None:
    met = line(
        ("10.1.0.7", "10.1.0.5", 40001, 45622), ("10.1.0.5", "10.1.0.7", 45622, 40001), head="tcp 6 1 ESTABLISHED"
    )
    assert rows(met) == []


def test_an_answer_to_a_forgotten_question_is_no_question() -> None:
    late = line(("10.1.0.2", "10.1.0.5", 53, 52370), ("10.1.0.5", "10.1.0.2", 52370, 53), head="udp      17 30")
    (row,) = rows(late)
    assert ends(row) == ("10.1.0.5", 52370, "10.1.0.2", 53)


def test_a_call_from_low_port_to_low_port_stays_as_it_was_opened() -> None:
    ntp = line(("10.1.0.2", "10.1.0.5", 123, 123), ("10.1.0.5", "10.1.0.2", 123, 123), head="udp      17 30")
    assert ends(rows(ntp)[0]) == ("10.1.0.2", 123, "10.1.0.5", 123)


def test_a_caller_behind_the_nodes_address_is_seen_as_both() -> None:
    masked = line(("198.51.100.9", "192.168.7.1", 40000, 30080), ("10.1.0.7", "192.168.7.1", 8080, 40000))
    assert [row["source_ip"] for row in rows(masked)] == ["198.51.100.9", "192.168.7.1"]


def test_masquerading_on_the_way_out_changes_nobody() -> None:
    out = line(("10.1.0.5", "203.0.113.9", 40000, 443), ("203.0.113.9", "192.168.7.1", 443, 40000))
    assert [row["source_ip"] for row in rows(out)] == ["10.1.0.5"]


def test_a_line_without_time_has_none() -> None:
    text = line(("10.1.0.5", "10.1.0.7", 45622, 80), ("10.1.0.7", "10.1.0.5", 80, 45622)).partition(b"\t")[2]
    assert rows(text)[0]["time"] is None


def test_a_ping_has_no_ports() -> None:
    ping = b"[1.5]\t    [NEW] ipv4     2 icmp     1 30 src=10.1.0.5 dst=10.1.0.7 type=8 code=0 id=4 [UNREPLIED] src=10.1.0.7 dst=10.1.0.5 type=0 code=0 id=4"
    (row,) = rows(ping)
    assert (row["l4_protocol"], row["destination_port"]) == ("ICMP", None)


@pytest.mark.parametrize(
    "broken",
    [
        b"{}",
        b"[1.5]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=10.1.0.5",
        b"\xff\xfe",
        line(("nowhere", "10.1.0.7", 1, 2), ("10.1.0.7", "10.1.0.5", 2, 1)),
        line(("10.1.0.5", "10.1.0.7", 70000, 2), ("10.1.0.7", "10.1.0.5", 2, 1)),
    ],
)
def test_what_is_no_event_is_a_reject(broken: bytes) -> None:
    good = line(("10.1.0.5", "10.1.0.7", 45622, 80), ("10.1.0.7", "10.1.0.5", 80, 45622))
    parsed = conntrack.parse([broken, good], 5)
    assert (parsed.accepted, [reject.offset for reject in parsed.rejects]) == (1, [0])
    assert parsed.events["evt_num"].to_list() == [6]


def test_blocks_and_lines_say_the_same() -> None:
    whole = SAMPLE.read_bytes()
    text = lines.Text([lines.block(whole)])
    assert conntrack.parse(text, 1).events.equals(conntrack.parse(whole.splitlines(), 1).events)
    windows = lines.Text([lines.block(whole.replace(b"\n", b"\r\n"))])
    assert conntrack.parse(windows, 1).events.equals(conntrack.parse(whole.splitlines(), 1).events)


def test_the_format_is_recognised() -> None:
    assert sources.recognised(SAMPLE.read_bytes().splitlines()) == "conntrack"
    (found,) = inputs.inputs([str(SAMPLE)])
    assert [batch.events.height for batch in reading.Reading(found)] == [3]


@given(st.lists(st.binary(max_size=200) | st.sampled_from(SAMPLE.read_bytes().splitlines()), max_size=20))
def test_every_line_is_accepted_or_set_aside(given_lines: list[bytes]) -> None:
    parsed = conntrack.parse(given_lines, 1)
    assert parsed.accepted + len(parsed.rejects) == len(given_lines)


@pytest.mark.data
def test_a_recording_is_read_whole(shared_data: Path) -> None:
    packed = next((shared_data / "flows" / "live").rglob("conntrack.log.gz"))
    text = gzip.decompress(packed.read_bytes()).splitlines()
    parsed = conntrack.parse(text, 1)
    assert (parsed.accepted, parsed.rejects) == (len(text), [])
    assert parsed.events.height == sum(b"[NEW]" in one for one in text)
