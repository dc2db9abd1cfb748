"""What nothing excuses, and what a ticket may allow together."""

from __future__ import annotations

import csv

from plimsoll.triage import rule_classes


def test_every_hard_rule_of_the_facts_is_never_muted(shared_tables):
    with (shared_tables / "falco_rules_guard.csv").open() as file:
        rows = list(csv.DictReader(file))
    hard = [row["rule"] for row in rows if row["guard"] == "hard"]
    assert len(hard) == 22
    assert [rule for rule in hard if not rule_classes.never_muted(rule)] == []
    assert [row["rule"] for row in rows if row["guard"] != "hard" and rule_classes.never_muted(row["rule"])] == []


def test_a_chain_and_a_stolen_token_are_never_muted():
    assert rule_classes.never_muted("anything", "chain")
    assert rule_classes.never_muted("anything", "ledger")


def test_only_a_rule_of_ours_is_judged_by_its_technique():
    assert rule_classes.never_muted("x", "rule", ["T1070.002"])
    assert not rule_classes.never_muted("x", "deviation", ["T1070.002"])


def test_shells_are_one_class_however_they_were_noticed():
    assert (
        rule_classes.class_of("Terminal shell in container") == rule_classes.class_of("Command run in a pod") == "shell"
    )
