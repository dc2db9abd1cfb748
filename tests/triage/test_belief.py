"""How often a signature was harmless: the ladder, its fading, and whose word counts how often."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage.belief import DAY, Answer, Beliefs, Tally

KEYS = ("rule", "image", "signature", "here")
THERE = ("rule", "image", "signature", "there")


def said(verdict="benign", *, time=0, by="ann", keys=KEYS, count=5, **more):
    return Answer(time, by, verdict, keys, count, workload=keys[3], **more)


def test_without_a_verdict_little_speaks_for_anything():
    assert Beliefs().theta(KEYS, 0) == pytest.approx(0.75 * 0.5)


def test_the_ladder_is_the_one_written_down():
    beliefs = Beliefs([said()])
    theta = 2 / 3
    for kappa in (6, 4, 2, 4):
        theta = (kappa * theta + 1) / (kappa + 1)
    assert beliefs.theta(KEYS, 0) == pytest.approx(theta)


def test_a_benign_verdict_fades_in_45_days_and_a_malicious_one_in_180():
    tally = Tally()
    tally.add(8.0, 8.0, 0)
    assert tally.faded(45 * DAY) == pytest.approx((4.0, 8.0 * 0.5**0.25))


@pytest.mark.parametrize(("severity", "needed"), [("low", 1), ("medium", 2), ("high", 2)])
def test_graver_alerts_need_more_harmless_ones(severity, needed):
    enough, less = Beliefs([said(count=needed)]), Beliefs([said(count=needed - 1)] if needed > 1 else [])
    assert enough.habit(KEYS, severity, 0, detailed=True)
    assert not less.habit(KEYS, severity, 0, detailed=True)


def test_a_critical_signature_takes_two_people():
    assert not Beliefs([said(), said(time=DAY)]).habit(KEYS, "critical", DAY, detailed=True)
    assert Beliefs([said(), said(by="bob")]).habit(KEYS, "critical", DAY, detailed=True)


def test_a_habit_that_nobody_confirmed_for_90_days_is_none():
    beliefs = Beliefs([said()])
    assert beliefs.habit(KEYS, "low", 90 * DAY, detailed=True)
    assert not beliefs.habit(KEYS, "low", 90 * DAY + 1, detailed=True)


def test_one_malicious_verdict_ends_a_habit_everywhere():
    beliefs = Beliefs([said(), said(keys=THERE), said("true_positive", keys=THERE)])
    assert not beliefs.habit(KEYS, "low", 0, detailed=True)
    assert not beliefs.habit(THERE, "low", 0, detailed=True)


def test_a_warning_stands_until_who_gave_it_takes_it_back_or_two_others_contradict():
    warned = [said(), said("true_positive", time=DAY, by="bob")]
    once = [*warned, said(time=2 * DAY, by="eve")]
    himself = [*warned, said(time=3 * DAY, by="bob")]
    twice = [*once, said(time=3 * DAY, by="ann")]
    assert [Beliefs(answers).malicious(KEYS) for answers in (warned, once, himself, twice)] == [
        True,
        True,
        False,
        False,
    ]
    assert Beliefs(twice).habit(KEYS, "low", 3 * DAY, detailed=True)
    assert Beliefs([*twice, said("true_positive", time=4 * DAY, by="ann")]).malicious(KEYS)


def test_a_family_falls_with_a_warning_that_a_second_person_shares_where_there_is_one():
    alone = [said(), said("true_positive", time=DAY)]
    disputed = [said(), said("true_positive", time=DAY, by="bob")]
    shared = [*disputed, said("true_positive", time=2 * DAY, by="ann")]
    assert [Beliefs(answers).agreed(KEYS) for answers in (alone, disputed, shared)] == [True, False, True]


def test_an_image_is_new_where_the_habit_was_confirmed_for_others():
    beliefs = Beliefs([said(digests=("old",), exe_hashes=("h",))])
    assert beliefs.confirmed(KEYS, "old", "")
    assert beliefs.confirmed(KEYS, "new", "h")
    assert beliefs.confirmed(THERE, "old", "")
    assert not beliefs.confirmed(KEYS, "new", "x")
    beliefs.add(said(digests=("new",), keys=("another", "image", "thing", "of it")))
    assert beliefs.confirmed(KEYS, "new", "x")
    assert Beliefs([said()]).confirmed(KEYS, "new", "x")
    assert Beliefs().confirmed(KEYS, "new", "x")


def test_a_signature_with_details_speaks_for_other_workloads():
    assert Beliefs([said()]).habit(THERE, "low", 0, detailed=True)


def test_a_rule_alone_speaks_for_other_workloads_only_from_two():
    once = Beliefs([said(detailed=False)])
    twice = Beliefs([said(detailed=False), said(keys=("rule", "image", "signature", "elsewhere"), detailed=False)])
    assert not once.habit(THERE, "low", 0, detailed=False)
    assert twice.habit(THERE, "low", 0, detailed=False)


def test_a_verdict_for_one_workload_speaks_for_no_other():
    assert not Beliefs([said(scope=4)]).habit(THERE, "low", 0, detailed=True)


def test_a_wider_verdict_speaks_for_every_signature_of_the_image():
    other = ("rule", "image", "another signature", "there")
    assert Beliefs([said(scope=2)]).habit(other, "low", 0, detailed=True)
    assert not Beliefs([said(scope=3)]).habit(other, "low", 0, detailed=True)


def test_a_flood_of_verdicts_of_one_person_counts_once_a_day():
    flood = Beliefs(said(time=minute) for minute in range(1_000))
    assert flood.theta(KEYS, 0) == Beliefs([said()]).theta(KEYS, 0)
    assert flood.count == 1


def test_unsure_teaches_nothing():
    assert Beliefs([said("unsure")]).count == 0


@given(st.lists(st.sampled_from(["benign", "true_positive", "false_positive"]), max_size=20))
def test_theta_stays_a_share_and_a_warning_never_raises_it(verdicts):
    answers = [said(verdict, time=day * DAY) for day, verdict in enumerate(verdicts)]
    now = len(verdicts) * DAY
    theta = Beliefs(answers).theta(KEYS, now)
    assert 0 < theta < 1
    assert Beliefs([*answers, said("true_positive", time=now)]).theta(KEYS, now) <= theta + 1e-12 or not answers
