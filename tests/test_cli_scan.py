from __future__ import annotations

import json

import pytest

from plimsoll import cli

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\nspec: {containers: [{name: c, securityContext: {privileged: true}}]}\n"


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(POD)
    return path


def test_findings_are_lines_of_json(manifest, capsys):
    assert cli.run(["scan", str(manifest), "--framework", "pss-baseline@1.34", "-o", "jsonl"]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["check"] == "container-privileged"
    assert {"pss:privileged", "kyverno:disallow-privileged-containers"} <= set(row["controls"])
    assert row["object"] == {
        "kind": "Pod",
        "namespace": "n",
        "name": "x",
        "file": str(manifest),
        "line": 1,
        "document": 0,
    }
    assert row["field"] == "spec.containers[0].securityContext.privileged"
    assert {"severity", "message", "attack", "fix", "title"} <= row.keys()


@pytest.mark.parametrize(("least", "code"), [("critical", 1), ("low", 1)])
def test_the_exit_code_tells_how_grave(manifest, least, code):
    assert cli.run(["scan", str(manifest), "--fail-on", least, "-o", "jsonl"]) == code
    manifest.write_text(POD.replace("privileged: true", "privileged: false"))
    assert cli.run(["scan", str(manifest), "--framework", "pss-baseline", "--fail-on", least]) == 0


def test_what_could_not_be_read_is_told_and_the_scan_is_incomplete(manifest, capsys):
    (manifest.parent / "b.yaml").write_text("kind: [\n")
    assert cli.run(["scan", str(manifest.parent), "-o", "jsonl"]) == 3
    told = capsys.readouterr()
    assert "b.yaml:" in told.err
    assert "container-privileged" in told.out


def test_a_framework_that_is_none_is_refused(manifest, capsys):
    assert cli.run(["scan", str(manifest), "--framework", "nobody"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "no framework is called 'nobody'" in told.err


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "yaml", "sarif", "junit", "ocsf", "openreports", "html"])
def test_every_form_says_what_was_found(manifest, capsys, form):
    assert cli.run(["scan", str(manifest), "--framework", "pss-baseline", "-o", form]) == 0
    assert "privileged" in capsys.readouterr().out


def test_checks_can_be_listed(capsys):
    assert cli.run(["scan", "--list", "--framework", "pss-baseline@1.20", "-o", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 11
    assert all({"id", "title", "danger", "fix", "severity", "controls"} <= row.keys() for row in rows)
    assert cli.run(["scan", "--list"]) == 0
    assert "container-privileged" in capsys.readouterr().out


def test_a_scan_of_nothing_is_refused(capsys):
    assert cli.run(["scan"]) == 2
    assert "PATH" in capsys.readouterr().err


def test_exceptions_that_are_of_no_use_are_told(manifest, capsys):
    file = manifest.parent / "exceptions.txt"
    file.write_text("exceptions: [{owner: me, reason: old, expires: 2020-01-01}]")
    assert cli.run(["scan", str(manifest), "--exceptions", str(file), "-o", "jsonl"]) == 0
    assert "expired on 2020-01-01" in capsys.readouterr().err


def test_only_what_a_change_brings_is_told(manifest, tmp_path, capsys):
    after = tmp_path / "after"
    after.mkdir()
    (after / "b.yaml").write_text("# moved\n" + POD.replace("spec: {", "spec: {hostPID: true, "))
    run = ["scan", str(after), "--diff", str(manifest), "-o", "jsonl", "--fail-on", "high"]
    assert cli.run(run) == 1
    assert [json.loads(line)["field"] for line in capsys.readouterr().out.splitlines()] == ["spec.hostPID"]
    assert cli.run([*run[:3], str(after), *run[4:]]) == 0


def test_a_framework_without_checks_is_refused(manifest, capsys):
    assert cli.run(["scan", str(manifest), "--framework", "own"]) == 2
    assert "no check has a control of own" in capsys.readouterr().err
