"""Names of addresses: the newest answer counts, for as long as it may hold, and memory has a bound."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest

from plimsoll.sensor import dns, names

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_the_newest_answer_counts() -> None:
    known = names.Names()
    known.remember(1, dns.Answer("a", ("10.0.0.1",)), NOON)
    known.remember(1, dns.Answer("b", ("10.0.0.1",)), NOON)
    assert known.of(1, "10.0.0.1", NOON) == "b"


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 2)
    known = names.Names()
    for n in range(4):
        known.remember(1, dns.Answer(f"name{n}", (f"10.0.0.{n}",)), NOON)
    assert [known.of(1, f"10.0.0.{n}", NOON) for n in range(4)] == ["", "", "name2", "name3"]


def test_one_that_is_told_much_costs_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ALL", 20)
    known = names.Names()
    known.remember(1, dns.Answer("quiet", ("10.0.0.1",)), NOON)
    for n in range(200):
        known.remember(2, dns.Answer("loud", (f"10.1.0.{n}", f"10.2.0.{n}")), NOON)
    assert known.of(1, "10.0.0.1", NOON) == "quiet"
    assert sum(bool(known.of(2, f"10.1.0.{n}", NOON)) for n in range(200)) <= 10


@pytest.mark.parametrize(("ttl", "kept"), [(0, 86_400), (5, 86_400), (90_000, 90_000), (2**31 - 1, 604_800)])
def test_a_name_holds_as_long_as_it_says_within_bounds(ttl: int, kept: int) -> None:
    known = names.Names()
    known.remember(1, dns.Answer("a", ("10.0.0.1",), ttl), NOON)
    assert [known.of(1, "10.0.0.1", after(seconds)) for seconds in (0, kept, kept + 1)] == ["a", "a", ""]


def test_who_is_gone_is_forgotten_and_leaves_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "ALL", 3)
    known = names.Names()
    for owner in range(50):
        known.remember(owner, dns.Answer("a", ("10.0.0.1", "10.0.0.2")), NOON)
        known.forget(owner)
        assert known.of(owner, "10.0.0.1", NOON) == ""
    known.remember(99, dns.Answer("a", ("10.0.0.1", "10.0.0.2", "10.0.0.3")), NOON)
    assert known.of(99, "10.0.0.1", NOON) == "a"


def test_the_worst_that_containers_can_ask_for_takes_a_few_megabytes() -> None:
    tracemalloc.start()
    known = names.Names()
    for n in range(3 * names.ALL):
        address = f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        known.remember(n % 100, dns.Answer(f"{n:06}".ljust(255, "x"), (address,)), NOON)
        known.remember(n % 100, dns.Answer(f"{n:06}".ljust(1000, "x"), (address,)), NOON)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 6 << 20
