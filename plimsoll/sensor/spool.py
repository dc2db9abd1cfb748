"""Lines on their way to a server, by way of a spool on disk.

What a server acknowledged is deleted, what it did not is kept through restarts and sent again, oldest first. The
spool is bounded: where it is full the oldest batch is given up, and counted.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import random
import ssl
import threading
import urllib.parse
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors
from plimsoll.sensor import sink

MOST_BYTES = 64 << 20
"""Bytes that wait for one server at most."""
GATHER = 0.2
"""Seconds that lines are gathered for one batch."""
LEAST_PAUSE, MOST_PAUSE = 0.5, 60.0
TIMEOUT = 10.0
_REFUSED = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 422})
"""Answers that will not change by asking again."""


class Trust(NamedTuple):
    """What a server wants to be shown, and what we want to see of it."""

    token_file: str = ""
    """Read for each batch, so that it can be renewed."""
    ca_file: str = ""
    """Whose certificates it may have; empty = whom this machine trusts."""

    def headers(self) -> dict[str, str]:
        """Return what shows the token; OSError where there is a file of it that cannot be read."""
        if not self.token_file:
            return {}
        token = Path(self.token_file).read_text(encoding="ascii", errors="replace").strip()
        return {"Authorization": f"Bearer {token}"}

    def context(self) -> ssl.SSLContext:
        """Return how the server is known; OSError where the file of authorities cannot be used."""
        return ssl.create_default_context(cafile=self.ca_file or None)


ANYBODY = Trust()
"""A server that asks for no token, known by whom this machine trusts."""


class Spool(sink.Sink):
    """Lines to a server, by way of a folder."""

    def __init__(self, folder: Path, url: str, trust: Trust = ANYBODY, most: int = MOST_BYTES) -> None:
        """Send to `url` what is put in, after what an earlier run left in `folder`."""
        super().__init__()
        self._url, self._trust, self._most = urllib.parse.urlsplit(url), trust, most
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise errors.UsageError(f"--url {url}: not an http or https address")
        self._folder = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as refused:
            raise errors.PlimsollError(f"{folder}: {refused.strerror}") from refused
        self._number = max((int(one.name.partition("-")[0]) for one in self._kept()), default=0)
        self._bytes = sum(one.stat().st_size for one in self._kept())
        self._lock, self._news, self._ended = threading.Lock(), threading.Event(), threading.Event()
        self._sender = threading.Thread(target=self._send_all, daemon=True)
        self.sent = self.refused = 0
        self.error = ""

    def start(self) -> None:
        """Begin to keep and to send."""
        super().start()
        self._sender.start()

    def close(self, patience: float = 2.0) -> None:
        """Keep what is there; what is not sent in time is sent by the next run."""
        super().close(patience)
        self._ended.set()
        self._news.set()
        self._sender.join(patience)

    def status(self) -> dict[str, object]:
        """Return how it goes."""
        waiting = len(self._kept())
        host = self._url.hostname or ""
        return {
            "to": f"{self._url.scheme}://{host}", "sent": self.sent, "waiting": waiting, "refused": self.refused,
            "dropped": self.dropped, "error": self.error,
        }  # fmt: skip

    def _kept(self) -> list[Path]:
        return sorted(self._folder.glob("[0-9]*-[0-9]*.gz"))

    def _run(self) -> None:
        for batch in self._batches():
            try:
                self._keep(batch)
            except OSError as refused:
                self.dropped += len(batch)
                self.error = f"{self._folder}: {refused.strerror}"
            self._news.set()
            self._ended.wait(GATHER)

    def _keep(self, batch: list[bytes]) -> None:
        """Write a batch under its name only when it is whole and on the disk."""
        data = gzip.compress(b"".join(batch), 6)
        self._number += 1
        path = self._folder / f"{self._number:012}-{len(batch)}.gz"
        aside = path.with_suffix(".tmp")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        with self._lock:
            self._bytes += len(data)
        self._make_room()

    def _make_room(self) -> None:
        for path in self._kept():
            if self._bytes <= self._most:
                return
            self._forget(path)
            self.dropped += _lines(path)

    def _forget(self, path: Path) -> None:
        with self._lock, contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self._bytes -= size

    def _send_all(self) -> None:
        pause = LEAST_PAUSE
        while not self._ended.is_set():
            kept = self._kept()
            if not kept:
                self._news.wait()
                self._news.clear()
                continue
            if self._sent(kept[0]):
                pause = LEAST_PAUSE
            else:
                self._ended.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  so that nodes do not come all at once
                pause = min(2 * pause, MOST_PAUSE)

    def _sent(self, path: Path) -> bool:
        """Send a batch; whether the server is done with it."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return True
        try:
            status = self._post(data, path.stem)
        except (OSError, http.client.HTTPException, ssl.SSLError) as failed:
            self.error = f"{type(failed).__name__}: {failed}"[:200]
            return False
        lines = _lines(path)
        if 200 <= status < 300:
            self.error = ""
            self.sent += lines
        elif status in _REFUSED:
            self.error = f"refused with status {status}"
            self.refused += lines
        else:
            self.error = f"status {status}"
            return False
        self._forget(path)
        return True

    def _post(self, data: bytes, number: str) -> int:
        host, port = self._url.hostname or "", self._url.port
        connection: http.client.HTTPConnection
        if self._url.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=self._trust.context())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        target = urllib.parse.urlunsplit(("", "", self._url.path or "/", self._url.query, ""))
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip", "X-Plimsoll-Batch": number}
        headers |= self._trust.headers()
        try:
            connection.request("POST", target, data, headers)
            return connection.getresponse().status
        finally:
            connection.close()


def _lines(path: Path) -> int:
    """Return how many lines a batch holds: its name says."""
    return int(path.stem.partition("-")[2])
