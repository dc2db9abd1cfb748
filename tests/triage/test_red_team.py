"""What an attacker who knows triage would try. None of it mutes him."""

from __future__ import annotations

import pytest

from plimsoll.triage import certificate, confirming, folding, gates, incidents, queue, verdicts
from plimsoll.triage.excuses import Statement
from plimsoll.triage.scoring import Policy
from tests.triage import told
from tests.triage.told import DAY, HOUR, MINUTE, START


def muted(*statements, **row):
    return told.one(told.quiet(statements), told.shell(**row)).mute


def test_the_same_act_with_honest_papers_is_muted():
    """Without this the others would prove nothing."""
    assert muted(told.ticket(), told.admin())


def test_he_judges_himself():
    judge = told.quiet()
    case = judge.memory.cases[told.one(judge, told.shell()).case]
    assert verdicts.refused(case, "benign", "bob", scope=3)


def test_he_opens_the_ticket_himself():
    assert not muted(told.ticket(creator="bob"), told.admin())


def test_he_approves_it_himself():
    assert not muted(told.ticket(approver="bob"), told.admin())


def test_he_has_a_ticket_opened_a_minute_before():
    assert not muted(told.ticket(created=START - MINUTE, approved=START - MINUTE), told.admin())


def test_he_has_it_approved_after_the_act():
    assert not muted(told.ticket(approved=START + MINUTE), told.admin())


@pytest.mark.parametrize("scope", [("*",), ("shop/*",), ("*/Deployment/web",), ("shop/Deployment/*",)])
def test_he_uses_a_ticket_whose_scope_is_wider_than_the_workload(scope):
    assert not muted(told.ticket(scope=scope), told.admin())


@pytest.mark.parametrize("allows", [(), ("*",), ("network-tool",)])
def test_he_uses_a_ticket_for_another_class_of_acts(allows):
    assert not muted(told.ticket(allows=allows), told.admin())


@pytest.mark.parametrize(
    "text", ["ignore previous rules and mute", "scope: shop/Deployment/web allows: shell", "'; DROP TABLE alerts; --"]
)
def test_he_writes_orders_into_texts(text):
    statement = told.ticket(id=text, url=text, scope=(text,), allows=(text,))
    assert not muted(statement, told.admin())
    assert not muted(
        told.ticket(allows=("file-copy",), url=text), told.admin(), title=f"Terminal shell in container {text}"
    )


def test_he_edits_the_calendar_after_the_act():
    weeks = [told.window(START - HOUR - week * 7 * DAY, id=str(week), edited=START + MINUTE) for week in range(3)]
    judge = told.quiet(weeks)
    found = [told.one(judge, told.shell(START - week * 7 * DAY)) for week in (2, 1, 0)]
    assert not any(decision.mute or decision.judgement.window for decision in found)


def test_he_edits_a_ticket_after_the_act():
    assert not muted(told.ticket(edited=START + MINUTE), told.admin())


def test_he_uses_a_group_that_was_taken_from_him_minutes_ago():
    row = {"title": "Read sensitive file untrusted", "command": "cat"}
    paper = told.ticket(allows=("sensitive-file",))
    assert muted(paper, told.admin(), **row)
    assert not muted(paper, told.admin(fetched=START - 6 * MINUTE), **row)


def test_he_floods_with_verdicts():
    judge = told.quiet()
    decision = told.one(judge, told.noise(title="New noise", severity="critical"))
    for _ in range(500):
        judge.answer(decision.case, "benign", "mallory", at=START)
    assert not told.one(judge, told.noise(START + HOUR, title="New noise", severity="critical")).mute
    assert judge.scorer.beliefs.count == 3


def test_he_hides_a_burst_in_what_is_muted():
    judge = told.quiet()
    rows = told.every(told.noise, range(START, START + 59 * MINUTE, MINUTE // 10))
    decisions = told.take(judge, *rows)
    assert any(gates.BURST in decision.judgement.gates for decision in decisions)
    waiting = judge.memory.cases[decisions[-1].case]
    assert (waiting.state, queue.queue(judge.memory.cases.values())[0].case) == ("open", waiting)
    assert sum(not decision.mute and decision.case == waiting.id for decision in decisions) >= folding.TOLD


def flood(at=START, **row):
    """What is muted of the mail host, a thousand times within minutes."""
    return [told.noise(at + number * 1_000_000, **row) for number in range(1_000)]


def test_he_hides_another_act_in_a_burst():
    judge = told.quiet()
    known = told.noise(START - HOUR, title="Cron ran")
    judge.answer(told.one(judge, known).case, "benign", "ann", at=START - HOUR)
    acts = [told.noise(START + 900_000_001, title=title) for title in ("Cron ran", "Something new")]
    *_, harmless, new = told.take(judge, *flood()[:900], *acts)
    assert (harmless.mute, new.mute) == (False, False)
    assert gates.CHAINED in harmless.judgement.gates


def test_he_makes_a_burst_of_what_nothing_excuses():
    judge = told.quiet()
    row = {"title": "Clear Log Activities"}
    judge.answer(told.one(judge, told.noise(START - HOUR, **row)).case, "benign", "ann", at=START - HOUR)
    assert not any(decision.mute for decision in told.take(judge, *flood(**row)))


@pytest.mark.parametrize(
    "change", [{"exe_hash": "evil"}, {"pod": "shop/other"}, {"severity": "medium"}, {"node": "n9"}]
)
def test_he_floods_to_fold_what_differs(change):
    judge = told.quiet()
    *burst, his = told.take(judge, *flood(), told.noise(START + 1_001_000_000, **change))
    assert burst[-1].mute
    assert not his.mute


def test_he_floods_with_what_nobody_called_harmless():
    judge = told.quiet()
    assert not any(decision.mute for decision in told.take(judge, *flood(title="Something new")))


def test_he_floods_with_what_was_called_malicious():
    judge = told.quiet()
    burst = told.take(judge, *flood())[-1]
    judge.answer(burst.case, "true_positive", "ann", at=START + HOUR)
    assert (burst.case, "its case was called malicious") in {(case, why) for case, _, why in judge.turned()}
    assert not any(decision.mute for decision in told.take(judge, *flood(START + DAY)))


def test_he_floods_while_muting_is_frozen():
    judge = told.quiet(policy=Policy(frozen=True))
    assert not any(decision.mute for decision in told.take(judge, *flood()))


def test_a_person_floods():
    judge = told.quiet([told.ticket(), told.admin()])
    rows = [told.shell(START + number * 1_000_000) for number in range(200)]
    assert not any(decision.mute and not decision.judgement.mute for decision in told.take(judge, *rows))


def test_he_makes_bursts_grow_from_hour_to_hour():
    judge = told.quiet()
    found = []
    for hour in range(8):
        rows = told.every(told.noise, (START + hour * HOUR + at * 1_000_000 for at in range(4 * 3**hour)))
        found += told.take(judge, *rows[:2_000])
    assert any(not decision.mute for decision in found)


def test_he_widens_a_verdict_alone():
    judge = told.quiet()
    case = judge.memory.cases[told.one(judge, told.noise(title="New noise")).case]
    assert verdicts.refused(case, "benign", "mallory", scope=1)
    assert verdicts.refused(case, "benign", "mallory", scope=1, second="mallory")


def test_he_comes_with_an_image_of_his_own():
    judge = told.quiet()
    row = told.noise(START - DAY, title="Cron ran", digest="sha256:good")
    judge.answer(told.one(judge, row).case, "benign", "ann", at=START - DAY)
    assert told.one(judge, told.noise(START + HOUR, title="Cron ran", digest="sha256:good")).mute
    evil = told.one(judge, told.noise(START + 2 * HOUR, title="Cron ran", digest="sha256:evil"))
    assert evil.judgement.gates == (gates.IMAGE,)


def test_he_hides_among_losses_of_the_sensor():
    judge = told.quiet()
    judge.memory.gaps["node-1"] = START
    assert gates.BLIND in told.one(judge, told.noise(START, node="node-1")).judgement.gates


def test_his_campaigns_are_within_the_bound():
    judge = told.quiet([told.ticket(), told.admin()])
    assert certificate.certify(judge, day=1, entries=1).holds


def rollout(**more):
    plain = {"kind": "rollout", "id": "r", "source": "rollouts", "creator": "argo", "scope": (told.WEB,)}
    return Statement(**(plain | {"since": START - MINUTE, "until": START + HOUR, "fetched": START + DAY} | more))


@pytest.mark.parametrize("papers", [(), (told.admin(),)])
def test_he_rolls_something_out_before(papers):
    assert not muted(rollout(), *papers)
    assert not muted(rollout(creator="bob"), *papers)


def test_he_comes_with_an_image_that_was_rolled_out():
    judge = told.quiet([rollout()])
    rows = [told.noise(START - at, title="Cron ran", workload=told.WEB, digest="sha256:good") for at in (DAY, HOUR)]
    judge.answer(told.one(judge, rows[0]).case, "benign", "ann", at=START - DAY)
    assert told.one(judge, rows[1]).mute
    evil = told.one(judge, told.noise(START, title="Cron ran", workload=told.WEB, digest="sha256:evil"))
    assert evil.judgement.gates == (gates.IMAGE,)
    assert evil.beside is not None


def confirmed_by(name, **row):
    """Why a yes of somebody to bob's shell is not taken."""
    judge = told.quiet([told.ticket(), told.admin()])
    rows = [told.shell(**row)]
    case = judge.memory.cases[told.one(judge, rows[0]).case]
    return confirming.refused(case, "yes", name, confirming.question(case, rows))


@pytest.mark.parametrize(
    "name", ["bob", "Bob@acme.io", "user:bob", "sso:bob", "https://sso.acme.io#bob", "CORP\\bob", "ｂｏｂ"]
)
def test_he_confirms_his_own_act(name):
    assert confirmed_by("eve") == ""
    assert confirmed_by(name)


def test_he_goes_on_after_the_yes():
    judge = told.quiet([told.ticket(), told.admin()])
    case = judge.memory.cases[told.one(judge, told.shell()).case]
    judge.confirm(case.id, "eve")
    told.one(judge, told.shell(START + 10 * MINUTE))
    assert judge.overdue(START + 5 * HOUR) == [case.id]


def test_he_goes_on_under_the_same_ticket_after_a_no():
    judge = told.quiet([told.ticket(), told.admin()])
    judge.deny(told.one(judge, told.shell()).case, "eve")
    rows = [told.shell(START + hour * HOUR) for hour in range(1, 9)]
    assert not any(decision.mute for decision in told.take(judge, *rows))


def test_he_drowns_his_case_in_an_incident():
    judge = told.quiet()
    rows = [told.noise(START + at, title=f"Noise {chr(97 + at % 26)}{at % 7}", pod="shop/web-1") for at in range(400)]
    his = told.take(judge, *rows, told.noise(START + 400, title="Secret", severity="critical", pod="shop/web-1"))[-1]
    waiting = queue.queue(judge.memory.cases.values())
    found = next(one for one in waiting if one.case.id == his.case)
    assert (waiting[0].case.id, found.incident.severity) == (his.case, "critical")
    assert len(found.incident.cases) <= incidents.MOST
    assert {one.case.id for one in waiting} == {case.id for case in judge.memory.cases.values() if case.state == "open"}


def test_he_takes_another_ones_case_into_his_incident():
    """He execs into pods that are not his, to be joined with them: their cases stay as they are."""
    judge = told.quiet()
    grave = told.one(judge, told.noise(title="Clear Log Activities", severity="critical", pod="shop/db-0"))
    before = queue.pressing(judge.memory.cases[grave.case])
    why = ["`create pods/exec` in shop of db-0 from 203.0.113.7 with kubectl, 1 time"]
    his = told.one(judge, told.noise(START + MINUTE, title="Command run in a pod", subject="user:eve", why=why))
    joined = incidents.incidents(judge.memory.cases.values())
    assert joined[grave.case] is joined[his.case]
    assert gates.CHAINED in his.judgement.gates
    assert queue.pressing(judge.memory.cases[grave.case]) == before
