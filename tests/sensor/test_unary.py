"""One call of gRPC against a server of bare frames."""

import socket
import struct
import threading
from contextlib import suppress

import pytest

from plimsoll.sensor import unary


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def message(text):
    return struct.pack(">BI", 0, len(text)) + text


@pytest.fixture
def serve(tmp_path):
    """Answer whoever calls with these bytes; the path of the socket, and what was asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    asked = []

    def answer(answers):
        def once():
            with listener.accept()[0] as wire, suppress(OSError):
                asked.append(wire.recv(65_536))
                wire.sendall(answers)
                while more := wire.recv(65_536):
                    asked.append(more)

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        return str(tmp_path / "s"), asked, thread

    yield answer
    listener.close()


SETTINGS, HEADERS = frame(4, 0, 0), frame(1, 4, 1, b"\x88")
TRAILERS = frame(1, 5, 1, b"\x00\x0bgrpc-status\x010")


def test_the_answer_is_the_data_of_the_stream(serve):
    text = message(b"hello")
    path, asked, thread = serve(SETTINGS + HEADERS + frame(0, 0, 1, text[:3]) + frame(0, 0, 1, text[3:]) + TRAILERS)
    assert unary.call(path, "/s/M", b"question") == b"hello"
    thread.join(5)
    assert b"".join(asked).startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert message(b"question") in b"".join(asked)


def test_padding_is_left_out_and_a_ping_is_answered(serve):
    padded = frame(0, 8, 1, b"\x02" + message(b"hi") + b"\0\0")
    path, asked, thread = serve(SETTINGS + HEADERS + frame(6, 0, 0, b"12345678") + padded + TRAILERS)
    assert unary.call(path, "/s/M", b"") == b"hi"
    thread.join(5)
    assert frame(6, 1, 0, b"12345678") in b"".join(asked)


@pytest.mark.parametrize(
    "answers",
    [
        SETTINGS + TRAILERS,
        SETTINGS + HEADERS + frame(3, 0, 1, b"\0\0\0\1"),
        frame(7, 0, 0, b"\0" * 8),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        SETTINGS + HEADERS + frame(0, 0, 1, b"\x01\0\0\0\0") + TRAILERS,
        SETTINGS + HEADERS + frame(0, 8, 1, b"") + TRAILERS,
    ],
)
def test_a_refusal_of_any_kind_is_no_answer(serve, answers):
    path, *_ = serve(answers)
    with pytest.raises(unary.Unanswered):
        unary.call(path, "/s/M", b"")


def test_a_server_that_says_nothing_is_left_in_time(serve):
    path, *_ = serve(SETTINGS)
    with pytest.raises(unary.Unanswered):
        unary.call(path, "/s/M", b"", timeout=0.1)


def test_without_a_server_there_is_no_answer(tmp_path):
    with pytest.raises(unary.Unanswered, match="none"):
        unary.call(str(tmp_path / "none"), "/s/M", b"")
