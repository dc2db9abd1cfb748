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


def test_what_can_be_applied_and_what_is_to_wait_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path) == 0
    told = capsys.readouterr().out
    assert "Closed is 100.0% of what nobody needed." in told
    assert "1 workloads were never seen: the default of their namespace closes them." in told
    assert "Not yet seen long enough, with how many workloads: shop (3)." in told
    assert "policies replay" in told
    assert ran(tmp_path, "--report", "json") == 0
    (step,) = json.loads(capsys.readouterr().out)["rollout"]
    assert step == {"namespace": "shop", "waiting": ["shop/Pod/batch", "shop/Pod/redis", "shop/Pod/web"]}


def test_an_input_that_shows_nothing_takes_no_policy_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(tmp_path) == 0
    (tmp_path / "empty.log").write_text("")
    given = ["policies", "generate", str(tmp_path / "empty.log"), "--objects", str(tmp_path / "objects.jsonl")]
    assert app([*given, "-o", str(tmp_path / "policies")], result_action="return_value") == 0
    assert "No connection is told by 0 records: nothing was written." in capsys.readouterr().out
    assert (tmp_path / "policies/shop/default-deny.yaml").is_file()
    assert app([*given, "-o", str(tmp_path / "new")], result_action="return_value") == 0
    assert (tmp_path / "new").is_dir()


def test_connections_of_which_no_end_is_known_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded.run(tmp_path, 2)
    (tmp_path / "none.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    given = ["policies", "generate", str(tmp_path / "flows.log"), "--objects", str(tmp_path / "none.json")]
    assert app([*given, "-o", str(tmp_path / "new")], result_action="return_value") == 3
    told = capsys.readouterr()
    assert "None of the connections has an end that --objects knows" in told.out
    assert told.err == "plimsoll: nothing was judged: --objects holds no Kubernetes objects\n"
