"""Alerts become decisions and cases; what is loud makes its surroundings loud."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import gates, judging, queue
from plimsoll.triage.scoring import Policy
from tests.triage import told
from tests.triage.told import DAY, HOUR, MINUTE, START


def gates_of(decision):
    return [gate.name for gate in decision.judgement.gates]


def test_nothing_is_muted_without_a_verdict():
    judge = judging.Judge()
    decisions = told.take(judge, *told.every(told.noise, range(START, START + 2 * DAY, HOUR)))
    assert not any(decision.mute for decision in decisions)
    assert len({decision.case for decision in decisions}) == 1


def test_one_verdict_mutes_what_comes_after_except_the_first_that_are_looked_at():
    judge = judging.Judge(secret=b"0")
    first = told.one(judge, told.noise())
    judge.answer(first.case, "benign", "ann", at=START)
    later = told.take(judge, *told.every(told.noise, range(START + HOUR, START + 9 * HOUR, HOUR)))
    assert [decision.mute for decision in later][:3] == [False] * 3
    assert all(decision.mute for decision in later[4:])
    audit = judge.memory.cases[later[0].case]
    assert (audit.kind, audit.state, audit.count >= 3) == ("audit", "open", True)


def test_muted_alerts_stay_in_the_case_that_was_answered():
    judge = told.quiet()
    decision = told.one(judge, told.noise())
    case = judge.memory.cases[decision.case]
    assert (decision.mute, case.verdict, case.muted, case.count) == (True, "benign", 1, 3)


def test_a_case_has_the_same_id_in_every_run():
    assert told.one(judging.Judge(), told.noise()).case == told.one(judging.Judge(), told.noise(time=START + 1)).case


def test_an_unsure_verdict_closes_the_case_and_mutes_nothing():
    judge = judging.Judge()
    first = told.one(judge, told.noise())
    judge.answer(first.case, "unsure", "ann", at=START)
    later = told.one(judge, told.noise(time=START + HOUR))
    assert not later.mute
    assert later.case != first.case


def test_a_burst_of_what_is_muted_is_shown_as_a_case_of_its_own():
    judge = told.quiet()
    decisions = told.take(judge, *told.every(told.noise, range(START, START + 40 * MINUTE, MINUTE)))
    loud = [decision for decision in decisions if not decision.mute]
    assert gates.BURST.name in gates_of(loud[-1])
    assert judge.memory.cases[loud[-1].case].state == "open"
    assert loud[-1].case != decisions[0].case or decisions[0].turned


def test_a_burst_that_was_called_harmless_may_come_again():
    judge = told.quiet()
    rows = told.every(told.noise, range(START, START + 40 * MINUTE, MINUTE))
    burst = told.take(judge, *rows)[-1]
    judge.answer(burst.case, "benign", "ann", at=START + HOUR)
    again = told.every(told.noise, range(START + DAY, START + DAY + 40 * MINUTE, MINUTE))
    assert all(decision.mute for decision in told.take(judge, *again))


def test_something_loud_brings_back_what_was_muted_at_the_same_pod_half_an_hour_before():
    judge = told.quiet()
    rows = [told.noise(START), told.noise(START + 10 * MINUTE), told.noise(START + 50 * MINUTE)]
    loud = told.noise(START + 60 * MINUTE, title="Clear Log Activities", severity="critical")
    early, still_early, near, _ = told.take(judge, *rows, loud)
    assert (early.mute, still_early.mute, near.mute) == (True, True, False)
    assert "G2 chain" in near.turned
    case = judge.memory.cases[near.case]
    assert (case.state, case.verdict, "G2 chain" in case.resurfaced) == ("open", "", True)
    assert queue.queue(judge.memory.cases.values())[0].case.severity == "critical"


def test_what_comes_within_half_an_hour_after_something_loud_is_shown():
    judge = told.quiet()
    loud = told.noise(START, title="Clear Log Activities", severity="critical")
    soon, late = told.take(judge, loud, told.noise(START + 29 * MINUTE), told.noise(START + 31 * MINUTE))[1:]
    assert gates.CHAINED.name in gates_of(soon)
    assert late.mute


def test_what_nothing_excuses_but_is_called_harmless_is_loud_at_its_pod_and_not_at_its_node():
    judge = told.quiet()
    row = {"title": "Clear Log Activities", "severity": "medium", "node": "n", "pod": "a/own"}
    found = []
    for at in (START, START + DAY, START + 2 * DAY):
        near = [told.noise(at + MINUTE, pod=pod, node="n") for pod in ("", "a/own")]
        loud, *others = told.take(judge, told.noise(at, **row), *near)
        found.append([one.mute for one in (loud, *others)])
        judge.answer(loud.case, "benign", "ann", at=at)
    assert found == [[False, False, False], [False, False, False], [False, True, False]]


def test_cases_that_are_only_near_something_loud_ask_for_no_verdict():
    judge = told.quiet()
    loud = told.noise(START + MINUTE, title="Clear Log Activities", severity="critical")
    muted, alarm, near = told.take(judge, told.noise(), loud, told.noise(START + 2 * MINUTE))
    wanting = {one.case: judge.memory.cases[one.case].wanting for one in (muted, alarm, near)}
    assert wanting == {muted.case: False, alarm.case: True, near.case: False}


def test_other_pods_stay_muted():
    judge = told.quiet()
    loud = told.noise(START, title="Clear Log Activities", severity="critical", subject="host:web")
    assert told.take(judge, loud, told.noise(START + MINUTE))[1].mute


def test_what_earlier_runs_muted_is_told_to_be_turned():
    judge = told.quiet()
    muted = told.one(judge, told.noise(START))
    told.one(judge, told.noise(START + MINUTE, title="Clear Log Activities", severity="critical"))
    [(case, since, why)] = judge.turned()
    assert (case, since <= START, "G2 chain" in why) == (muted.case, True, True)


def test_a_sensor_that_lost_events_mutes_nothing_for_five_minutes():
    judge = told.quiet()
    falco = {
        "rule": "Falco internal: syscall event drop",
        "priority": "Debug",
        "output_fields": {},
        "hostname": "node-1",
    }
    rows = [falco | {"time": told.moment(START)}, *(told.noise(START + at * MINUTE, node="node-1") for at in (1, 6))]
    _, blind, seeing = told.take(judge, *rows)
    assert gates.BLIND.name in gates_of(blind)
    assert seeing.mute


def test_a_malicious_verdict_ends_muting_and_brings_back_what_was_muted():
    judge = told.quiet()
    muted = told.one(judge, told.noise())
    rows = told.every(told.noise, range(START + HOUR, START + HOUR + 40 * MINUTE, MINUTE))
    burst = next(decision for decision in told.take(judge, *rows) if gates.BURST in decision.judgement.gates)
    judge.answer(burst.case, "true_positive", "ann", at=START + 2 * HOUR)
    assert judge.memory.cases[muted.case].state == "open"
    assert not told.one(judge, told.noise(START + DAY)).mute


def test_what_a_person_does_within_half_an_hour_is_one_session():
    judge = judging.Judge()
    rows = [told.shell(START), told.shell(START + 20 * MINUTE, command="nmap"), told.shell(START + 60 * MINUTE)]
    one, same, other = told.take(judge, *rows)
    assert one.case == same.case != other.case
    assert judge.memory.cases[one.case].kind == "session"
    assert len(judge.memory.cases[one.case].parts) == 2


def test_what_was_muted_on_somebodys_word_comes_back_unless_he_confirms_it():
    judge = told.quiet([told.ticket(), told.admin()])
    decision = told.one(judge, told.shell())
    case = judge.memory.cases[decision.case]
    assert (decision.mute, case.asks, case.state) == (True, "eve", "muted")
    assert judge.overdue(START + 4 * HOUR - 1) == []
    assert judge.overdue(START + 4 * HOUR) == [case.id]
    assert (case.state, case.severity) == ("open", "high")


def test_what_was_confirmed_stays_muted():
    judge = told.quiet([told.ticket(), told.admin()])
    decision = told.one(judge, told.shell())
    judge.answer(decision.case, "benign", "eve", at=START + HOUR)
    assert judge.overdue(START + DAY) == []


def test_a_malicious_audit_takes_its_rules_back_and_brings_back_30_days():
    judge = judging.Judge(secret=b"0")
    first = told.one(judge, told.noise())
    judge.answer(first.case, "benign", "ann", at=START)
    rows = told.every(told.noise, range(START + HOUR, START + 6 * HOUR, HOUR))
    audited, *_, muted = told.take(judge, *rows)
    judge.answer(audited.case, "true_positive", "ann", at=START + 7 * HOUR)
    assert judge.memory.cases[muted.case].state == "open"
    assert "audit" in judge.memory.cases[muted.case].resurfaced
    assert judge.records["Disk is busy"].malicious == 1


def test_a_family_that_may_only_be_marked_is_shown():
    judge = told.quiet(policy=Policy(most="demote"))
    assert (told.one(judge, told.noise()).judgement.state, told.one(judge, told.noise()).mute) == ("demoted", False)


def test_a_closed_case_is_no_longer_asked_about():
    judge = told.quiet([told.ticket(), told.admin()], policy=Policy(most="close"))
    for family in ("shell", "Disk is busy"):
        judge.records[family] = judge.records.get(family) or type(judge.scorer.records.get(family) or _record())()
        judge.records[family].clean = judge.records[family].since_malicious = 299
    decision = told.one(judge, told.shell())
    assert (decision.judgement.state, judge.memory.cases[decision.case].asks) == ("closed", "")


def _record():
    return judging.autonomy.Record()


@given(
    st.lists(
        st.tuples(st.integers(0, 3 * DAY), st.sampled_from("abc"), st.sampled_from(["low", "critical"])), max_size=40
    )
)
def test_every_alert_is_in_exactly_one_case_whatever_comes(acts):
    judge = told.quiet()
    before = sum(case.count for case in judge.memory.cases.values())
    rows = [told.noise(START + time, subject=f"host:{host}", severity=grave) for time, host, grave in acts]
    decisions = told.take(judge, *rows)
    assert len(decisions) == len(rows)
    assert sum(case.count for case in judge.memory.cases.values()) == before + len(rows)
    assert all(decision.case in judge.memory.cases for decision in decisions)


@given(st.lists(st.integers(0, 6 * HOUR), min_size=1, max_size=30).map(sorted), st.data())
def test_judging_in_two_runs_gives_what_one_run_gives(times, data):
    cut = data.draw(st.integers(0, len(times)))
    rows = [told.noise(START + time, id=str(at)) for at, time in enumerate(times)]
    whole, halves = told.quiet(), told.quiet()
    at_once = told.take(whole, *rows)
    in_two = [*told.take(halves, *rows[:cut]), *told.take(halves, *rows[cut:])]
    assert [(one.case, one.judgement) for one in at_once] == [(one.case, one.judgement) for one in in_two]
    assert whole.memory.cases == halves.memory.cases
