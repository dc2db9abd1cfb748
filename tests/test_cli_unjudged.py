"""What could not be judged is said in a line each, and nothing at all is no good news."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import cli, cli_unjudged
from tests.test_cli_progress import CALL, POD


def test_a_few_are_named_and_all_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_unjudged.code([f"a.yaml:{line}: broken\x1b[31m" for line in range(40)], 40) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == r"plimsoll: a.yaml:0: broken\x1b[31m"
    assert (len(lines), lines[-1]) == (13, "plimsoll: 40 documents in all were set aside")
    assert cli_unjudged.code([], 0) == 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "none.yaml").write_text("# nothing\n")
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "flows.log").write_text(CALL)
    return tmp_path


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("policies connectivity none.yaml", "none.yaml holds"),
        ("policies connectivity none.yaml none.yaml", "none.yaml, none.yaml hold"),
        ("policies diff none.yaml none.yaml", "none.yaml, none.yaml hold"),
        ("policies replay flows.log --objects pod.yaml --policies none.yaml", "--policies holds"),
        ("policies replay flows.log --objects none.yaml --policies none.yaml", "--policies, --objects hold"),
    ],
)
def test_where_there_are_no_objects_no_all_clear_is_given(
    capsys: pytest.CaptureFixture[str], arguments: str, named: str
) -> None:
    assert cli.run(arguments.split()) == 3
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"plimsoll: nothing was judged: {named} no Kubernetes objects\n")


def test_a_scan_of_no_objects_is_incomplete(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "none.yaml").write_text(json.dumps({"a": 1}))
    assert cli.run(["scan", "none.yaml", "-o", "jsonl", "--fail-on", "low"]) == 3
    assert "nothing was judged: none.yaml holds no Kubernetes objects" in capsys.readouterr().err


def test_programs_get_their_empty_answer_all_the_same(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["policies", "connectivity", str(place / "none.yaml"), "-o", "json"]) == 3
    assert json.loads(capsys.readouterr().out) == []


def test_a_change_that_takes_everything_away_is_judged(place: Path) -> None:
    assert cli.run(["policies", "diff", str(place / "pod.yaml"), str(place / "none.yaml")]) == 0
