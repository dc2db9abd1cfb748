"""Lines on their way out: nothing that was not acknowledged is lost, nothing waits, every drop is counted."""

from __future__ import annotations

import gzip
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from plimsoll import errors
from plimsoll.sensor import spool


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it is sent; answers what the test says."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.answers: list[int] = []
        self.shown: list[str | None] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ingest?node=a"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast("Server", self.server)
        body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
        server.shown.append(self.headers["Authorization"])
        status = server.answers.pop(0) if server.answers else 204
        if status < 300:
            server.lines += body.splitlines()
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_lines_arrive_in_order_and_are_forgotten(tmp_path: Path) -> None:
    with serving() as server:
        sent = spool.Spool(tmp_path, server.url)
        sent.start()
        for n in range(100):
            sent.put(b"%d\n" % n)
        until(lambda: len(server.lines) == 100)
        sent.close()
        assert server.lines == [b"%d" % n for n in range(100)]
        assert list(tmp_path.rglob("*.gz")) == []
        assert sent.status()["sent"] == 100


def test_what_a_server_refuses_for_now_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "LEAST_PAUSE", 0.01)
    with serving() as server:
        server.answers = [503, 429, 401, 500]
        sent = spool.Spool(tmp_path, server.url)
        sent.start()
        sent.put(b"a\n")
        until(lambda: server.lines == [b"a"])
        sent.close()


def test_what_a_server_refuses_for_good_is_counted(tmp_path: Path) -> None:
    with serving() as server:
        server.answers = [413]
        sent = spool.Spool(tmp_path, server.url)
        sent.start()
        sent.put(b"a\n")
        until(lambda: sent.refused == 1)
        sent.put(b"b\n")
        until(lambda: server.lines == [b"b"])
        sent.close()
        assert "413" not in str(sent.status()["error"])


def test_what_was_not_sent_is_sent_by_the_next_run(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    first = spool.Spool(tmp_path, url)
    first.start()
    first.put(b"a\nb\n")
    until(lambda: bool(list(tmp_path.rglob("*.gz"))))
    first.close()
    with serving() as server:
        second = spool.Spool(tmp_path, url)
        second._url = second._url._replace(netloc=f"127.0.0.1:{server.server_port}")
        second.start()
        until(lambda: server.lines == [b"a", b"b"])
        second.close()


def test_a_full_spool_gives_up_the_oldest_and_counts_it(tmp_path: Path) -> None:
    kept = spool.Spool(tmp_path, "http://127.0.0.1:9/", most=400)
    for n in range(20):
        kept._keep([b"%d\n" % n] * 3)
    names = [path.name for path in kept._kept()]
    assert names[-1].startswith("000000000020-")
    assert kept._bytes <= 400
    assert kept.dropped == 3 * (20 - len(names))


@pytest.mark.parametrize("url", ["ftp://x/", "x", "http://", "file:///etc/passwd"])
def test_only_http_is_spoken(tmp_path: Path, url: str) -> None:
    with pytest.raises(errors.UsageError):
        spool.Spool(tmp_path, url)


def test_the_token_is_shown_and_can_be_renewed_while_it_runs(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    with serving() as server:
        sent = spool.Spool(tmp_path / "spool", server.url, spool.Trust(str(token)))
        sent.start()
        sent.put(b"1\n")
        until(lambda: server.lines == [b"1"])
        token.write_text("second\n")
        sent.put(b"2\n")
        until(lambda: server.lines == [b"1", b"2"])
        sent.close()
    assert server.shown == ["Bearer first", "Bearer second"]


def test_a_token_that_cannot_be_read_keeps_the_lines_and_says_so(tmp_path: Path) -> None:
    with serving() as server:
        sent = spool.Spool(tmp_path / "spool", server.url, spool.Trust(str(tmp_path / "gone")))
        sent.start()
        sent.put(b"1\n")
        until(lambda: "gone" in sent.error)
        sent.close()
        assert sent.status()["waiting"] == 1
        assert not server.lines
