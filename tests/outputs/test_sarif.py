from __future__ import annotations

import json

import pytest

from plimsoll.outputs import places, sarif

STRING, INTEGER = {"type": "string"}, {"type": "integer", "minimum": 1}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
SHAPE = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id", "shortDescription", "fullDescription", "help"],
                                            "properties": {
                                                "id": STRING,
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                                "properties": {
                                                    "type": "object",
                                                    "properties": {"tags": {"type": "array", "uniqueItems": True}},
                                                },
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "locations"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": -1},
                                "message": TEXT,
                                "partialFingerprints": {"type": "object", "additionalProperties": STRING},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation", "region"],
                                                "properties": {
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {"startLine": INTEGER},
                                                    },
                                                    "artifactLocation": {
                                                        "type": "object",
                                                        "required": ["uri"],
                                                        "properties": {
                                                            "uri": {"type": "string", "pattern": r"^[!-~]+$"}
                                                        },
                                                    },
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The parts of the published schema that are used here."""


def run(report):
    return json.loads("".join(sarif.report(report, places.Place())))


def test_a_log_has_the_published_shape(scanned, nothing_found):
    jsonschema = pytest.importorskip("jsonschema")
    for report in (scanned, nothing_found):
        jsonschema.validate(run(report), SHAPE)


def test_results_lead_to_the_line_and_to_their_rule(scanned):
    (told,) = run(scanned)["runs"]
    first, *_ = told["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a.yaml"},
        "region": {"startLine": 9},
    }
    assert (first["level"], first["ruleId"]) == ("error", "container-privileged")
    rule = told["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert rule["id"] == first["ruleId"]
    assert rule["properties"]["security-severity"] == "9.5"
    assert "T1611" in rule["properties"]["tags"]


def test_what_was_not_judged_is_told(scanned, nothing_found):
    (told,) = run(scanned)["runs"][0]["invocations"]
    assert told["executionSuccessful"] is False
    assert "no <YAML>" in told["toolExecutionNotifications"][0]["message"]["text"]
    assert run(nothing_found)["runs"][0]["invocations"] == [
        {"executionSuccessful": True, "toolExecutionNotifications": []}
    ]


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("/repo/k8s/a.yaml", "k8s/a.yaml"),
        ("k8s/a b.yaml", "k8s/a%20b.yaml"),
        ("/tmp/a", "file:///tmp/a"),
        ("", "unknown"),
    ],
)
def test_files_are_named_from_where_the_scan_began(file, uri):
    assert sarif.uri(file, "/repo") == uri
