from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.server import guard

HERE, EVERYWHERE = "127.0.0.1", "0.0.0.0"
PEM = Path("some.pem")


@pytest.mark.parametrize(
    ("host", "access"),
    [
        (HERE, guard.Access()),
        ("localhost", guard.Access()),
        (EVERYWHERE, guard.Access(trust_network=True)),
        (EVERYWHERE, guard.Access(PEM, PEM, client_ca=PEM)),
        (EVERYWHERE, guard.Access(PEM, PEM, token_file=PEM)),
    ],
)
def test_it_listens_here_or_behind_a_lock_or_where_told(host: str, access: guard.Access) -> None:
    access.check(host)


@pytest.mark.parametrize(
    ("host", "access"),
    [
        (EVERYWHERE, guard.Access()),
        ("::", guard.Access()),
        ("10.0.0.7", guard.Access(token_file=PEM)),
        (EVERYWHERE, guard.Access(PEM, PEM)),
        (HERE, guard.Access(certificate=PEM)),
        (HERE, guard.Access(client_ca=PEM)),
    ],
)
def test_no_door_stands_open_by_accident(host: str, access: guard.Access) -> None:
    with pytest.raises(errors.UsageError):
        access.check(host)


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("junk")
    with pytest.raises(errors.UsageError, match="certificates"):
        guard.Access(tmp_path / "a.pem", tmp_path / "a.pem").context()


def test_the_token_opens_as_bearer_and_as_password(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    token = guard.Token(tmp_path / "token")
    basic = base64.b64encode(b"falco:secret").decode()
    assert token.admits("Bearer secret")
    assert token.admits(f"Basic {basic}")
    for wrong in (
        "",
        "Bearer",
        "Bearer ",
        "Bearer secre",
        "secret",
        "Basic secret",
        "Basic " + base64.b64encode(b"secret").decode(),
    ):
        assert not token.admits(wrong)


def test_without_a_token_all_are_admitted() -> None:
    assert guard.Token(None).admits("")


def test_a_renewed_token_counts_and_an_empty_file_does_not(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    token = guard.Token(path)
    path.write_text("new")
    os.utime(path, (1, 1))
    assert token.admits("Bearer new")
    assert not token.admits("Bearer old")
    path.write_text("")
    assert not token.admits("Bearer ")
    path.unlink()
    assert token.admits("Bearer new")


def test_a_token_file_without_token_is_a_mistake(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path / "empty"):
        (tmp_path / "empty").write_text(" \n")
        with pytest.raises(errors.UsageError):
            guard.Token(path)


@given(st.text(max_size=40))
def test_no_header_is_an_error(header: str) -> None:
    token = guard.Token(None)
    token._path, token._secret = PEM, b"a secret nobody guesses"
    assert not token.admits(header)
