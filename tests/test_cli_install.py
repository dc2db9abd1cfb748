"""`plimsoll install audit`: the policy to print, and what a log lacks of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from plimsoll import cli
from tests.test_flow_audit import event, log


def test_it_prints_the_policy_and_the_webhooks_kubeconfig(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["install", "audit", "--print", "--webhook", "https://x.example:9765/k8s-audit"]) == 0
    policy, config = yaml.safe_load_all(capsys.readouterr().out)
    assert (policy["kind"], config["kind"]) == ("Policy", "Config")
    assert config["clusters"][0]["cluster"]["server"] == "https://x.example:9765/k8s-audit"


def test_without_a_webhook_there_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["install", "audit", "--print"]) == 0
    assert len(list(yaml.safe_load_all(capsys.readouterr().out))) == 1


def test_a_log_is_checked_finding_by_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = log(tmp_path, event("create pods"))
    assert cli.run(["install", "audit", "--check", source]) == 4
    out = capsys.readouterr().out
    assert "privileged-pod" in out
    assert "pods is logged at Metadata" in out
    assert cli.run(["install", "audit", "--check", source, "-o", "json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert told["input"] == {"accepted": 1, "rejected": 0}
    assert {"finding": "exec", "state": "supported"}.items() <= next(
        one for one in told["findings"] if one["finding"] == "exec"
    ).items()


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--print", "--check", "x"],
        ["--print", "--webhook", "ftp://x"],
        ["--print", "--webhook", "https://a b"],
        ["--print", "--webhook", "https://["],
        ["--print", "--webhook", "https://x\n"],
        ["--check", "x", "--webhook", "https://x"],
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["install", "audit", *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
