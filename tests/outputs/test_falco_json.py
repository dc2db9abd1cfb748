"""An alert as Falco would tell it."""

from __future__ import annotations

from plimsoll.outputs import alerts, falco_json


def told(row, **changed):
    return falco_json.falco_alert(alerts.of({**row, **changed}), "node-1")


def test_it_has_the_eight_fields_of_falcos_json(stolen_token):
    fields = ["hostname", "output", "output_fields", "priority", "rule", "source", "tags", "time"]
    assert list(told(stolen_token)) == fields


def test_the_text_begins_with_the_time_and_the_priority(stolen_token):
    assert told(stolen_token)["output"].startswith("03:04:05.678901000: Critical Reads secrets")


def test_tags_are_those_of_falcos_rules(stolen_token):
    assert {"T1552.007", "mitre_credential_access"} <= set(told(stolen_token)["tags"])


def test_every_severity_has_a_priority(stolen_token):
    priorities = [told(stolen_token, severity=severity)["priority"] for severity in alerts.SEVERITIES]
    assert priorities == ["Critical", "Error", "Warning", "Notice", "Informational"]
    assert told(stolen_token, severity="?")["priority"] == "Debug"


def test_much_evidence_is_counted_and_only_the_gravest_is_named(stolen_token):
    fields = told(stolen_token, evidence=[str(number) for number in range(5000)])["output_fields"]
    assert fields["plimsoll.evidence"] == "0,1,2,3,4,5,6,7,8,9"
    assert fields["plimsoll.evidence_count"] == 5000


def test_a_workload_has_falcos_names_for_its_parts(stolen_token):
    fields = told(stolen_token, subject="shop/Deployment/web:app")["output_fields"]
    assert (fields["k8s.ns.name"], fields["container.name"]) == ("shop", "app")
    assert "ka.user.name" not in fields
