from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from plimsoll import errors, flow_scan
from plimsoll.cluster import manifests

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {containers: [{name: c, securityContext: {privileged: true}}]}\n"


def objects(*paths):
    return [
        (one.kind, one.name, one.line, one.document) for one in flow_scan.read([str(path) for path in paths]).objects
    ]


def test_every_document_of_a_file_is_an_object_though_two_share_a_name(tmp_path):
    (tmp_path / "a.yaml").write_text(POD % "x" + "---\n# nothing\n---\n" + POD % "x")
    assert objects(tmp_path) == [("Pod", "x", 1, 0), ("Pod", "x", 8, 1)]


def test_a_list_is_its_items(tmp_path):
    inner = {"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "b"}}]}
    typed = {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "c"}}]}
    (tmp_path / "a.json").write_text(
        json.dumps({"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "a"}}, inner, typed]})
    )
    assert [name for _, name, _, _ in objects(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "rejected", "foreign"),
    [
        ("a: b\n", 0, 1),
        ("just text\n", 0, 1),
        ("kind: [Pod]\n", 1, 0),
        ("kind: Pod\n  broken: [\n", 1, 0),
        ('{"kind": "List", "items": [null, 1, {}, {"kind": null}]}', 4, 0),
        ('{"kind": "List", "items": "x"}', 0, 0),
        ("[[[[1]]]]", 1, 0),
    ],
)
def test_what_is_no_object_is_counted_and_ends_nothing(tmp_path, text, rejected, foreign):
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(POD % "x")
    found = flow_scan.read([str(tmp_path)])
    assert (found.rejected, found.foreign) == (rejected, foreign)
    assert found.objects[-1].name == "x"


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(errors.InputError):
        flow_scan.read([str(tmp_path / "none")])


NOW = datetime(2026, 6, 1, tzinfo=UTC)
BASELINE = flow_scan.Asked(["pss-baseline@1.30"])


def test_a_scan_judges_what_it_read(tmp_path):
    (tmp_path / "a.yaml").write_text(POD % "x")
    (tmp_path / "b.yaml").write_text("kind: [\n")
    (tmp_path / "c.yaml").write_text("a: values of a chart\n")
    scan = flow_scan.Scan([str(tmp_path)], BASELINE, NOW)
    (found,) = scan.found()
    assert (found.check.id, found.object.file, found.line) == ("container-privileged", str(tmp_path / "a.yaml"), 4)
    coverage = scan.coverage()
    assert (coverage.objects, coverage.unjudged, coverage.foreign) == (1, 1, 1)
    assert len(coverage.problems) == 1
    assert "b.yaml" in coverage.problems[0]


def test_an_item_of_a_list_has_a_line_of_its_own(tmp_path):
    item = "- kind: Pod\n  metadata: {name: %s}\n  spec:\n    hostPID: true\n"
    (tmp_path / "a.yaml").write_text("kind: List\nitems:\n" + item % "a" + item % "b")
    found = list(flow_scan.Scan([str(tmp_path)], BASELINE, NOW).found())
    assert [(one.object.line, one.line) for one in found] == [(3, 6), (7, 10)]


def test_lines_are_looked_up_where_objects_are_few(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(POD % "x")
    monkeypatch.setattr(flow_scan, "FEW", 0)
    assert [one.line for one in flow_scan.Scan([str(tmp_path)], BASELINE, NOW).found()] == [0]
    assert [one.line for one in flow_scan.Scan([str(tmp_path)], BASELINE, NOW, with_lines=True).found()] == [4]


def test_what_is_excepted_is_counted(tmp_path):
    (tmp_path / "a.yaml").write_text(POD % "x")
    (tmp_path / "exceptions").write_text("exceptions: [{owner: me, reason: a test, expires: 2026-06-01}]")
    asked = BASELINE._replace(exceptions=tmp_path / "exceptions")
    scan = flow_scan.Scan([str(tmp_path)], asked, NOW)
    assert list(scan.found()) == []
    assert scan.coverage().excepted == 1


@pytest.mark.parametrize("field", ["exceptions", "checks"])
def test_files_that_are_not_there_are_refused(tmp_path, field):
    none = tmp_path / "none"
    asked = flow_scan.Asked(**{field: none if field == "exceptions" else [none]})
    with pytest.raises(errors.InputError):
        flow_scan.Scan([str(tmp_path)], asked, NOW)


def test_of_a_live_cluster_each_workload_is_judged_once(monkeypatch):
    def owned(kind, name, owner_kind, owner):
        reference = {"kind": owner_kind, "name": owner, "controller": True}
        return {"kind": kind, "metadata": {"name": name, "namespace": "n", "ownerReferences": [reference]}}

    told = [
        {"kind": "Deployment", "metadata": {"name": "web", "namespace": "n"}},
        owned("ReplicaSet", "web-1", "Deployment", "web"),
        owned("Pod", "web-1-a", "ReplicaSet", "web-1"),
        owned("Pod", "static-node", "Node", "node"),
        owned("Pod", "orphan", "ReplicaSet", "gone"),
        owned("EndpointSlice", "web", "Service", "web"),
    ]
    documents = [manifests.Document("", 0, json.dumps(one).encode()) for one in told]
    monkeypatch.setattr(flow_scan.live, "documents", lambda: iter(documents))
    assert [one.name for one in flow_scan.read_live().objects] == ["web", "static-node", "orphan", "web"]
