from __future__ import annotations

import pytest

from plimsoll import flow_evaluate_triage
from plimsoll.evaluate import muting
from plimsoll.evaluate.simulated.days import World
from plimsoll.flow_evaluate_triage import Options, Trial

SMALL = Options(seeds=(1,), days=2, campaigns=120, certify=200)


@pytest.fixture(scope="module")
def report() -> muting.Report:
    return flow_evaluate_triage.evaluate(SMALL)


def test_the_first_day_shows_everything_and_the_next_knows_the_verdicts(report: muting.Report) -> None:
    first, second = [one for one in report.daily if one.method == "plimsoll"]
    assert (first.verdicts, second.verdicts) == (0, flow_evaluate_triage.SESSION)
    assert first.hidden.raw_shown == first.hidden.raw
    assert sum(raw for raw, _ in first.loud.values()) == first.hidden.raw
    assert first.missed is not None
    assert first.missed.missed == 0


def test_every_rival_is_beside_it_on_the_same_days(report: muting.Report) -> None:
    last = {one.method: one for one in report.daily if one.day == 1}
    assert set(last) == {"plimsoll", "dedup", "context", "allow-list", "regression", "cool-down"}
    assert {one.hidden.raw for one in last.values()} == {last["plimsoll"].hidden.raw}
    assert last["context"].missed is not None
    assert last["context"].missed.missed > 10


def test_the_same_seed_gives_the_same_figures(report: muting.Report) -> None:
    assert flow_evaluate_triage.evaluate(SMALL._replace(rivals=False)).milestones == report.milestones


def test_attacks_are_never_learned() -> None:
    trial = Trial(World(1), SMALL)
    before = trial.judge.memory.judged, dict(trial.judge.memory.habits), dict(trial.judge.memory.cases)
    trial.probe(0)
    assert (trial.judge.memory.judged, trial.judge.memory.habits, trial.judge.memory.cases) == before


def test_mimicry_families_and_targets_are_told(report: muting.Report) -> None:
    assert [share for _, share, _ in report.mimicry] == list(flow_evaluate_triage.MIMICRY)
    assert set(report.met) == set(muting.TARGETS)
    assert report.left_out[0][1].campaigns > 0
