"""A service on this machine that answers as it is told, in the shapes of the real ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Question(NamedTuple):
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class Reply(NamedTuple):
    value: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    how: str = ""
    """cut: half of it; silent: nothing for long; drip: a letter at a time."""


Answer = Callable[[Question], Reply]


class Service:
    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Question] = []


@contextmanager
def service(answer: Answer) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Question(self.command, parts.path, parse_qs(parts.query), headers, body)
            told.asked.append(asked)
            self._reply(answer(asked))

        do_POST = do_GET  # noqa: N815

        def _reply(self, reply: Reply) -> None:
            text = reply.value if isinstance(reply.value, bytes) else json.dumps(reply.value).encode()
            if reply.how == "silent":
                time.sleep(4)
            self.close_connection = True
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.send_header("connection", "close")
                self.end_headers()
                if reply.how == "drip":
                    for letter in text:
                        self.wfile.write(bytes([letter]))
                        self.wfile.flush()
                        time.sleep(0.5)
                self.wfile.write(text[: len(text) // 2] if reply.how == "cut" else text)
            except OSError:
                pass  # it had enough of us

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        told = Service(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield told
        finally:
            server.shutdown()
