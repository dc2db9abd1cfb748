"""What is asked of those on whose word something was muted, who may answer, and what an answer does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from plimsoll.triage import confirming, gates
from tests.triage import told
from tests.triage.told import HOUR, MINUTE, START


def asked(judge, *rows):
    """The case of rows of bob's that are muted on a ticket, and the question about it."""
    decisions = told.take(judge, *rows)
    case = judge.memory.cases[decisions[0].case]
    return case, confirming.question(case, rows)


def judge():
    return told.quiet([told.ticket(), told.admin()])


def test_the_approver_is_asked_with_the_commands_and_the_ticket():
    case, question = asked(judge(), told.shell(), told.shell(START + MINUTE))
    assert (question.asks, question.actor, question.acts, question.untold) == ("eve", "bob", 2, 0)
    assert (case.opener, question.papers, question.due) == ("ann", ("files:CHG1", "groups:g"), START + 4 * HOUR)
    assert question.commands == ("bash",)
    assert "\n" not in question.line
    for part in ("eve", "bob", told.WEB, "`bash`", "files:CHG1"):
        assert part in question.line


@pytest.mark.parametrize("by", ["bob", "user:bob", "oidc:bob@acme.io", "BOB@acme.io", "ann", "ANN@acme.io", "", " "])
def test_who_did_it_and_who_only_opened_the_ticket_cannot_say_yes(by):
    case, question = asked(judge(), told.shell())
    assert confirming.refused(case, "yes", by, question)


@pytest.mark.parametrize("by", ["eve", "eve@acme.io", "trent"])
def test_others_can(by):
    case, question = asked(judge(), told.shell())
    assert confirming.refused(case, "yes", by, question) == ""


def test_an_opener_who_approved_it_too_can():
    known = told.quiet([told.ticket(creator="eve"), told.admin()])
    case, question = asked(known, told.shell())
    assert confirming.refused(case, "yes", "eve", question) == ""


def test_anybody_can_say_no():
    case, question = asked(judge(), told.shell())
    assert [confirming.refused(case, "no", by, question) for by in ("bob", "ann", "eve")] == [""] * 3


def test_what_was_not_told_in_full_cannot_be_confirmed():
    """Who floods a question with commands, or hides one behind a long one, gets no yes."""
    known = judge()
    many = [told.shell(START + at * 1_000, command=f"bash {'x' * at}") for at in range(5)]
    case, question = asked(known, *many)
    assert confirming.refused(case, "yes", "eve", question) == ""
    flood = confirming.question(case, [{"command": f"c{at}"} for at in range(confirming.MOST + 7)])
    long = confirming.question(case, [{"command": "x" * (confirming.LONGEST + 1)}])
    assert (len(flood.commands), flood.untold, long.untold) == (confirming.MOST, 7, 1 + len(many) - 1)
    for question in (flood, long):
        assert "not told in full" in confirming.refused(case, "yes", "eve", question)
        assert confirming.refused(case, "no", "eve", question) == ""


def test_an_answer_to_fewer_acts_than_there_are_by_now_is_none():
    case, question = asked(judge(), told.shell(), told.shell(START + MINUTE))
    assert "2 acts by now" in confirming.refused(case, "yes", "eve", question, acts=1)
    assert confirming.refused(case, "yes", "eve", question, acts=2) == ""


def test_a_yes_keeps_it_muted_and_what_comes_after_is_asked_anew():
    known = judge()
    case, _ = asked(known, told.shell())
    known.confirm(case.id, "eve")
    assert (known.overdue(START + 9 * HOUR), case.state, confirming.is_open(case)) == ([], "muted", False)
    later = told.one(known, told.shell(START + 20 * MINUTE))
    assert (later.mute, later.case, confirming.is_open(case)) == (True, case.id, True)
    assert known.overdue(START + 4 * HOUR + 20 * MINUTE) == [case.id]


def test_a_no_brings_all_of_it_back_as_high():
    known = judge()
    case, _ = asked(known, told.shell(), told.shell(START + 29 * MINUTE), told.shell(START + 58 * MINUTE))
    known.deny(case.id, "eve")
    assert (case.state, case.severity, case.resurfaced) == ("open", "high", "eve said no")
    assert known.turned() == [(case.id, START, "eve said no")]


def test_after_a_no_nothing_of_his_is_muted_until_a_verdict():
    known = judge()
    case, _ = asked(known, told.shell())
    known.deny(case.id, "eve")
    later = told.one(known, told.shell(START + 9 * HOUR))
    assert (later.mute, later.judgement.gates) == (False, (gates.DENIED,))
    known.answer(case.id, "benign", "trent", at=START + 9 * HOUR)
    assert told.one(known, told.shell(START + 20 * HOUR)).mute


def test_a_no_brings_back_what_he_did_elsewhere_at_that_time():
    other = "shop/Deployment/api"
    papers = [told.ticket(), told.ticket(scope=(other,), id="CHG2"), told.admin()]
    known = told.quiet(papers)
    row = told.shell(START + MINUTE, workload=other, pod="shop/api-1")
    first, second = told.take(known, told.shell(), row)
    assert (first.mute, second.mute) == (True, True)
    known.deny(first.case, "eve")
    assert known.memory.cases[second.case].state == "open"
    assert known.memory.cases[second.case].severity == "high"


def test_what_was_not_confirmed_in_time_is_not_told_as_muted_either():
    known = judge()
    decisions = told.take(known, told.shell(), told.noise(START + 5 * HOUR))
    known.settle(decisions)
    assert (decisions[0].mute, decisions[0].turned) == (False, "eve did not confirm it in time")
    assert known.memory.cases[decisions[0].case].severity == "high"
    assert decisions[1].mute


def test_what_waits_or_was_answered_is_not_asked_about():
    known = judge()
    case, question = asked(known, told.shell())
    known.answer(case.id, "benign", "trent", at=START)
    assert confirming.refused(case, "yes", "eve", question) == "nothing is asked about it"
    assert confirming.refused(case, "yes", "eve", None) == "nothing is asked about it"


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(some.dictionaries(some.sampled_from(["command", "why", "output_fields", "title", "exe", "rule"]), VALUES))
def test_a_question_is_one_line_whatever_alerts_hold(alert):
    told_ = confirming.command(alert)
    assert told_
    assert len(told_.splitlines()) == 1
