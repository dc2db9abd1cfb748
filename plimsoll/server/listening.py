"""The socket and the HTTP server behind it, in a thread of its own; it ends when what it answers has been answered."""

from __future__ import annotations

import contextlib
import socket
import threading

import uvicorn
from starlette.applications import Starlette

from plimsoll import errors
from plimsoll.server import guard

CONNECTIONS = 512
"""Requests at a time; more are answered with 503."""
GRACE = 5
"""Seconds that requests have to end when we end."""


def address(text: str) -> tuple[str, int]:
    """Return host and port.

    >>> address("127.0.0.1:9765"), address("[::1]:0")
    (('127.0.0.1', 9765), ('::1', 0))
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise errors.UsageError(f"--listen {text}: write HOST:PORT, such as 127.0.0.1:9765")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Listener:
    """A server that listens; `url` says where."""

    def __init__(self, app: Starlette, where: tuple[str, int], access: guard.Access) -> None:
        access.check(where[0])
        context = access.context()
        self._socket = _bound(where)
        host, port = self._socket.getsockname()[:2]
        self.url = f"{'https' if context else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        config = uvicorn.Config(
            app,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # who sent it is who we spoke with
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            ssl_context_factory=(lambda *_: context) if context else None,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer what has come and end."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(GRACE + 5)
        self._socket.close()


def _bound(where: tuple[str, int]) -> socket.socket:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(*where, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as stack:
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(place)
            listening.listen(1024)
            stack.pop_all()
    except OSError as refused:
        raise errors.PlimsollError(
            f"cannot listen on {where[0]}:{where[1]}: {refused.strerror or refused}"
        ) from refused
    return listening
