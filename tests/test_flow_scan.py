from __future__ import annotations

import json

import pytest

from plimsoll import errors, flow_scan

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


def test_a_scan_judges_what_it_read(tmp_path):
    (tmp_path / "a.yaml").write_text(POD % "x")
    scan = flow_scan.scan([str(tmp_path)], ["pss-baseline@1.30"])
    (found,) = scan.results
    assert (found.check.id, found.object.file) == ("container-privileged", str(tmp_path / "a.yaml"))
