"""The verb that writes policies from flows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.cli import app
from tests import test_flow_generate as recorded


def ran(folder: Path, *more: str) -> int:
    recorded.run(folder, 2)
    given = ["policies", "generate", str(folder / "flows.log"), "--objects", str(folder / "objects.jsonl")]
    code = app([*given, "-o", str(folder / "policies"), *more], result_action="return_value")
    assert isinstance(code, int)
    return code


def test_policies_are_written_and_what_is_not_known_well_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path) == 0
    told = capsys.readouterr().out
    assert "shop/Pod/batch" in told
    assert "never seen" in told
    assert (tmp_path / "policies/shop/default-deny.yaml").is_file()


def test_the_report_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path, "--report", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["input"] == {"accepted": 1, "rejected": 0}
    assert document["namespaces"] == ["shop"]
    assert document["score"]["closed"] == 1.0


def test_the_report_is_a_workload_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path, "--report", "jsonl") == 0
    assert [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()] == [
        "never seen",
        "learning",
        "learning",
    ]


def test_another_kind_is_written_and_what_it_cannot_say_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(tmp_path, "--kind", "admin") == 0
    assert "names nobody outside the cluster" in capsys.readouterr().out
    assert "ClusterNetworkPolicy" in (tmp_path / "policies/shop/default-deny.yaml").read_text()
    assert ran(tmp_path, "--kind", "istio", "--report", "json") == 0
    assert json.loads(capsys.readouterr().out)["replayed"] is None
    assert ran(tmp_path, "--kind", "istio") == 0
    assert "are not replayed" in capsys.readouterr().out
