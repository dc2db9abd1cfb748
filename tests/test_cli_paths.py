from __future__ import annotations

import json

import pytest

from plimsoll import cli
from plimsoll.cluster import live, manifests
from tests.test_flow_paths import CLUSTER


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "cluster.yaml"
    path.write_text(CLUSTER)
    return path


def asked(capsys, *arguments: str) -> dict[str, object]:
    assert cli.run(["paths", *arguments, "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_paths_are_one_document(manifest, capsys):
    told = asked(capsys, str(manifest), "--from", "Container:*", "--to", "Sink:cluster-admin")
    assert told["paths"][0]["nodes"] == ["Container:a/p/c", "SA:a/x", "ClusterRole/cluster-admin", "Sink:cluster-admin"]
    assert told["cuts"][0]["objects"] == ["ClusterRoleBinding/b"]


def test_where_there_is_no_route_there_are_no_paths(manifest, capsys):
    assert asked(capsys, str(manifest), "--from", "Internet", "--to", "Sink:cluster-admin")["paths"] == []


def test_the_whole_graph_on_demand(manifest, capsys):
    kinds = {one["kind"] for one in asked(capsys, str(manifest), "--graph")["edges"]}
    assert {"TOKEN_MOUNT", "HAS_PERMISSION"} <= kinds


def test_several_starts_may_be_named(manifest, capsys):
    told = asked(capsys, str(manifest), "--from", "Internet", "--from", "SA:a/x", "--to", "Sink:cluster-admin")
    assert {path["nodes"][0] for path in told["paths"]} == {"SA:a/x"}


@pytest.mark.parametrize("form", ["table", "dot", "html", "sarif", "ocsf"])
def test_every_form_tells_the_path(manifest, capsys, form):
    assert cli.run(["paths", str(manifest), "-o", form]) == 0
    assert "cluster-admin" in capsys.readouterr().out


def test_the_exit_code_tells_whether_there_is_a_path(manifest):
    assert cli.run(["paths", str(manifest), "--fail-on", "path"]) == 1
    assert cli.run(["paths", str(manifest), "--from", "Internet", "--to", "Node:*", "--fail-on", "path"]) == 0


def test_what_could_not_be_read_is_told(manifest, capsys):
    manifest.write_text(f"{CLUSTER}\n---\nkind: [\n")
    assert cli.run(["paths", str(manifest)]) == 3
    assert "cluster.yaml:" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["table", "json", "html"])
@pytest.mark.parametrize("given", ['{"a": 1}\n{"a": 2}\n', "", "# a comment\n"])
def test_without_objects_nothing_is_judged_and_no_all_clear_is_given(tmp_path, capsys, given, form):
    (tmp_path / "x.jsonl").write_text(given)
    assert cli.run(["paths", str(tmp_path / "x.jsonl"), "-o", form, "--fail-on", "path"]) == 3
    told = capsys.readouterr()
    assert told.err == f"plimsoll: nothing was judged: {tmp_path}/x.jsonl holds no Kubernetes objects\n"
    assert "No path is open" not in told.out
    assert form != "json" or json.loads(told.out)["paths"] == []


def test_a_change_of_nothing_is_not_judged_either(manifest, tmp_path, capsys):
    (tmp_path / "x.jsonl").write_text("")
    assert cli.run(["paths", str(tmp_path / "x.jsonl"), str(tmp_path / "x.jsonl"), "--diff"]) == 3
    told = capsys.readouterr()
    assert (told.out, "hold no Kubernetes objects" in told.err) == ("", True)
    assert cli.run(["paths", str(manifest), str(tmp_path / "x.jsonl"), "--diff"]) == 0


def test_a_missing_file_is_bad_input(tmp_path, capsys):
    assert cli.run(["paths", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_change_that_opens_a_path_can_fail_a_pipeline(manifest, capsys, form):
    before = manifest.with_name("before.yaml")
    before.write_text(CLUSTER.replace("cluster-admin", "view"))
    asked = ["--diff", "--fail-on", "path", "-o", form]
    assert cli.run(["paths", str(before), str(manifest), *asked]) == 1
    assert "Container:a/p/c" in capsys.readouterr().out
    assert cli.run(["paths", str(manifest), str(before), *asked]) == 0
    assert cli.run(["paths", str(manifest), str(manifest), *asked]) == 0


def test_a_difference_has_two_sides(manifest, capsys):
    assert cli.run(["paths", str(manifest), "--diff"]) == 2
    assert "before and after" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], [".", "--live"]])
def test_manifests_or_the_live_cluster_are_looked_at_and_not_both(arguments: list[str]) -> None:
    assert cli.run(["paths", *arguments]) == 2


def test_a_live_cluster_is_looked_at(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.dumps(
        {
            "kind": "List",
            "items": [
                {
                    "kind": "Pod",
                    "metadata": {"name": "p"},
                    "spec": {"hostPID": True, "containers": [{"name": "c", "securityContext": {"privileged": True}}]},
                }
            ],
        }
    )
    monkeypatch.setattr(live, "documents", lambda: iter([manifests.Document("cluster", 0, listed.encode())]))
    assert cli.run(["paths", "--live", "--to", "Node:*", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["paths"]
