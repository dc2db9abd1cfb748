"""Sigma's rules beside a run of detect, from files to alerts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll import cli, errors, flow, flow_sigma
from tests.detect.sigma import written
from tests.test_flow_audit import event, log

EXEC = written.text("a: {verb: get, objectRef.resource: pods}\ncondition: a")
BODY = written.text("a: {requestObject.spec.hostPID: true}\ncondition: a").replace("0001", "0002")
ID = "sigma:0c9b3bda-0000-4000-8000-000000000001"


def file(path: Path, text: str, name: str = "rule.yml") -> str:
    place = path / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    return str(place)


def found(path: Path, *sigma: str, budget: int | None = None, profile: Path | None = None) -> list[str]:
    events = event(), event("create pods", requestObject={"spec": {"hostPID": True}}, level="Request", minute=1)
    alerts = flow.detect([log(path, *events)], profile, sigma=sigma, budget=budget).alerts
    return [one for alert in alerts for one in alert["controls"] if one.startswith("sigma:0c9b3bda")]  # type: ignore[attr-defined]


def test_detect_has_their_alerts(tmp_path: Path) -> None:
    assert found(tmp_path, file(tmp_path, EXEC)) == [ID]
    assert found(tmp_path) == []


def test_a_rule_may_read_the_body(tmp_path: Path) -> None:
    assert found(tmp_path, file(tmp_path, BODY)) == [ID.replace("0001", "0002")]


def test_a_folder_is_read_whole_and_rules_about_other_logs_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "sigma"
    file(tmp_path, EXEC, "sigma/a.yml")
    file(tmp_path, BODY, "sigma/b.yaml")
    file(tmp_path, "logsource: {product: windows}\ndetection: {}", "sigma/c.yml")
    file(tmp_path, "no rule", "sigma/README.md")
    assert len(flow_sigma.read([str(folder)])) == 2


def test_with_a_budget_habit_is_let_go(tmp_path: Path) -> None:
    rule, profile = file(tmp_path, EXEC), tmp_path / "profile"
    flow.learn([log(tmp_path, event(minute=5))], profile)
    assert found(tmp_path, rule, profile=profile) == [ID]
    assert found(tmp_path, rule, budget=5, profile=profile) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("logsource: {product: windows}\ndetection: {}", "rule.yml:1: a rule about product windows"),
        ("a: [", "rule.yml:2:1: "),
        (written.text("a: {verb|wide: x}\ncondition: a"), "rule.yml:8:18: verb: modifier 'wide' is not supported"),
        ("\n", "no rule about Kubernetes' audit log"),
    ],
)
def test_what_cannot_be_used_is_an_error_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(errors.InputError) as refused:
        flow_sigma.read([file(tmp_path, text)])
    assert reason in str(refused.value)


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="No such file"):
        flow_sigma.read([str(tmp_path / "none.yml")])
    (tmp_path / "binary.yml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(errors.InputError, match="no UTF-8"):
        flow_sigma.read([str(tmp_path / "binary.yml")])
    (tmp_path / "giant.yml").write_bytes(b"a" * (flow_sigma.LARGEST + 1))
    with pytest.raises(errors.InputError, match="larger than 1 MiB"):
        flow_sigma.read([str(tmp_path / "giant.yml")])


def test_the_command_line_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = log(tmp_path, event())
    assert cli.run(["detect", source, "--sigma", file(tmp_path, EXEC), "-o", "jsonl"]) == 0
    alerts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [ID] in [alert["controls"] for alert in alerts]
    assert cli.run(["detect", source, "--sigma", file(tmp_path, "a: [")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "rule.yml:2:1" in told.err
