"""Outputs are found by name, write to any stream, and are documented."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from plimsoll import errors, outputs, tables
from plimsoll.outputs import alerts, falco_json, ocsf

DOCS = Path(__file__).resolve().parents[2] / "docs" / "outputs.md"
CODE = r"`([^`\n]+)`"


def written(name, rows, **options):
    stream = io.StringIO()
    outputs.write(name, rows, stream, hostname="node-1", **options)
    return stream.getvalue()


@pytest.mark.parametrize("name", outputs.names_of("text"))
def test_each_output_writes_these_alerts_as_recorded(name, some_alerts, snapshot):
    assert written(name, some_alerts, width=80) == snapshot


@pytest.mark.parametrize("name", outputs.names_of("text"))
def test_each_output_says_so_when_there_is_nothing(name, snapshot):
    assert written(name, []) == snapshot


@pytest.mark.parametrize("name", ["jsonl", "falco_json", "ocsf"])
def test_line_outputs_print_nothing_for_no_rows(name):
    assert written(name, []) == ""


class Flushed(io.StringIO):
    """A stream that knows what has been flushed."""

    visible = ""

    def flush(self):
        super().flush()
        self.visible = self.getvalue()


@pytest.mark.parametrize("name", outputs.names_of("text"))
def test_an_alert_is_seen_before_the_next_one_happens(name, stolen_token):
    stream = Flushed()

    def happening():
        yield stolen_token
        assert stolen_token["id"] in stream.visible
        yield stolen_token

    outputs.write(name, happening(), stream)


def test_an_unknown_output_is_an_error_that_names_the_others():
    with pytest.raises(errors.UsageError, match=r"'xml'.*jsonl"):
        outputs.write("xml", [], io.StringIO())


@pytest.mark.parametrize("name", ["json", "jsonl", "yaml"])
def test_general_forms_write_any_value(name, snapshot):
    stream = io.StringIO()
    outputs.document(name, {"input": {"accepted": 3, "rejected": 0}, "text": "on", "none": None}, stream)
    assert stream.getvalue() == snapshot


def test_a_form_of_alerts_refuses_other_values():
    with pytest.raises(errors.UsageError, match="json, jsonl, yaml"):
        outputs.document("ocsf", {}, io.StringIO())


def test_every_output_has_a_section_in_the_docs():
    assert set(re.findall(r"^## `(\w+)`", DOCS.read_text(), re.MULTILINE)) == set(outputs.names())


def test_every_field_of_every_output_is_in_the_docs(stolen_token, webhook_created):
    told = set(re.findall(CODE, DOCS.read_text()))
    assert told.issuperset(tables.names(tables.ALERTS))
    for row in (stolen_token, webhook_created, {**stolen_token, "subject": "shop/Deployment/web:app"}):
        assert told.issuperset(_leaves(falco_json.falco_alert(alerts.of(row), "node-1"), depth=1))
        assert told.issuperset(_leaves(ocsf.finding(alerts.of(row)), depth=1))


def test_the_docs_tell_every_priority_and_severity():
    lines = DOCS.read_text().splitlines()
    for severity in alerts.SEVERITIES:
        id_, caption = ocsf.SEVERITIES[severity]
        row = f"| {severity} | {severity[0].upper()} | {falco_json.PRIORITIES[severity]} | {id_} {caption} |"
        assert row in lines


def _leaves(value, depth):
    """Names of fields; those of an object within as `outer.inner` in OCSF, as they are in Falco's flat fields."""
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and depth:
            yield from (name if "." in name else f"{key}.{name}" for name in _leaves(inner, depth - 1))
        else:
            yield key
