"""Tests of what is said where events were lost."""

from __future__ import annotations

from pathlib import Path

from plimsoll.sensor import losses
from tests.sensor.fakes import SERVER, Bench, FakeKernel


def learned(place: Path, kernel: FakeKernel | None = None) -> Bench:
    bench = Bench(place, kernel=kernel)
    bench.born(1, SERVER)
    bench.wait(61)
    return bench


def test_a_workload_that_loses_events_is_told_of_with_its_node_blind(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.kernel.lost[bench.redis.id] = 1_234
    bench.wait(6)
    [told] = bench.told
    assert (told.kind, told.subject, told.severity, told.attack) == (
        "loss",
        bench.redis.subject,
        "medium",
        ["T1562.006"],
    )
    assert told.why[0].startswith("1,234 events")


def test_what_goes_on_being_lost_is_told_every_half_minute_and_only_what_is_more(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    for lost in range(10, 130, 10):
        bench.kernel.lost[bench.redis.id] = lost
        bench.wait(6)
    numbers = [int(one.why[0].split()[0]) for one in bench.told]
    assert len(numbers) <= 120 * 6 / 10 / losses.EVERY + 1
    assert numbers[0] == 10
    assert all(later > 10 for later in numbers[1:])
    assert sum(numbers) <= 120


def test_who_learns_still_loses_quietly(tmp_path: Path) -> None:
    bench = Bench(tmp_path, mode="learn")
    bench.born(1, SERVER)
    bench.kernel.lost[bench.redis.id] = 5
    bench.wait(6)
    assert bench.told == []


def test_what_is_lost_before_it_is_known_whose_it_is_is_told_of_the_node(tmp_path: Path) -> None:
    bench = learned(tmp_path)
    bench.kernel.lost[0] = 3
    bench.wait(6)
    assert [one.subject for one in bench.told] == ["host:node-1"]


def test_what_an_earlier_agent_saw_lost_is_not_told_again(tmp_path: Path) -> None:
    kernel = FakeKernel(reopened=True)
    kernel.lost = {0: 9, 1: 9}
    bench = learned(tmp_path, kernel)
    bench.wait(6)
    assert bench.told == []
