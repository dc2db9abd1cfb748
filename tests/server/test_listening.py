from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import trustme
from starlette.applications import Starlette

from plimsoll import errors
from plimsoll.server import app, guard, listening, meters
from tests.server import senders


class Keys:
    """A CA with a certificate of the server and one of a client."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.folder = trustme.CA(), folder
        self.ca.cert_pem.write_to_path(folder / "ca.pem")
        server = self.ca.issue_cert("127.0.0.1")
        server.private_key_pem.write_to_path(folder / "key.pem")
        server.cert_chain_pems[0].write_to_path(folder / "cert.pem")

    def access(self, *, client_ca: bool = False) -> guard.Access:
        return guard.Access(
            self.folder / "cert.pem", self.folder / "key.pem", self.folder / "ca.pem" if client_ca else None
        )

    def client(self, *, certificate: bool = False) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if certificate:
            self.ca.issue_cert("apiserver").configure_cert(context)
        return context


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def listening_on(stack: ExitStack, access: guard.Access, where: str = "127.0.0.1") -> str:
    listener = listening.Listener(application(), (where, 0), access)
    stack.callback(listener.close)
    listener.start()
    return listener.url


def application() -> Starlette:
    return app.application([], meters.Meters())


def test_tls_is_spoken_where_there_is_a_certificate(keys: Keys, stack: ExitStack) -> None:
    url = listening_on(stack, keys.access())
    assert url.startswith("https://")
    with closing(senders.Sender(url, keys.client())) as sender:
        assert sender.get("/healthz") == (200, "ok")


def test_only_clients_with_a_certificate_of_the_ca_are_let_in(keys: Keys, stack: ExitStack) -> None:
    url = listening_on(stack, keys.access(client_ca=True))
    with closing(senders.Sender(url, keys.client(certificate=True))) as sender:
        assert sender.get("/healthz") == (200, "ok")
    with closing(senders.Sender(url, keys.client())) as stranger, pytest.raises(OSError):
        stranger.get("/healthz")


def test_an_address_that_is_taken_is_one_line(stack: ExitStack) -> None:
    url = listening_on(stack, guard.Access())
    with pytest.raises(errors.PlimsollError, match="in use"):
        listening.Listener(application(), ("127.0.0.1", int(url.rpartition(":")[2])), guard.Access())


@pytest.mark.parametrize("text", ["", "9765", ":9765", "localhost", "127.0.0.1:http", "127.0.0.1:70000", "127.0.0.1:²"])
def test_what_is_no_address_is_a_mistake(text: str) -> None:
    with pytest.raises(errors.UsageError, match="HOST:PORT"):
        listening.address(text)


def test_it_never_listens_where_it_may_not(stack: ExitStack) -> None:
    with pytest.raises(errors.UsageError):
        listening_on(stack, guard.Access(), "0.0.0.0")


def test_a_listener_that_never_began_can_be_closed() -> None:
    listening.Listener(application(), ("127.0.0.1", 0), guard.Access()).close()
