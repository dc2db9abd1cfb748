"""A rollout beside an alert: shown where others rolled out its workload just before, and never more than shown."""

from __future__ import annotations

import pytest

from plimsoll.triage import explain, gates
from plimsoll.triage.excuses import Context, Statement
from tests.triage import told
from tests.triage.told import DAY, HOUR, MINUTE, START, WEB

ARGO = "Application/argocd/shop"


def rollout(time=START, **more):
    """The web tier, rolled out twelve minutes before."""
    plain = {"kind": "rollout", "id": "r", "source": "rollouts", "creator": ARGO, "scope": (WEB,)}
    since = time - 12 * MINUTE
    return Statement(**(plain | {"since": since, "until": since + 30 * MINUTE, "fetched": time + DAY} | more))


def cron(time=START, **more):
    return told.noise(time, **({"title": "Cron ran", "workload": f"{WEB}:app"} | more))


def beside(*statements, row=None, judge=None):
    judge = judge or told.quiet(statements)
    decision = told.one(judge, row or cron())
    case = judge.memory.cases[decision.case]
    assert list(case.rollouts.values()) == [one["what"] for one in explain.beside(decision)]
    return next(iter(case.rollouts.values()), "")


def test_a_rollout_of_the_workload_stands_beside_its_alerts():
    assert beside(rollout()) == f"rolled out 12 min before by {ARGO}"


@pytest.mark.parametrize(
    "more",
    [
        {"scope": ("shop/Deployment/other",)},
        {"scope": ("shop/*/*",)},
        {"since": START + 1},
        {"since": None},
        {"until": START - 1},
        {"creator": ""},
        {"fetched": None},
        {"fetched": START - 6 * MINUTE},
    ],
)
def test_what_is_another_ones_over_unheard_or_nobodys_does_not(more):
    assert beside(rollout(**more)) == ""


@pytest.mark.parametrize("creator", ["bob", "user:bob", "oidc:bob@acme.example"])
def test_what_the_actor_rolled_out_himself_does_not(creator):
    assert beside(rollout(creator=creator), row=told.shell()) == ""
    assert beside(rollout(creator="ann"), row=told.shell()) == "rolled out 12 min before by ann"


def test_nor_what_an_account_rolled_out_that_the_alert_is_about():
    row = told.noise(subject="sa:ci/deployer", kind="rule")
    mine = rollout(scope=("sa:ci/deployer",), creator="system:serviceaccount:ci:deployer")
    assert beside(mine, row=row) == ""


def test_nor_an_earlier_one_that_the_actors_own_replaced():
    own = rollout(id="own", creator="bob", since=START - MINUTE)
    assert beside(rollout(), own, row=told.shell()) == ""


def known_cron(statements):
    """A judge to whom cron at the web tier is known as harmless, in one image."""
    judge = told.quiet(statements)
    decision = told.one(judge, cron(START - DAY, digest="sha256:aaaa"))
    judge.answer(decision.case, "benign", "ann", at=START - DAY)
    return judge


def test_a_new_image_is_told_and_stays_unconfirmed():
    judge = known_cron([rollout()])
    decision = told.one(judge, cron(digest="sha256:bbbb"))
    assert (decision.mute, decision.judgement.gates) == (False, (gates.IMAGE,))
    assert decision.beside.words == f"rolled out 12 min before by {ARGO}, image digest sha256:aaaa→sha256:bbbb"


@pytest.mark.parametrize(
    "row", [told.shell(), cron(digest="sha256:bbbb"), cron(title="New"), cron(severity="critical")]
)
def test_a_rollout_changes_no_judgement(row):
    plain, rolled = (told.one(known_cron(statements), row) for statements in ((), (rollout(),)))
    assert plain.judgement == rolled.judgement
    assert (plain.mute, plain.beside) == (rolled.mute, None)
    assert rolled.beside is not None


def test_a_case_keeps_few_rollouts():
    statements = [rollout(id=str(at), since=START + at * MINUTE, until=START + HOUR) for at in range(30)]
    judge = told.quiet(statements)
    rows = [cron(START + at * MINUTE) for at in range(30)]
    decisions = told.take(judge, *rows)
    assert len(judge.memory.cases[decisions[0].case].rollouts) == 8


def test_rollouts_are_no_other_kind_of_evidence():
    context = Context([rollout()])
    assert not any(context.excuses(told.reading.of(told.shell()), usual_place=True))
