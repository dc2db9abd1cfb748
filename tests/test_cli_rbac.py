"""`plimsoll rbac`: the forms of its answer, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from plimsoll import cli
from tests.rbac import rights
from tests.test_flow_audit import event, log, objects


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    return ["rbac", "usage", log(tmp_path, event(), event("list pods", minute=5)), "--objects", objects(tmp_path)]


def test_the_table_tells_who_used_how_much(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(given) == 0
    out = capsys.readouterr().out
    assert (
        "RoleBinding/shop/web   Role/web  sa:shop/web  used          3     2         2    ≤ 100%  2026-03-02 09:05"
        in out
    )
    assert "2 grants, 1 of them not used in 1 day of log." in out


def test_json_lines_have_all_of_it(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*given, "-o", "jsonl"]) == 0
    _, web = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert web["unused"] == ["delete pods"]
    assert [act["verb"] for act in web["used"]] == ["get", "list"]
    assert web["confidence"]["tomorrow"] == 1.0
    assert web["last"] == "2026-03-02T09:05:00.000000Z"


def test_yaml_is_roles_that_kubectl_takes(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*given, "-o", "yaml"]) == 0
    role, binding = yaml.safe_load_all(capsys.readouterr().out)
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "namespace": "shop", "name": "web"}]


def test_diff_shows_what_is_taken_away(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*given, "-o", "diff"]) == 0
    out = capsys.readouterr().out
    assert "--- granted: RoleBinding/shop/web of Role/web to sa:shop/web" in out
    assert "-  - delete\n" in out


def test_only_the_roles_asked_for(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*given, "--role", "nothing*"]) == 0
    assert capsys.readouterr().out.startswith("No binding is granted or used.")


def test_a_reason_that_nothing_gives_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = log(tmp_path, event(annotations={}), event("list nodes", annotations={}))
    assert cli.run(["rbac", "usage", source, "--objects", objects(tmp_path), "-o", "json"]) == 4
    told = capsys.readouterr()
    assert json.loads(told.out)["unexplained"] == 1
    assert "2 events tell no reason" in told.err


@pytest.mark.parametrize("options", [["--days", "0"], ["--since", "yesterday"], ["--names", "some"]])
def test_what_makes_no_sense_is_refused(given: list[str], options: list[str], capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    assert cli.run([*given, *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1


def test_broken_objects_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [\n---\n" + json.dumps(rights.role("web")))
    assert cli.run(["rbac", "usage", log(tmp_path, event()), "--objects", str(bad)]) == 3
    assert "bad.yaml:" in capsys.readouterr().err


def test_credentials_are_listed_with_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    admin = event(user={"username": "root", "groups": ["system:masters"]})
    source = log(tmp_path, admin)
    assert cli.run(["rbac", "credentials", source]) == 0
    assert "masters-credential  user:root" in capsys.readouterr().out
    assert cli.run(["rbac", "credentials", source, "--objects", objects(tmp_path), "-o", "json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["finding"], found["requests"], found["last"]) == (
        "masters-credential",
        1,
        "2026-03-02T09:00:00.000000Z",
    )
    assert cli.run(["rbac", "credentials", source, "--days", "0"]) == 2
