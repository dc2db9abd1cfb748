"""What a Detection Finding says of an alert."""

from __future__ import annotations

import pytest

from plimsoll.outputs import alerts, ocsf


def finding(row, **changed):
    return ocsf.finding(alerts.of({**row, **changed}))


def test_a_technique_is_said_once_for_each_tactic_it_serves(stolen_token):
    pairs = finding(stolen_token, attack=["T1053.007"])["finding_info"]["attacks"]
    assert [pair["tactic"]["name"] for pair in pairs] == ["Execution", "Persistence", "Privilege Escalation"]
    assert {pair["technique"]["uid"] for pair in pairs} == {"T1053"}
    assert {pair["sub_technique"]["name"] for pair in pairs} == {"Container Orchestration Job"}


def test_a_technique_nobody_knows_keeps_its_id(stolen_token):
    assert finding(stolen_token, attack=["T9"])["finding_info"]["attacks"] == [
        {"version": "18", "technique": {"uid": "T9"}}
    ]


@pytest.mark.parametrize(("maturity", "confidence"), [("mature", 3), ("learning", 1), ("unknown", None), (None, None)])
def test_confidence_is_said_where_a_profile_judged(stolen_token, maturity, confidence):
    assert finding(stolen_token, maturity=maturity).get("confidence_id") == confidence


def test_an_identity_is_an_actor_and_a_workload_a_resource(stolen_token):
    assert finding(stolen_token)["actor"]["user"]["name"] == "system:serviceaccount:ci:deployer"
    workload = finding(stolen_token, subject="shop/Deployment/web:app")
    assert "actor" not in workload
    assert workload["resources"][0].items() >= {"name": "web", "type": "Deployment", "namespace": "shop"}.items()


def test_rules_known_elsewhere_are_related_analytics(webhook_created):
    info = finding(webhook_created)["finding_info"]
    assert info["analytic"]["type"] == "Rule"
    assert [analytic["uid"] for analytic in info["related_analytics"]] == webhook_created["controls"]
