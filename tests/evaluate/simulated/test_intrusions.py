from __future__ import annotations

import numpy as np
import pytest

from plimsoll.evaluate.simulated import intrusions
from plimsoll.evaluate.simulated.days import MINUTE, World


@pytest.fixture(scope="module")
def world() -> World:
    return World(3)


@pytest.fixture(scope="module")
def attacks(world: World) -> list[intrusions.Campaign]:
    return intrusions.campaigns(world, 5, 1200)


def test_attacks_are_the_same_for_the_same_seed_day_and_mark(world: World, attacks: list[intrusions.Campaign]) -> None:
    assert intrusions.campaigns(world, 5, 10) == intrusions.campaigns(World(3), 5, 10)
    assert intrusions.campaigns(world, 5, 10, mark=1) != attacks[:10]


def test_each_family_meets_each_context(attacks: list[intrusions.Campaign]) -> None:
    assert len({(one.family, one.context) for one in attacks}) == 60


def test_an_attack_is_three_to_six_steps_within_two_hours(attacks: list[intrusions.Campaign]) -> None:
    for one in attacks:
        assert 3 <= len(one.steps) == len(one.times) == len(one.copied) <= 6
        assert 0 <= one.times[-1] - one.times[0] <= 120 * MINUTE


def test_nobody_stands_behind_a_program_and_somebody_behind_the_rest(attacks: list[intrusions.Campaign]) -> None:
    for one in attacks:
        assert any(row.actor for row in one.steps) == (one.context != "none")


def test_so_many_steps_are_copied_as_was_asked(world: World) -> None:
    def copied(mimicry: float) -> float:
        return float(np.mean([any(one.copied) for one in intrusions.campaigns(world, 5, 600, mimicry)]))

    assert copied(0.0) == 0
    assert copied(0.15) < copied(0.5) < copied(0.9)


def test_a_ticket_of_ones_own_is_young_or_approved_by_oneself(attacks: list[intrusions.Campaign]) -> None:
    own = [one for one in attacks if one.context == "self-ticket"]
    assert all(told.creator in told.subjects for one in own for told in one.told)
    assert not any(one.told for one in attacks if one.context in ("none", "stolen-admin", "window-squat"))


def test_families_can_be_chosen(world: World) -> None:
    assert {one.family for one in intrusions.campaigns(world, 5, 20, families=("mining", "staying"))} == {
        "mining",
        "staying",
    }
