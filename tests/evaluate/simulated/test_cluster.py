from __future__ import annotations

import numpy as np
import pytest

from plimsoll.evaluate.simulated import cluster


@pytest.mark.parametrize("seed", range(5))
def test_the_rules_are_as_loud_as_was_recorded(seed: int) -> None:
    made = cluster.made(np.random.default_rng(seed))
    sums = dict.fromkeys(cluster.VOLUME, 0.0)
    for one in made.workloads:
        for habit, busy in zip(made.images[one.image].habits, one.busy, strict=True):
            if habit.rule in sums:
                sums[habit.rule] += busy
    assert sums == pytest.approx(cluster.VOLUME)


def test_every_image_runs_somewhere_and_some_people_are_administrators() -> None:
    made = cluster.made(np.random.default_rng(1))
    assert {one.image for one in made.workloads} == set(range(45))
    assert sum(one.admin for one in made.people) == cluster.ADMINS
    assert len({one.name for one in made.workloads}) == cluster.WORKLOADS
