"""Laws that every output keeps, whatever an alert's values are."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plimsoll import outputs
from plimsoll.outputs import plain

SGR = re.compile(r"\x1b\[[0-9;]*m")

anything = st.text(st.characters(exclude_categories=()), max_size=60)
subjects = anything | st.builds(
    lambda kind, text: kind + text, st.sampled_from(["sa:", "user:", "node:", "a/B/"]), anything
)
words = st.lists(anything | st.sampled_from(["T1078", "T1552.007", "T1078.", ".1"]), max_size=6)
rows = st.fixed_dictionaries(
    {},
    optional={
        "id": st.none() | anything,
        "time": st.none() | st.datetimes(timezones=st.none() | st.just(UTC) | st.timezones()),
        "subject": st.none() | subjects,
        "title": st.none() | anything,
        "severity": st.none() | st.sampled_from(["critical", "high", "medium", "low", "info"]) | anything,
        "bits": st.none() | st.floats(),
        "why": st.none() | words,
        "evidence": st.none() | words,
        "attack": st.none() | words,
        "kind": st.none() | st.sampled_from(["deviation", "rule", "ledger", "chain"]) | anything,
        "controls": st.none() | words,
        "maturity": st.none() | st.sampled_from(["mature", "learning", "unknown"]) | anything,
        "facts": st.none() | words,
    },
)
some = st.lists(rows, max_size=3)


def written(name, given_rows, encoding="utf-8", **options):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    outputs.write(name, given_rows, stream, hostname="node-1", **options)
    return stream.buffer.getvalue().decode(encoding)


@given(some)
@example([{"title": "\x7f\x9b\u202e\ud800\udc00\ud800"}])
@example([{"bits": float("nan")}])
def test_json_forms_are_valid_json_in_ascii_with_one_object_a_row(given_rows):
    for name in ("jsonl", "falco_json", "ocsf"):
        text = written(name, given_rows, "ascii")
        assert len([strict(line) for line in text.splitlines()]) == len(given_rows)
        assert text.replace("\n", "").isprintable()
    assert len(strict(written("json", given_rows, "ascii"))) == len(given_rows)


def strict(text):
    def refuse(constant):
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


@given(some)
def test_json_and_yaml_say_the_same(given_rows):
    same = [plain.value(row) for row in given_rows]
    assert json.loads(written("json", given_rows)) == same
    assert yaml.safe_load(written("yaml", given_rows, "ascii")) == same


@given(some, st.none() | st.integers(1, 200), st.booleans(), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_the_console_shows_no_control_characters_but_our_own_colours(given_rows, width, color, encoding):
    text = written("table", given_rows, encoding, width=width, color="always" if color else "never")
    assert all(line.isprintable() for line in SGR.sub("", text).split("\n"))
    assert color or "\x1b" not in text


@given(some, st.integers(30, 100))
def test_no_line_is_wider_than_the_terminal(given_rows, width):
    text = written("table", given_rows, "ascii", width=width)
    assert all(len(line) <= width and not line.endswith(" ") for line in text.splitlines())


@given(rows)
def test_falcosidekick_would_take_every_alert(row):
    alert = json.loads(written("falco_json", [row]))
    assert set(alert) == {"hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"}
    assert alert["priority"] in {"Critical", "Error", "Warning", "Notice", "Informational", "Debug"}
    assert alert["rule"]
    assert alert["output_fields"]
    assert all(isinstance(value, str | int | float) for value in alert["output_fields"].values())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", alert["time"])
    assert re.match(r"\d\d:\d\d:\d\d\.\d{9}: " + alert["priority"], alert["output"])


@given(rows)
def test_every_finding_has_what_ocsf_demands(row):
    finding = json.loads(written("ocsf", [row]))
    assert finding["class_uid"] == 2004
    assert finding["category_uid"] == 2
    assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"]
    assert finding["severity_id"] in range(6)
    assert isinstance(finding["time"], int)
    assert isinstance(finding["finding_info"]["uid"], str)
    assert finding["metadata"]["version"] == "1.8.0"
    assert finding["metadata"]["product"]["name"] == "Plimsoll"
    assert all(pair["technique"]["uid"] is not None for pair in finding["finding_info"]["attacks"])
    assert all({"uid", "data"} <= piece.keys() for piece in finding["evidences"])


@pytest.fixture(scope="session")
def validator(shared_tables):
    schema = json.loads((shared_tables / "ocsf_1.8.0_detection_finding_2004.schema.json").read_text())
    return jsonschema.validators.validator_for(schema)(schema)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(rows)
def test_every_finding_is_valid_by_the_published_schema(validator, row):
    errors = [error.message for error in validator.iter_errors(json.loads(written("ocsf", [row])))]
    assert errors == []


def test_hand_made_alerts_are_valid_by_the_published_schema(validator, some_alerts):
    for line in written("ocsf", some_alerts).splitlines():
        validator.validate(json.loads(line))
