from __future__ import annotations

import io
import json
import re

import jsonschema
import pytest

from plimsoll import errors, outputs
from plimsoll.outputs import findings


def written(name, report):
    stream = io.StringIO()
    outputs.report(name, report, stream)
    return stream.getvalue()


@pytest.mark.parametrize("name", outputs.names_of("report"))
def test_each_output_writes_what_was_found_as_recorded(name, scanned, nothing_found, snapshot):
    assert written(name, scanned) == snapshot
    assert written(name, nothing_found) == snapshot


@pytest.mark.parametrize("name", outputs.names_of("report"))
def test_no_output_lets_a_name_through_that_moves_the_terminal(name, scanned):
    assert all(char.isprintable() or char == "\n" for char in written(name, scanned))


def test_a_form_of_alerts_only_refuses_a_report(scanned):
    with pytest.raises(errors.UsageError, match="sarif"):
        outputs.report("falco_json", scanned, io.StringIO())


def test_lines_of_json_are_the_rows_in_ascii(scanned):
    lines = written("jsonl", scanned).splitlines()
    assert [json.loads(line)["check"] for line in lines] == ["odd-name", "container-privileged", "odd-name"]
    assert all(line.isascii() for line in lines)
    assert json.loads(lines[1]) == json.loads(json.dumps(findings.row(scanned.findings[1])))


def test_objects_come_gravest_first(scanned):
    groups = findings.by_object(scanned.findings)
    assert [len(group.findings) for group in groups] == [2, 1]
    assert [one.check.severity for one in groups[0].findings] == ["critical", "low"]


def test_a_fingerprint_stays_while_lines_move(scanned):
    _, grave, low = scanned.findings
    assert findings.fingerprint(grave) == findings.fingerprint(grave._replace(line=80, message="x"))
    assert findings.fingerprint(grave) != findings.fingerprint(low)


def test_compliance_findings_are_valid_by_the_published_schema(scanned, shared_tables):
    schema = json.loads((shared_tables / "ocsf_1.8.0_compliance_finding_2003.schema.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    for line in written("ocsf", scanned).splitlines():
        assert [error.message for error in validator.iter_errors(json.loads(line))] == []


def test_the_table_groups_by_object_and_says_what_was_judged(scanned):
    text = written("table", scanned)
    assert text.count("Deployment shop/web") == 1
    assert re.search(r"C  A container is privileged\n   - container app is privileged \(line 9\)", text)
    assert text.endswith(
        "3 findings: 1 critical, 2 low.\n"
        "2 objects judged by 3 checks; 1 not judged; 1 findings excepted; 4 documents are not of Kubernetes.\n"
    )
