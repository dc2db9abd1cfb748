from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from plimsoll import cli
from tests.evaluate.test_columns import ROWS
from tests.test_flow_evaluate import recorded


def test_the_table_tells_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["eval", "audit", str(recorded(tmp_path / "recording")), "--poison", "2", "--color", "never"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for said in (
        "160 requests learned, 19 judged",
        "METHOD",
        "rarity",
        "FALSE BEFORE",
        "1 of 3",
        "No false alarm.",
        "1 of 1 alerts name what was injected",
        "With each attack learned 2 times: ",
    ):
        assert said in captured.out


def test_json_and_jsonl_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(recorded(tmp_path / "recording"))
    assert cli.run(["eval", "audit", folder, "--no-baselines", "--budget", "2", "-o", "json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert cli.run(["eval", "audit", folder, "--no-baselines", "--budget", "2", "-o", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row["row"] == "method"] == [{"row": "method", **whole["methods"][0]}]
    assert [at["budget"] for at in whole["methods"][0]["budgets"]] == [2]


def test_a_table_of_columns_is_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weeks.parquet"
    pl.DataFrame(ROWS).write_parquet(path)
    assert cli.run(["eval", "audit", str(path), "--no-baselines", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["recording"]["attacks"] == 1


def test_a_missing_extra_is_one_line_beside_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    assert cli.run(["eval", "audit", str(recorded(tmp_path / "recording")), "-o", "jsonl"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "plimsoll: no isolation forest without scikit-learn (pip install 'plimsoll[evaluate]')"
    ]


def test_records_that_could_not_be_read_end_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = recorded(tmp_path / "recording")
    with (folder / "train.jsonl").open("a") as file:
        file.write("{\n")
    assert cli.run(["eval", "audit", str(folder), "--no-baselines", "-o", "jsonl"]) == 3
    assert capsys.readouterr().err.startswith("plimsoll: 1 record set aside")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "a recording is a folder or table, or all of --learn, --test and --labels"),
        (["--learn", "a", "--test", "b"], "or all of --learn, --test and --labels"),
        (["/nowhere/at/all"], "no folder with train, test and labels, nor a table"),
        (["x", "--budget", "0"], "--budget is a number of alerts a day from 1"),
        (["x", "--session", "0"], "--session is a number of seconds from 1"),
        (["x", "--poison", "-1"], "--poison is a number of bursts"),
    ],
)
def test_bad_usage_is_one_line(given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["eval", "audit", *given]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert says in captured.err


@pytest.mark.parametrize(
    "options", [["--days", "0"], ["--campaigns", "-1"], ["--seed", "-2"], ["--session", "100000"], ["--days", "x"]]
)
def test_a_simulation_that_cannot_be_is_refused_in_a_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["eval", "triage", *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert 1 <= len(told.err.splitlines()) <= 3


@pytest.mark.parametrize("form", ["table", "json", "jsonl"])
def test_triage_is_measured_beside_its_rivals(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["eval", "triage", "--seed", "1", "--days", "1", "--campaigns", "60", "-o", form]) == 0
    out = capsys.readouterr().out
    if form == "table":
        assert "cool-down" in out
        head, first = out.splitlines()[3:5]
        assert len(re.split(r"  +", head.strip())) == len(re.split(r"  +", first.strip()))
        assert "Targets in the week after 150 verdicts" in out
    else:
        rows = [json.loads(line) for line in (out.splitlines() if form == "jsonl" else [out])]
        assert len(rows[0]["digest"]) == 16
