"""Attacks replayed into what is learned: copies of labelled requests, moved in time, under ids of their own."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from plimsoll import errors

Event = dict[str, Any]
Timed = tuple[datetime, bytes]
TIMES = ("requestReceivedTimestamp", "stageTimestamp")
BEGIN, END = 0.40, 0.50
"""The stretch of the learning part in which the bursts begin."""
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def mixed(
    learned: Callable[[], Iterable[bytes]], judged: Iterable[bytes], owner: Mapping[str, str], count: int
) -> Iterator[bytes]:
    """Yield the lines to be learned, each attack's among them `count` times, in order of time.

    `learned` opens the lines of the learning part, `owner` says which attack an audit id belongs to.
    """
    times = [when for when, _ in timed(learned()) if when > _EARLIEST]
    attacks: dict[str, list[Event]] = {}
    for event in map(read, judged):
        if (uid := event.get("auditID")) in owner:
            attacks.setdefault(owner[str(uid)], []).append(event)
    if not times or not attacks:
        raise errors.InputError("poisoning needs logs with one audit event a line, and finds none of the attacks'")
    copies = itertools.chain.from_iterable(bursts(events, min(times), max(times), count) for events in attacks.values())
    added = sorted(((when, msgspec.json.encode(event)) for when, event in copies), key=_when)
    return (line for _, line in heapq.merge(timed(learned()), added, key=_when))


def timed(lines: Iterable[bytes]) -> Iterator[Timed]:
    """Yield lines with their time; one without has that of the line before it, and time never runs back."""
    latest = _EARLIEST
    for line in lines:
        latest = max(latest, moment(read(line)) or latest)
        yield latest, line


def read(line: bytes) -> Event:
    """Return the object on a line, an empty one where there is none.

    >>> read(b'{"auditID": "a"}'), read(b"[]"), read(b"{")
    ({'auditID': 'a'}, {}, {})
    """
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _when(one: Timed) -> datetime:
    return one[0]


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
