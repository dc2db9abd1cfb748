"""The bound that is shown, the cells that are closed for it, and the freeze."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.triage import belief, certificate, judging
from plimsoll.triage.certificate import Share
from tests.triage import told
from tests.triage.told import DAY, START


def careless():
    """A judge whom somebody taught that whole rules are harmless, whatever does them."""
    judge = judging.Judge()
    families = {step.rule: step for steps in certificate.campaigns.FAMILIES.values() for step in steps}
    for number, rule in enumerate(sorted(families)):
        row = told.noise(START, id=str(number), kind="rule", title=rule, workload=told.WEB, severity="low")
        decision = told.one(judge, row)
        if not decision.seen.shape.guarded:
            for person in ("ann", "eve"):
                judge.answer(decision.case, "benign", person, at=START, scope=1)
    return judge


def test_a_careful_state_misses_nothing():
    found = certificate.certify(told.quiet(), day=1, entries=1)
    assert (found.share.missed, found.holds, found.frozen, found.cells_off) == (0, True, False, ())
    assert found.share.upper == pytest.approx(0.0012, abs=1e-4)


def test_the_attacks_leave_no_trace():
    judge = told.quiet()
    before = msgspec.msgpack.encode(judge.memory)
    certificate.certify(judge, day=1, entries=1, count=400)
    assert msgspec.msgpack.encode(judge.memory) == before


def test_cells_that_hide_campaigns_are_closed_until_the_bound_holds():
    judge = careless()
    open_ = certificate.certify(judge, day=1, entries=1, alpha=1.0)
    found = certificate.certify(judge, day=1, entries=1)
    assert open_.share.missed > 10
    assert found.cells_off
    assert found.share.missed < open_.share.missed
    assert found.holds or found.frozen or found.share.upper <= 2 * found.alpha


def test_what_is_closed_is_no_longer_muted():
    judge = careless()
    policy = certificate.policy(certificate.certify(judge, day=1, entries=1))
    judge.allow(policy)
    rule, _ = min(policy.cells_off)
    row = told.noise(START + DAY, kind="rule", title=rule, workload=told.WEB)
    assert not told.one(judge, row).mute


def test_freezing_lasts_until_three_passes_in_a_row():
    judge = told.quiet()
    last = certificate.certify(judge, day=0, entries=1, count=400)
    last = msgspec.structs.replace(last, frozen=True, passes=0)
    states = []
    for day in range(1, 4):
        last = certificate.certify(judge, day=day, entries=1, last=last)
        states.append(last.frozen)
    assert states == [True, True, False]


@given(st.integers(1, 3_000), st.data())
def test_the_bound_is_above_the_share_and_grows_with_misses(of, data):
    missed = data.draw(st.integers(0, of))
    bound = certificate.upper(missed, of)
    assert missed / of <= bound <= 1.0
    assert missed == of or certificate.upper(missed + 1, of) >= bound


@pytest.mark.parametrize(("missed", "of", "upper"), [(0, 1962, 0.00153), (2, 1956, 0.00322), (233, 1962, 0.1317)])
def test_the_bound_is_that_of_clopper_and_pearson(missed, of, upper):
    assert certificate.upper(missed, of) == pytest.approx(upper, abs=5e-4)


def test_a_certificate_comes_back_from_bytes_as_it_was():
    found = certificate.certify(careless(), day=1, entries=1, count=400)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=certificate.Certificate) == found


def test_without_a_certificate_people_decide():
    assert certificate.policy(None, "annotate").most == "annotate"
    assert not certificate.policy(None).frozen


def test_nothing_drawn_proves_nothing():
    assert certificate.certify(judging.Judge(), day=1, entries=0, count=0).share == Share(0, 0, 1.0)


def test_scope_of_one_is_as_wide_as_a_rule():
    assert careless().scorer.beliefs.habit(("x",) * 4, "low", START, detailed=True) is False
    assert belief.WIDEST == 3


def test_the_cell_that_is_closed_is_the_one_that_is_worth_least():
    judge = told.quiet()
    busy = told.every(lambda time: told.noise(time, title="Busy"), range(START, START + 50 * told.MINUTE, told.MINUTE))
    rare = told.noise(START, id="rare", title="Rare")
    for decision in {one.case: one for one in told.take(judge, *busy, rare)}.values():
        judge.answer(decision.case, "benign", "ann", at=START)
    benefit = certificate._benefit(judge)
    assert benefit["Busy", "machine"] == 50 > benefit["Rare", "machine"] == 1
