from __future__ import annotations

import json
from pathlib import Path

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


BINDING = (
    "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n"
    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ROLE}\n"
    "subjects: [{kind: ServiceAccount, namespace: n, name: s}]\n"
)
SAFE = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: n}\n"
    "spec: {serviceAccountName: s, containers: [{name: c, image: app}]}\n"
)


@pytest.fixture
def opening(tmp_path):
    """Return a folder before and one after a change that opens a path, in the order of `--diff BEFORE PATH`."""
    for name, role in (("before", "view"), ("after", "cluster-admin")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(SAFE + BINDING.replace("ROLE", role))
    return str(tmp_path / "before"), str(tmp_path / "after")


def test_a_page_has_the_attack_paths_and_needs_no_network(opening, capsys):
    assert cli.run(["scan", opening[1], "-o", "html"]) == 0
    page = capsys.readouterr().out
    assert page.count("<h2>Attack paths</h2>") == 1
    assert page.count("</html>") == 1
    assert '<b class="Sink">Sink:cluster-admin</b>' in page
    assert ".way{" in page
    assert "What closes them" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page


def test_names_in_the_paths_of_a_page_are_only_text(opening, capsys):
    file = Path(opening[1]) / "a.yaml"
    file.write_text(file.read_text().replace("name: x,", "name: '<img src=q>',"))
    assert cli.run(["scan", opening[1], "-o", "html"]) == 0
    page = capsys.readouterr().out
    assert "<img" not in page
    assert "Container:n/&lt;img src=q&gt;/c" in page


def test_a_page_says_that_the_paths_of_a_large_cluster_are_left_out(opening, capsys, monkeypatch):
    monkeypatch.setattr("plimsoll.flow_paths.IN_PASSING", 0)
    assert cli.run(["scan", opening[1], "-o", "html"]) == 0
    page = capsys.readouterr().out
    assert "Left out: more than 0 objects are or make pods" in page
    assert "Sink:cluster-admin" not in page


def test_a_change_tells_the_paths_it_opens(opening, capsys):
    before, after = opening
    assert cli.run(["scan", after, "--diff", before, "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["object"]["kind"] for one in told["findings"]} == {"ClusterRoleBinding"}
    assert ["Container:n/x/c", "Sink:cluster-admin"] in [
        [one["nodes"][0], one["nodes"][-1]] for one in told["paths"]["opened"]
    ]
    assert told["paths"]["closed"] == []
    for form, said in (("table", "The change opens"), ("html", "<h3>Opened</h3>")):
        assert cli.run(["scan", after, "--diff", before, "-o", form]) == 0
        assert said in capsys.readouterr().out


def test_a_change_tells_the_paths_it_closes(opening, capsys):
    after, before = opening
    assert cli.run(["scan", after, "--diff", before, "--fail-on", "high", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["paths"]
    assert told["opened"] == []
    assert told["closed"]
    for form, said in (("table", "closed: "), ("html", "<h3>Closed</h3>")):
        assert cli.run(["scan", after, "--diff", before, "-o", form]) == 0
        assert said in capsys.readouterr().out


@pytest.mark.parametrize(("least", "code"), [("critical", 0), ("high", 1), ("info", 1)])
@pytest.mark.parametrize("form", ["jsonl", "table"])
def test_a_path_that_a_change_opens_counts_as_high(opening, capsys, least, code, form):
    before, after = opening
    run = ["scan", after, "--diff", before, "--framework", "pss-baseline", "--fail-on", least, "-o", form]
    assert cli.run(run) == code
    told = capsys.readouterr()
    assert told.out == "" if form == "jsonl" else "No findings" in told.out
    assert ("attack paths; -o table has them" in told.err) == (form == "jsonl" and code == 1)


def test_a_node_is_judged_as_its_snapshot_is(tmp_path, capsys):
    key = tmp_path / "node/etc/kubernetes/pki/ca.key"
    key.parent.mkdir(parents=True)
    key.touch()
    key.chmod(0o644)
    node = ["scan", "--node", str(tmp_path / "node")]
    assert cli.run([*node, "--framework", "cis", "--fail-on", "high", "-o", "jsonl"]) == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (row,) = (one for one in found if one["check"] == "node-key-mode")
    assert row["message"] == "/etc/kubernetes/pki/ca.key is 0644, more than 0600"
    assert "cis:1.1.21" in row["controls"]
    assert cli.run([*node, "--snapshot"]) == 0
    (tmp_path / "node.yaml").write_text(capsys.readouterr().out)
    assert cli.run(["scan", str(tmp_path / "node.yaml"), "--framework", "cis", "-o", "jsonl"]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["check"], one["field"]) for one in again] == [(one["check"], one["field"]) for one in found]


def test_a_node_without_any_of_the_files_is_not_judged(tmp_path, capsys):
    assert cli.run(["scan", "--node", str(tmp_path)]) == 3
    assert "plimsoll: /: none of the files that are judged is here" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--node", "--live"], ["--node", "a", "b"], ["--snapshot", "a"]])
def test_options_of_a_node_that_do_not_hold_together_are_refused(options):
    assert cli.run(["scan", *options]) == 2
