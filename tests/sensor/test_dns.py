from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import dns

HEADER = bytes(4) + b"\0\1\0\2" + bytes(4)
ASKED = b"\3www\7example\3com\0" + b"\0\1\0\1"


def record(kind: int, value: bytes, ttl: int = 0) -> bytes:
    return (
        b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + len(value).to_bytes(2, "big") + value
    )


def test_a_reply_gives_the_name_and_its_addresses() -> None:
    message = HEADER + ASKED + record(1, b"\x0a\0\0\1") + record(28, bytes(15) + b"\1")
    assert dns.answer(message) == ("www.example.com", ("10.0.0.1", "::1"), 0)


def test_an_answer_holds_as_long_as_the_shortest_of_its_addresses() -> None:
    records = record(5, b"\1a\0", 7) + record(1, b"\x0a\0\0\1", 300) + record(1, b"\x0a\0\0\2", 60)
    assert dns.answer(HEADER[:7] + b"\3" + HEADER[8:] + ASKED + records).ttl == 60
    assert dns.answer(HEADER + ASKED + record(1, b"\x0a\0\0\1", 2**31)).ttl == 0


def test_a_reply_that_breaks_off_gives_what_came_before() -> None:
    message = HEADER + ASKED + record(1, b"\x0a\0\0\1") + record(28, bytes(16))[:-1]
    assert dns.answer(message).addresses == ("10.0.0.1",)


def test_a_pointer_to_itself_tells_nothing() -> None:
    assert dns.question(HEADER + b"\xc0\x0c") == ""


@given(st.binary(max_size=600))
def test_no_message_is_a_traceback(message: bytes) -> None:
    assert len(dns.answer(message).addresses) <= 64
    assert len(dns.question(HEADER + message)) <= 4 * 255
