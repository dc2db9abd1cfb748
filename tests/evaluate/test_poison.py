from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from plimsoll import errors
from plimsoll.evaluate import poison

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
LAST = FIRST + timedelta(days=10)


def event(uid: str, seconds: float) -> poison.Event:
    when = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return {"auditID": uid, "stageTimestamp": when.isoformat(), "verb": "get"}


def test_bursts_keep_their_inner_distances_and_fall_into_the_middle_of_learning() -> None:
    moved = list(poison.bursts([event("b", 5), event("a", 0)], FIRST, LAST, 2))
    assert [when - FIRST for when, _ in moved] == [
        timedelta(days=4),
        timedelta(days=4, seconds=5),
        timedelta(days=4.5),
        timedelta(days=4.5, seconds=5),
    ]
    assert [one["auditID"] for _, one in moved] == ["a-again-0", "b-again-0", "a-again-1", "b-again-1"]
    assert moved[0][1]["stageTimestamp"] == "2026-03-06T00:00:00.000000Z"


def test_a_copy_leaves_the_original_alone() -> None:
    original = event("a", 0)
    poison.copy(original, timedelta(days=1), 3)
    assert original == event("a", 0)


def test_what_would_come_after_learning_is_left_out() -> None:
    slow = [event("a", 0), event("b", 7 * 86_400)]
    assert [one["auditID"] for _, one in poison.bursts(slow, FIRST, LAST, 1)] == ["a-again-0"]


def test_events_without_a_time_teach_nothing() -> None:
    assert list(poison.bursts([{"auditID": "a"}, {"auditID": "b", "stageTimestamp": "soon"}], FIRST, LAST, 3)) == []
    assert poison.moment({"stageTimestamp": "2026-01-02T03:04:05"}) is None


def lines(*events: poison.Event) -> list[bytes]:
    return [msgspec.json.encode(one) for one in events]


def test_lines_are_mixed_in_order_of_time_and_stay_as_they_are() -> None:
    usual = [b"no event", *lines(event("u1", 0), event("u2", 10), {"auditID": "no time"}, event("u3", 20))]
    mixed = list(poison.mixed(lambda: usual, lines(event("x", 500), event("y", 501)), {"x": "A1"}, 2))
    assert [line for line in mixed if b"-again-" not in line] == usual
    assert [poison.read(line).get("auditID") for line in mixed] == [
        None, "u1", "x-again-0", "x-again-1", "u2", "no time", "u3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("usual", "judged"), [([], [event("x", 0)]), ([event("u", 0)], []), ([{"a": 1}], [event("x", 0)])]
)
def test_without_events_one_a_line_there_is_nothing_to_mix(
    usual: list[poison.Event], judged: list[poison.Event]
) -> None:
    with pytest.raises(errors.InputError, match="one audit event a line"):
        poison.mixed(lambda: lines(*usual), lines(*judged), {"x": "A1"}, 1)
