"""The recommended audit policy: judged as the API server would, it logs what every rule needs, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from plimsoll.detect import audit_bodies, audit_coverage, audit_policy, audit_rules

POLICY = yaml.safe_load(audit_policy.text())
ANN = ("ann", ["system:authenticated"])
NODE = ("system:node:n1", ["system:nodes", "system:authenticated"])
WORKLOAD = ("system:serviceaccount:a:b", ["system:serviceaccounts", "system:authenticated"])


def level(who: tuple[str, list[str]], verb: str, group: str, resource: str) -> str:
    """The level of the first rule that fits (kubernetes, apiserver/pkg/audit/policy/checker.go)."""
    return next(rule["level"] for rule in POLICY["rules"] if fits(rule, who, verb, group, resource))


def fits(rule: dict[str, Any], who: tuple[str, list[str]], verb: str, group: str, resource: str) -> bool:
    user, groups = who
    places = [(one["group"], target) for one in rule.get("resources", []) for target in one["resources"]]
    return (
        user in rule.get("users", [user])
        and bool({*groups} & {*rule.get("userGroups", groups)})
        and verb in rule.get("verbs", [verb])
        and ("resources" not in rule or (group, resource) in places)
        and "nonResourceURLs" not in rule
    )


def group_of(target: str) -> str:
    return next(group for group, targets in audit_policy.GROUPS.items() if target in targets)


@pytest.mark.parametrize("target", sorted(audit_bodies.READERS))
def test_every_resource_that_is_read_has_its_group(target: str) -> None:
    assert sum(target in targets for targets in audit_policy.GROUPS.values()) == 1


@pytest.mark.parametrize("rule", audit_rules.RULES, ids=lambda rule: rule.id)
@pytest.mark.parametrize("who", [ANN, WORKLOAD, NODE], ids=["person", "workload", "node"])
def test_a_rule_gets_the_level_it_needs(rule: audit_rules.Rule, who: tuple[str, list[str]]) -> None:
    for target in set(audit_coverage.resources()[rule.id]) - {*audit_policy.WITHHELD}:
        for verb in audit_coverage.WRITES:
            given = audit_coverage.LEVELS.index(level(who, verb, group_of(target), target))
            assert given >= audit_coverage.LEVELS.index(rule.needs)


@pytest.mark.parametrize("resource", ["secrets", "configmaps"])
@pytest.mark.parametrize("verb", ["get", "list", "create", "patch"])
def test_no_secret_is_logged(verb: str, resource: str) -> None:
    assert level(ANN, verb, "", resource) == "Metadata"


def test_no_answer_holds_a_token() -> None:
    assert level(ANN, "create", "", "serviceaccounts/token") == "Request"
    assert level(ANN, "create", "authentication.k8s.io", "tokenreviews") == "Metadata"


def test_deleting_events_and_what_is_not_the_clusters_own_stays() -> None:
    assert level(WORKLOAD, "create", "", "events") == "None"
    assert level(WORKLOAD, "deletecollection", "", "events") == "Metadata"
    assert level(ANN, "create", "", "events") == "Metadata"
    assert level(ANN, "update", "coordination.k8s.io", "leases") == "Metadata"
    assert level(NODE, "update", "coordination.k8s.io", "leases") == "None"


def test_what_it_costs_is_said() -> None:
    assert "It costs these findings: token-secret." in audit_policy.text()


def test_all_findings_are_named() -> None:
    words = {word.strip(",.") for word in audit_policy.text().split()}
    assert {rule.id for rule in audit_rules.RULES} <= words


def test_the_webhook_is_a_kubeconfig() -> None:
    assert audit_policy.webhook("https://x.example/")["clusters"] == [
        {"name": "plimsoll", "cluster": {"server": "https://x.example/"}}
    ]
