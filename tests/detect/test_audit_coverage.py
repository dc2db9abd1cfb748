"""What a finding needs of the log is asked of the rule itself; what a log lacks is told finding by finding."""

from __future__ import annotations

import pytest

from plimsoll import frames, tables
from plimsoll.detect import audit_coverage, audit_rules
from tests import told

BODIED = [rule for rule in audit_rules.RULES if rule.needs != "Metadata"]


def states(*rows: told.Row) -> dict[str, audit_coverage.Finding]:
    coverage = audit_coverage.Coverage()
    for row in rows:
        coverage.take(frames.of_rows(tables.AUDIT, [row]))
    return {one.finding: one for one in coverage.findings()}


@pytest.mark.parametrize("rule", BODIED, ids=lambda rule: rule.id)
def test_every_rule_that_reads_a_body_says_of_which_resource(rule: audit_rules.Rule) -> None:
    assert audit_coverage.resources()[rule.id]
    levels = [audit_coverage.levels()[target] for target in audit_coverage.resources()[rule.id]]
    assert all(audit_coverage.LEVELS.index(level) >= audit_coverage.LEVELS.index(rule.needs) for level in levels)


def test_a_rule_without_a_body_names_none() -> None:
    assert audit_coverage.resources()["exec"] == ()


def test_a_level_too_low_is_told_with_the_resource() -> None:
    found = states(told.request("create pods"))["privileged-pod"]
    assert (found.state, found.why) == ("unsupported", "pods is logged at Metadata")


def test_some_resources_at_a_low_level_are_a_part() -> None:
    rows = told.request("create pods", level="Request"), told.request("create deployments.apps")
    assert states(*rows)["privileged-pod"].state == "partly"


def test_the_highest_level_of_a_resource_counts() -> None:
    rows = told.request("create pods"), told.request("patch pods", level="RequestResponse")
    assert states(*rows)["privileged-pod"].state == "supported"


def test_exports_without_levels_tell_them_by_the_bodies() -> None:
    row = told.request("create pods", level=None, requestObject="{}")
    assert states(row)["privileged-pod"].state == "supported"


def test_what_nobody_did_cannot_be_told() -> None:
    found = states(told.request("get pods"))
    assert found["privileged-pod"].state == "unseen"
    assert found["exec"].state == "supported"
    assert {one.state for one in states().values()} == {"unseen"}


def test_reading_and_refused_writing_tell_no_level() -> None:
    rows = told.request("get pods", level="Request"), told.request("create pods", responseStatus_code=403)
    assert states(*rows)["privileged-pod"].state == "unseen"


def test_a_field_that_no_event_has_is_told() -> None:
    found = states(told.request("get pods", userAgent=None))
    assert (found["scanner"].state, found["scanner"].why) == ("unsupported", "no event has a userAgent")
    assert found["tor-exit"].state == "unsupported"  # told.request gives no sourceIPs


def test_the_ledger_and_rights_need_what_newer_servers_write() -> None:
    found = states(told.request("get pods", user_pod_uid=None))
    assert found["ledger-pods"].state == "unsupported"
    assert found["rbac-usage"].state == "unsupported"
    assert states(told.request(annotations_reason="because"))["rbac-usage"].state == "supported"


def test_the_gravest_comes_first() -> None:
    severities = [one.severity for one in states().values()]
    order = ("critical", "high", "medium", "low", "info")
    assert severities == sorted(severities, key=order.index)
