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
    assert row["controls"] == ["pss:privileged", "kyverno:disallow-privileged-containers"]
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
