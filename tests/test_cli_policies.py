"""`plimsoll policies`: the forms of its answers, and its exit codes."""

from __future__ import annotations

import pytest

from plimsoll import cli


def test_the_help_says_what_the_verbs_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "--help"]) == 0
    assert "who can reach whom" in capsys.readouterr().out
