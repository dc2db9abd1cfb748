from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from plimsoll import errors
from plimsoll.sources import inputs, reading, remote
from tests.sources.counting import text


class Logs(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, length, body = {
            "/plain": (200, None, text(1, 2)),
            "/gzip": (200, None, gzip.compress(text(1, 2))),
            "/moved": (302, None, b""),
            "/breaks": (200, 1000, text(1, 2)),
            "/private": (403, None, b"no"),
        }.get(self.path.partition("?")[0], (404, None, b"nothing"))
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        if status == 302:
            self.send_header("Location", "/plain")
        if self.path == "/gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Logs) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def read(url: str) -> tuple[reading.Reading, list[reading.Batch]]:
    found = reading.Reading(inputs.inputs([url])[0])
    return found, list(found)


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize("path", ["/plain", "/gzip", "/moved"])
def test_a_url_is_read_as_a_file_is(host: str, path: str) -> None:
    found, batches = read(host + path)
    assert batches[0].events["proc_pid"].to_list() == [1, 2]
    assert (found.name, found.accepted, found.rejected) == (host + path, 2, 0)


@pytest.mark.usefixtures("counting")
def test_a_body_that_breaks_off_is_used_up_to_there(host: str) -> None:
    found, batches = read(host + "/breaks")
    assert found.accepted == 2
    assert [reject.line for batch in batches for reject in batch.rejects] == [3]


def test_what_is_not_there_is_an_error_that_names_it_without_its_secrets(host: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        read(host.replace("//", "//me:secret@") + "/nothing?token=secret")
    assert str(caught.value) == f"{host}/nothing: HTTP 404 Not Found"


def test_who_is_refused_is_not_authorised(host: str) -> None:
    with pytest.raises(errors.NotAuthorisedError, match="HTTP 403"):
        read(host + "/private")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.log", "http://[broken", "http://127.0.0.1:99999/x", "https://"])
def test_where_nobody_answers_is_an_error_in_one_line(url: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        read(url)
    assert len(str(caught.value).splitlines()) == 1


def test_the_password_is_not_shown_even_of_what_is_no_url() -> None:
    with pytest.raises(errors.InputError) as caught:
        remote.shown("http://me:secret@host:port/a.log")
    assert "secret" not in str(caught.value)
