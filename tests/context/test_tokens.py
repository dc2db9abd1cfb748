from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from plimsoll.context.statements import Silent
from plimsoll.context.tokens import Token


def test_a_token_is_in_the_environment_or_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_TOKEN", "abc")
    (tmp_path / "token").write_text("def\n")
    assert Token(env="A_TOKEN").value() == "abc"
    assert Token(file=str(tmp_path / "token")).value() == "def"


@pytest.mark.parametrize("told", [{}, {"env": "A", "file": "b"}, "secret", {"value": "secret"}])
def test_a_token_is_never_in_the_configuration(told: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, Token)


@pytest.mark.parametrize("content", ["", "two\nlines", "caf\u00e9", "\0"])
def test_what_is_no_token_is_told_without_saying_it(content: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(content)
    with pytest.raises(Silent) as told:
        Token(file=str(tmp_path / "token")).value()
    assert not content or content not in str(told.value)


def test_a_token_that_is_not_there_is_told() -> None:
    with pytest.raises(Silent, match="NO_SUCH_TOKEN"):
        Token(env="NO_SUCH_TOKEN").value()
