from __future__ import annotations

import numpy as np
import pytest

from plimsoll.evaluate.simulated import days
from plimsoll.evaluate.simulated.days import DAY, START, World


@pytest.fixture(scope="module")
def world() -> World:
    return World(1)


def test_a_day_is_the_same_whatever_was_asked_before(world: World) -> None:
    first = world.day(9)
    world.day(3)
    again = World(1).day(9)
    assert first.rows == again.rows
    assert bool((first.of == again.of).all())
    assert World(2).day(9).rows != first.rows


def test_alerts_come_in_order_of_time_within_their_day(world: World) -> None:
    day = world.day(4)
    assert bool((np.diff(day.times) >= 0).all())
    assert day.times[0] >= START + 4 * DAY
    assert day.times[-1] < START + 5 * DAY + 60 * days.MINUTE
    assert day.of.max() < len(day.rows)


def test_most_alerts_repeat_and_some_six_sessions_are_of_people(world: World) -> None:
    sessions = [len({(row.actor, row.workload) for row in world.day(n).rows if row.actor}) for n in range(10)]
    assert 3 <= np.mean(sessions) <= 9
    day = world.day(0)
    assert len(day.times) > 30 * len(day.rows)


def test_a_release_is_another_image_on_new_pods_and_mostly_the_same_shell(world: World) -> None:
    web = next(one for one in world.cluster.workloads if world.cluster.images[one.image].release == 7)
    image = world.cluster.images[web.image]
    habit = next(one for one in image.habits if not one.own)
    before, after = (7 - image.offset - 1, 7 - image.offset)
    assert world.pods(web, before) != world.pods(web, after)
    old, new = (world.row(web, habit, day, "p", "n") for day in (before, after))
    assert old.digest != new.digest
    assert old.signature[1] != new.signature[1]


def test_a_release_comes_at_noon(world: World) -> None:
    web = next(
        one for one in world.cluster.workloads if world.cluster.images[one.image].release == 7 and one.replicas > 1
    )
    before = 7 - world.cluster.images[web.image].offset - 1
    day = world.day(before)
    seen: dict[str, list[int]] = {}
    for time, of in zip(day.times.tolist(), day.of.tolist(), strict=True):
        if day.rows[of].workload == web.name and not day.rows[of].actor:
            seen.setdefault(day.rows[of].digest, []).append(time)
    noon = START + before * DAY + DAY // 2
    assert len(seen) <= 2
    for digest, times in seen.items():
        new = digest == world.row(web, world.cluster.images[web.image].habits[0], before + 1, "p", "n").digest
        assert all((time >= noon) == new for time in times)


def test_tickets_are_made_and_approved_before_the_work(world: World) -> None:
    for number in range(20):
        for told in world.day(number).told:
            assert told.created <= told.approved <= told.until
            assert told.kind != "ticket" or told.approver not in (told.creator, *told.subjects)
