"""The command line's verbs for the node agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll import cli, cli_sensor, errors
from plimsoll.sensor import control, doctor
from plimsoll.sensor.agent import Settings

STATUS = {
    "coverage": [{"name": "exec", "working": True, "reason": ""}], "drops": 0, "events": 7, "enforce": True, "sends": [],
    "workloads": [{
        "subject": "shop/Deployment/redis:redis", "mode": "alert", "also": [], "budget": 20, "protected": "", "containers": 1,
        "facts": 30, "hits": 4000, "novelties": 0, "drops": 0, "stopped": 0, "suppressed": 0, "maturity": "settling",
        "known": "4,000 acts since something was new; 1 day seen", "isolated": [], "frozen": [],
    }],
}  # fmt: skip


FACT = {
    "id": "exec-00000000000000ab", "subject": "shop/Deployment/redis:redis", "verb": "exec", "object": "/usr/bin/redis-cli",
    "times": 3, "first": "2026-03-02T10:00:00Z", "last": "2026-03-02T11:00:00Z", "covered": True,
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[control.Question]:
    """An agent that answers; what it was asked."""
    questions: list[control.Question] = []

    def ask(question: control.Question, path: Path = control.SOCKET) -> Any:
        questions.append(question)
        mode = {key: STATUS["workloads"][0][key] for key in ("subject", "mode", "also", "budget", "protected")}  # type: ignore[index]
        return {
            "status": STATUS, "get": [mode], "set": {"set": [mode], "refused": []},
            "isolate": [{"subject": "s", "container": "c", "did": "isolate"}],
            "news": [FACT], "allow": [FACT], "disallow": [FACT],
            "decisions": [{"time": "2026-03-02T10:00:00Z", "who": "ada", "did": "allow", "subject": "s", "what": "exec /x"}],
        }.get(question.do, {})  # fmt: skip

    monkeypatch.setattr(control, "ask", ask)
    monkeypatch.setenv("SUDO_USER", "ada")
    return questions


@pytest.mark.parametrize(
    "verb",
    [
        "sensor", "sensor run", "sensor status", "sensor record", "sensor doctor", "mode", "mode get", "mode set", "act",
        "act isolate", "act release", "act freeze", "act thaw", "act break-glass", "act lift",
        "sensor news", "sensor allow", "sensor disallow", "sensor decisions",
    ],
)  # fmt: skip
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*verb.split(), "--help"]) == 0
    assert "Example: plimsoll" in capsys.readouterr().out


def test_run_hands_its_options_to_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handed: list[str] = []
    monkeypatch.setattr(doctor, "refusal", lambda: "")
    monkeypatch.setattr(cli_sensor.os, "execv", lambda program, arguments: handed.extend(arguments))
    assert (
        cli.run(
            ["sensor", "run", "--profile", str(tmp_path), "--learn-for", "20s", "--url", "https://a/", "-o", "jsonl"]
        )
        == 0
    )
    assert handed[1:4] == ["-P", "-m", "plimsoll.sensor.daemon"]
    settings = msgspec.json.decode(handed[4], type=Settings)
    assert (settings.profile, settings.learn_for, settings.urls, settings.output) == (
        str(tmp_path),
        20.0,
        ("https://a/",),
        "jsonl",
    )
    assert settings.mode == "alert"


@pytest.mark.parametrize("text", ["", "h", "-1s", "1y", "99999999999s", "1e9"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(errors.UsageError):
        cli_sensor.seconds(text)


def test_status_is_one_document_and_says_whether_all_is_seen(
    asked: list[control.Question], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["sensor", "status", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["workloads"][0]["facts"] == 30
    monkeypatch.setitem(STATUS["coverage"][0], "working", False)  # type: ignore[index, arg-type]
    assert cli.run(["sensor", "status"]) == 4
    assert "does not see exec" in capsys.readouterr().out


def test_modes_are_asked_for_and_set(asked: list[control.Question], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["mode", "set", "shop/*", "prevent", "--also", "write", "--budget", "5"]) == 0
    assert asked[-1] == control.Question("set", "shop/*", "prevent", ("write",), 5, by="ada")
    assert cli.run(["mode", "get", "-o", "json"]) == 0
    assert '"mode": "alert"' in capsys.readouterr().out


def test_acts_are_asked_for(asked: list[control.Question]) -> None:
    assert cli.run(["act", "isolate", "shop/*", "--probes", "10.0.0.1"]) == 0
    assert asked[-1] == control.Question("isolate", "shop/*", probes=("10.0.0.1",), by="ada")
    assert cli.run(["act", "break-glass"]) == 0
    assert asked[-1].do == "break-glass"


def test_a_fact_is_allowed_and_disallowed_by_who_is_named(
    asked: list[control.Question], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sensor", "news"]) == 0
    assert "/usr/bin/redis-cli" in capsys.readouterr().out
    assert cli.run(["sensor", "allow", "shop/*", "exec /usr/bin/redis-*", "-o", "jsonl"]) == 0
    assert asked[-1] == control.Question("allow", "shop/*", facts=("exec /usr/bin/redis-*",), by="ada")
    assert json.loads(capsys.readouterr().out)["id"] == FACT["id"]
    assert cli.run(["sensor", "disallow", "shop/*", "exec-00000000000000ab"]) == 0
    assert "stays known" in capsys.readouterr().err
    assert cli.run(["sensor", "decisions"]) == 0
    assert "ada" in capsys.readouterr().out


def test_allowing_nothing_is_a_mistake(asked: list[control.Question], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensor", "allow", "shop/*"]) == 2
    assert "say which facts" in capsys.readouterr().err
    assert asked == []


def test_no_agent_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["sensor", "status", "--socket", str(tmp_path / "s")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no sensor runs here" in told.err


@pytest.mark.parametrize("arguments", [["run", "--profile", "p"], ["record", "f.jsonl"]])
def test_without_the_rights_nothing_is_begun(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "refusal", lambda: "the sensor needs root, or CAP_BPF")
    assert cli.run(["sensor", *arguments]) == 2
    assert capsys.readouterr().err == "plimsoll: the sensor needs root, or CAP_BPF\n"
    assert list(tmp_path.iterdir()) == []
