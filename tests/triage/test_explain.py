"""Every decision says why, and a muted one what would make it loud."""

from __future__ import annotations

from plimsoll.triage import explain, judging
from plimsoll.triage.scoring import Policy
from tests.triage import told
from tests.triage.told import START


def explained(judge, row):
    decision = told.one(judge, row)
    return explain.why(decision, judge.scorer), decision


def test_what_nobody_judged_says_so():
    why, _ = explained(judging.Judge(), told.noise(severity="medium"))
    assert why == ["nobody called it harmless yet, 2 times being enough"]


def test_a_gate_is_named_first():
    assert explained(told.quiet(), told.noise(title="Clear Log Activities"))[0][0].startswith("G1 never-mute")


def test_a_person_is_told_what_is_missing():
    assert "two kinds" in explained(told.quiet(), told.shell())[0][0]


def test_a_malicious_signature_is_called_so():
    judge = judging.Judge()
    judge.answer(told.one(judge, told.noise()).case, "true_positive", "ann", at=START)
    assert explained(judge, told.noise(START + told.HOUR))[0] == ["G8 warned: its signature was called malicious"]


def test_what_is_only_marked_says_what_holds_it_back():
    assert "certificate" in explained(told.quiet(policy=Policy(frozen=True)), told.noise())[0][0]
    assert "may not be muted" in explained(told.quiet(policy=Policy(most="annotate")), told.noise())[0][0]


def test_a_muted_alert_carries_all_of_its_suppression():
    judge = told.quiet([told.ticket(), told.admin()])
    decision = told.one(judge, told.shell())
    habit = judge.memory.habits[decision.seen.shape.keys[3]]
    told_ = explain.suppression(decision, judge.scorer, habit)
    assert list(told_) == [
        "state",
        "gates",
        "evidence",
        "kinds",
        "z",
        "contributions",
        "policy",
        "expires",
        "would_be_loud_if",
    ]
    assert told_["contributions"]["auth"] == 10.9
    assert told_["evidence"] == ["files:CHG1", "groups:g"]
    assert any("in an hour" in condition for condition in told_["would_be_loud_if"])
    assert [why.partition(":")[0] for why in explain.why(decision, judge.scorer)] == ["HIST", "AUTH", "IDENT"]


def test_contributions_add_up_to_the_score():
    judge = told.quiet([told.ticket(), told.admin()])
    judgement = told.one(judge, told.shell()).judgement
    parts = explain.contributions(judgement, judge.scorer)
    assert abs(sum(parts.values()) - judgement.z * 4.342945) < 0.5


def test_an_audit_says_it_is_one():
    judge = judging.Judge()
    judge.answer(told.one(judge, told.noise()).case, "benign", "ann", at=START)
    assert explained(judge, told.noise(START + told.HOUR))[0][0].startswith("audit")
