from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import options, repeats

MINUTE = repeats.MINUTE
Moments = list[tuple[int, str]]


def told(option: options.Option, moments: Moments) -> list[tuple[str, int, int]]:
    """Return of each alert that is told its group, its own minute and how many it stands for; minutes from 0."""
    out = repeats.Repeats({"r": option})
    found = [
        alert
        for minute, group in moments
        for alert in out.take({"rule": "r", "group": group, "minute": minute}, minute * MINUTE, (group,))
    ]
    return [(alert["group"], alert["minute"], alert["count"]) for alert in [*found, *out.rest()]]


def test_a_rule_without_options_is_told_as_it_is() -> None:
    out = repeats.Repeats({"q": options.Option(times=2, minutes=1), "r": options.Option(enabled=True)})
    alert = {"rule": "r", "output": "o"}
    assert [*out.take(alert, 0, ())] == [alert]
    assert [*out.rest()] == []


def test_so_many_times_in_so_many_minutes_is_one_alert_and_then_counting_begins_anew() -> None:
    often = options.Option(times=3, minutes=10)
    assert told(often, [(0, "a"), (1, "b"), (4, "a"), (10, "a"), (11, "a")]) == [("a", 10, 3)]
    assert told(often, [(0, "a"), (4, "a"), (11, "a")]) == []
    assert told(often, [(0, "a"), (4, "a"), (11, "a"), (12, "a")]) == [("a", 12, 3)]


def test_alike_alerts_are_held_back_and_counted() -> None:
    once = options.Option(dedupe=10)
    assert told(once, [(0, "a"), (1, "a"), (2, "b"), (9, "a"), (10, "a"), (12, "a")]) == [
        ("a", 0, 1), ("b", 2, 1), ("a", 10, 3), ("a", 12, 1),
    ]  # fmt: skip


def test_an_alert_says_since_when_it_counts() -> None:
    out = repeats.Repeats({"r": options.Option(dedupe=10)})
    alerts = [alert for minute in (0, 1, 3) for alert in out.take({"rule": "r"}, minute * MINUTE, ())]
    assert [*alerts, *out.rest()] == [
        {"rule": "r", "count": 1, "first": "1970-01-01T00:00:00.000000000Z", "last": "1970-01-01T00:00:00.000000000Z"},
        {"rule": "r", "count": 2, "first": "1970-01-01T00:01:00.000000000Z", "last": "1970-01-01T00:03:00.000000000Z"},
    ]


def test_times_that_run_backwards_are_apart_too() -> None:
    assert told(options.Option(times=2, minutes=1), [(100, "a"), (0, "a"), (0, "a")]) == [("a", 0, 2)]
    assert told(options.Option(dedupe=5), [(100, "a"), (0, "a")]) == [("a", 100, 1), ("a", 0, 1)]


@pytest.mark.parametrize("limit", ["MOST_GROUPS", "MOST_MOMENTS"])
def test_what_was_longest_quiet_is_told_when_memory_is_full(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(repeats, limit, 3)
    out = repeats.Repeats({"r": options.Option(times=1 if limit == "MOST_GROUPS" else 9, minutes=1, dedupe=10)})
    alerts = [
        alert
        for group in range(50)
        for minute in (0, 1)
        for alert in out.take({"rule": "r", "group": group}, minute * MINUTE, (group,))
    ]
    assert len(out._groups) <= 3
    if limit == "MOST_GROUPS":
        assert sum(alert["count"] for alert in [*alerts, *out.rest()]) == 100


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), max_size=30),
    st.integers(1, 4),
    st.integers(1, 20),
    st.integers(0, 20),
)
def test_what_is_held_back_is_counted(moments: Moments, times: int, minutes: int, dedupe: int) -> None:
    option = options.Option(times, minutes, None, dedupe)
    if not option.counts:
        return
    held = told(option, moments)
    assert all(count % times == 0 for *_, count in held)
    plain = told(option._replace(dedupe=0), moments) if times > 1 else [("", 0, 1)] * len(moments)
    assert sum(count for *_, count in held) == sum(count for *_, count in plain)
