"""Attacks replayed into what is learned: copies of labelled requests, moved in time, under ids of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

Event = dict[str, Any]
TIMES = ("requestReceivedTimestamp", "stageTimestamp")
BEGIN, END = 0.40, 0.50
"""The stretch of the learning part in which the bursts begin."""


def moment(event: Event) -> datetime | None:
    """Return when an audit event was received, as far as it says.

    >>> moment({"stageTimestamp": "2026-01-02T03:04:05.000000Z"})
    datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    """
    for name in TIMES:
        try:
            found = datetime.fromisoformat(str(event.get(name)))
        except ValueError:
            continue
        if found.tzinfo is not None:
            return found
    return None


def bursts(events: Iterable[Event], first: datetime, last: datetime, count: int) -> Iterator[tuple[datetime, Event]]:
    """Yield `count` copies of one scenario's events, each with its time, spread over a stretch of learning.

    Distances within a scenario stay; what would come after learning is left out.
    """
    timed = sorted(((when, event) for event in events if (when := moment(event))), key=lambda one: one[0])
    if not timed:
        return
    start, whole = timed[0][0], last - first
    for number in range(count):
        begin = first + whole * (BEGIN + (END - BEGIN) * number / count)
        for when, event in timed:
            moved = begin + (when - start)
            if moved <= last:
                yield moved, copy(event, begin - start, number)


def copy(event: Event, by: timedelta, number: int) -> Event:
    """Return an event of another time, under an id of its own.

    >>> copy({"auditID": "a", "stageTimestamp": "2026-01-02T03:04:05Z"}, timedelta(days=-1), 0)
    {'auditID': 'a-again-0', 'stageTimestamp': '2026-01-01T03:04:05.000000Z'}
    """
    moved = {**event, "auditID": f"{event.get('auditID')}-again-{number}"}
    for name in TIMES:
        if name in event and (when := moment({name: event[name]})):
            moved[name] = (when + by).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return moved
