"""Open paths as Detection Findings with an attack graph."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plimsoll.outputs import routes_ocsf
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.model import Model
from plimsoll.posture.objects import Cluster

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEXT, INTEGER, TRUTH = {"type": "string", "minLength": 1}, {"type": "integer"}, {"type": "boolean"}
ENTITY = {"uid": TEXT, "name": TEXT, "type": TEXT, "desc": TEXT}
GRAPH = {
    "type": "object",
    "required": ["nodes"],
    "additionalProperties": False,
    "properties": {
        **ENTITY,
        "is_directed": TRUTH,
        "nodes": {
            "type": "array",
            "items": {"type": "object", "required": ["uid"], "additionalProperties": False, "properties": ENTITY},
        },
        "edges": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["source", "target"],
                "additionalProperties": False,
                "properties": {
                    "uid": TEXT,
                    "name": TEXT,
                    "relation": TEXT,
                    "source": TEXT,
                    "target": TEXT,
                    "is_directed": TRUTH,
                },
            },
        },
    },
}
SHAPE = {
    "type": "object",
    "required": [
        *("activity_id", "category_uid", "class_uid", "finding_info", "metadata", "severity_id", "time", "type_uid"),
    ],
    "properties": {
        "activity_id": {"enum": [1]},
        "category_uid": {"enum": [2]},
        "class_uid": {"enum": [2004]},
        "type_uid": {"enum": [200401]},
        "severity_id": {"enum": [1, 2, 3, 4, 5]},
        "status_id": {"enum": [1]},
        "time": INTEGER,
        "risk_score": INTEGER,
        "metadata": {"type": "object", "required": ["product", "version"]},
        "remediation": {"type": "object", "required": ["desc"]},
        "resources": {"type": "array", "items": {"type": "object", "required": ["uid", "name"]}},
        "finding_info": {
            "type": "object",
            "required": ["uid", "title"],
            "additionalProperties": False,
            "properties": {
                "uid": TEXT,
                "title": TEXT,
                "desc": TEXT,
                "types": {"type": "array", "items": TEXT},
                "attacks": {"type": "array", "items": {"type": "object", "required": ["technique", "version"]}},
                "attack_graph": GRAPH,
            },
        },
    },
}
"""The parts of the published class and objects that are used here."""


def test_each_open_path_is_a_finding_of_the_published_shape(found: Answer) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    lines = list(routes_ocsf.text(found, NOON))
    assert len(lines) == len(found.routes) > 0
    for line in lines:
        jsonschema.validate(json.loads(line), SHAPE)


def test_each_open_path_is_valid_by_the_published_schema(found: Answer, shared_tables: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((shared_tables / "ocsf_1.8.0_detection_finding_2004.schema.json").read_text())
    check = jsonschema.validators.validator_for(schema)(schema)
    for line in routes_ocsf.text(Answer(found.model, Question()), NOON):
        check.validate(json.loads(line))


def test_the_graph_is_the_path(found: Answer) -> None:
    told = json.loads(next(routes_ocsf.text(found, NOON)))
    graph = told["finding_info"]["attack_graph"]
    assert [node["uid"] for node in graph["nodes"]] == list(found.routes[0].nodes)
    assert [edge["relation"] for edge in graph["edges"]] == list(found.routes[0].kinds)
    joined = [(edge["source"], edge["target"]) for edge in graph["edges"]]
    assert joined == list(zip(found.routes[0].nodes, found.routes[0].nodes[1:], strict=False))
    assert (told["severity"], told["time"]) == ("Critical", 1_772_452_800_000)
    assert {"uid": "ClusterRoleBinding/b", "name": "b", "type": "ClusterRoleBinding"} in told["resources"]


def test_without_a_path_there_is_no_line() -> None:
    assert list(routes_ocsf.text(Answer(Model(Cluster([])), Question()), NOON)) == []
