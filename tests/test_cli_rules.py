from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import cli
from tests.test_flow_rules import EVENTS, RULES, SENSOR, written


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


def test_check_takes_what_falco_takes(rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["rules", "check", rules]) == 0
    assert capsys.readouterr().out == "4 rules, 4 of them on; 0 errors, 0 warnings\n"


def test_check_tells_place_text_and_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(RULES.replace("proc.name in (sh, bash)", "proc.nam = sh"))
    assert cli.run(["rules", "check", str(path)]) == 1
    out = capsys.readouterr().out
    assert (
        f"{path}:4:36: error: filter_check called with nonexistent field proc.nam [LOAD_ERR_COMPILE_CONDITION]" in out
    )
    assert "    evt.type = execve and proc.nam = sh\n                          ^\n    fix: " in out
    assert cli.run(["rules", "check", str(path), "-o", "jsonl"]) == 1
    assert json.loads(capsys.readouterr().out)["line"] == 4


def test_run_prints_falcos_json(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    events = written(tmp_path, *EVENTS)
    assert cli.run(["rules", "run", events, "--rules", rules, "--tags", "x", "-o", "jsonl"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert list(json.loads(line)) == [
        "hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time",
    ]  # fmt: skip


def test_run_with_rules_that_do_not_load_says_why_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("- rule: x\n")
    assert cli.run(["rules", "run", written(tmp_path, *EVENTS), "--rules", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Item has no mapping for key 'enabled'" in captured.err


def test_run_takes_options(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("'*': {times: 2, minutes: 1, group_by: []}")
    command = ["rules", "run", written(tmp_path, *EVENTS), "--rules", rules, "--matching", "all", "-o", "jsonl"]
    assert cli.run([*command, "--options", str(path)]) == 0
    (alert,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (alert["rule"], alert["count"], list(alert)[:2]) == ("any program", 2, ["count", "first"])
    path.write_text("shel: {dedupe: 1}")
    assert cli.run([*command, "--options", str(path)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "no rule is called shel" in captured.err


def test_rules_that_a_source_cannot_answer_are_named(
    tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["rules", "run", written(tmp_path, SENSOR), "--rules", rules, "-o", "jsonl"]) == 4
    assert "not evaluable on plimsoll_activity: payload (needs evt.buffer)" in capsys.readouterr().err


def test_a_source_no_rule_is_about_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.yaml"
    path.write_text("- {rule: r, desc: d, condition: ka.verb = get, output: o, priority: info, source: k8s_audit}")
    assert cli.run(["rules", "run", written(tmp_path, *EVENTS), "--rules", str(path), "-o", "jsonl"]) == 0
    assert "no rule is about events of the source syscall" in capsys.readouterr().err


def test_hostile_names_cannot_move_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    rule = {"rule": "\x1b[31mred", "desc": "d", "condition": "x", "output": "o", "priority": "INFO"}
    path.write_text(json.dumps([rule]))
    assert cli.run(["rules", "check", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_users_tests_decide_the_exit_code(tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tests.yaml"
    text = "rules: [rules.yaml]\ntests:\n- {name: ls, events: [{evt.type: execve, proc.name: ls}], alerts: [any program]}\n"
    path.write_text(text)
    assert cli.run(["rules", "test", str(path)]) == 0
    assert "1 passed, 0 failed" in capsys.readouterr().out
    path.write_text(text.replace("any program", "shell"))
    assert cli.run(["rules", "test", str(path), "-o", "jsonl"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == ["shell"]
