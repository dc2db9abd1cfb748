"""One question and one answer of gRPC over a unix socket: as much HTTP/2 (RFC 9113) as that takes.

A call has a connection of its own and one stream, so nothing needs to be kept between frames. The
headers of the answer are skipped, which spares their decompression: an answer without a message failed.
"""

from __future__ import annotations

import socket
import struct
import time

MOST = 8 << 20
"""Bytes of an answer; the window given at the start covers them, so no frame of flow control follows."""
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x8
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 0x1, 0x1, 0x4, 0x8
_NO_PUSH, _FIRST_WINDOW, _LONGEST_FRAME = (0x2, 0), (0x4, MOST + 65_536), 1 << 14


class Unanswered(Exception):
    """A call that brought no message."""


def call(path: str, method: str, message: bytes, *, timeout: float = 1.0) -> bytes:
    """Return the answer to one message, sent to a method like `/runtime.v1.RuntimeService/Version`."""
    until = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        try:
            wire.settimeout(timeout)
            wire.connect(path)
            wire.sendall(_question(method, message))
            return _unwrapped(_answer(wire, until))
        except (OSError, ValueError) as error:
            raise Unanswered(f"{path}: {error}") from error


def _question(method: str, message: bytes) -> bytes:
    settings = b"".join(struct.pack(">HI", *setting) for setting in (_NO_PUSH, _FIRST_WINDOW))
    return b"".join(
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            _frame(_SETTINGS, 0, 0, settings),
            _frame(_WINDOW, 0, 0, struct.pack(">I", MOST)),
            _frame(_HEADERS, _END_HEADERS, 1, _headers(method)),
            _frame(_DATA, _END_STREAM, 1, struct.pack(">BI", 0, len(message)) + message),
        )
    )


def _headers(method: str) -> bytes:
    """Return the header block, each field literal and uncompressed (RFC 7541, section 6.2.2)."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields.items())


def _text(text: str) -> bytes:
    data = text.encode()
    if len(data) > 126:
        raise ValueError(f"{text[:20]}… is too long for a header")
    return bytes([len(data)]) + data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _answer(wire: socket.socket, until: float) -> bytes:
    """Return the data of the one stream."""
    data = bytearray()
    while True:
        kind, flags, stream, payload = _next_frame(wire, until)
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            wire.sendall(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        elif kind in (_RESET, _GOAWAY):
            raise ValueError("the other side ended the call")
        elif kind == _DATA and stream == 1:
            data += _unpadded(payload) if flags & _PADDED else payload
            if len(data) > MOST:
                raise ValueError("the answer is too long")
        if kind in (_DATA, _HEADERS) and stream == 1 and flags & _END_STREAM:
            return bytes(data)


def _next_frame(wire: socket.socket, until: float) -> tuple[int, int, int, bytes]:
    head = _exactly(wire, 9, until)
    size = int.from_bytes(head[:3], "big")
    if size > _LONGEST_FRAME:
        raise ValueError("no HTTP/2")
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream & 0x7FFFFFFF, _exactly(wire, size, until)


def _exactly(wire: socket.socket, size: int, until: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        wire.settimeout(max(until - time.monotonic(), 0.001))
        part = wire.recv(size - len(data))
        if not part:
            raise ValueError("the other side hung up")
        data += part
    return bytes(data)


def _unpadded(payload: bytes) -> bytes:
    return payload[1 : len(payload) - payload[0]] if payload else b""


def _unwrapped(data: bytes) -> bytes:
    """Return the message without gRPC's prefix: a byte that says compressed, and its length."""
    if len(data) < 5 or data[0] or int.from_bytes(data[1:5], "big") != len(data) - 5:
        raise ValueError("the call was refused")
    return data[5:]
