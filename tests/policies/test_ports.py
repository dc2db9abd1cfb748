"""Ports of three protocols on one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies import intervals, ports

ranges = st.lists(
    st.tuples(st.sampled_from(ports.PROTOCOLS), st.integers(1, 65535), st.integers(0, 50)).map(
        lambda one: (one[0], one[1], min(one[1] + one[2], 65535))
    ),
    max_size=5,
)


def of(told: list[tuple[str, int, int]]) -> intervals.Intervals:
    return intervals.union(*(ports.spanning(*one) for one in told))


@given(ranges)
def test_what_is_written_says_all_of_it(told: list[tuple[str, int, int]]) -> None:
    again = [(protocol, low, high) for protocol, found in ports.by_protocol(of(told)).items() for low, high in found]
    assert of(again) == of(told)
    assert all(ports.allows(of(told), protocol, port) for protocol, low, high in told for port in (low, high))


def test_a_protocol_never_runs_into_the_next() -> None:
    assert not ports.allows(ports.spanning("SCTP"), "TCP", 1)
    assert ports.written(intervals.difference(ports.ALL_PORTS, ports.spanning("TCP", 80, 80))) == (
        "SCTP 1-65535,TCP 1-79,81-65535,UDP 1-65535"
    )


def test_what_is_no_port_of_the_three_is_never_allowed() -> None:
    assert not ports.allows(ports.ALL_PORTS, "ICMP", 8)
    assert ports.spanning("TCP", 9, 8) == ports.NO_PORTS
