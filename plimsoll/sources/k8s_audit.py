"""The Kubernetes API server's audit log: one line an Event, an EventList, or what EKS, GKE and AKS wrap around them.

Users and annotations are most of a line and repeat all the time. So a line is decoded without them, each distinct
one is decoded once in a run of lines, and the columns they give are gathered by number. On Metadata-level events of
1.3 kB that takes 4.3 µs an event, columns included, where decoding everything of every line takes 7.7 µs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.sources import audit_columns, audit_envelopes, audit_event, records

STREAM: records.Stream = "audit"

CHUNK = 1024
"""Lines decoded before they become columns: so their objects stay in the processor's cache."""


def recognises(record: Any) -> bool:
    """Say whether this JSON value is an audit Event, a list of them or an envelope.

    >>> recognises({"kind": "Event", "apiVersion": "audit.k8s.io/v1"}), recognises({"kind": "Event", "apiVersion": "v1"})
    (True, False)
    """
    return audit_envelopes.recognises(record)


def parse(lines: Sequence[bytes], first: int) -> records.Parsed:
    """Return the events of these lines; the first record has the number `first`.

    >>> line = b'{"auditID": "a", "stage": "Panic", "verb": "get", "user": {}, "stageTimestamp": "2026-01-02T03:04:05Z"}'
    >>> parse([line, b"{}"], 1)[1:]
    (1, [Reject(offset=1, reason='no auditID')])
    """
    if not lines:
        return records.Parsed(frames.empty(tables.AUDIT), 0, [])
    distinct, number = audit_columns.Distinct(), first
    rows: list[pl.DataFrame] = []
    rejects: list[records.Reject] = []
    for start in range(0, len(lines), CHUNK):
        taken = _take(lines[start : start + CHUNK], start, number)
        number = taken.after
        rejects += taken.rejects
        rows.append(audit_columns.own(taken.events, taken.offsets, taken.numbers, distinct))
    events, broken = audit_columns.whole(pl.concat(rows), distinct)
    rejects = sorted(rejects + broken, key=lambda reject: reject.offset)
    return records.Parsed(events, number - first - len(rejects), rejects)


class Taken(NamedTuple):
    """The Events of a chunk, with the line and the number of each."""

    events: Sequence[audit_event.Event]
    offsets: Sequence[int]
    numbers: Sequence[int]
    rejects: list[records.Reject]
    after: int
    """Number of the record after them."""


def _take(lines: Sequence[bytes], start: int, number: int) -> Taken:
    """Return what these lines hold; `start` is the offset of the first line, `number` the number of its event."""
    if plain := _plain(lines):
        after = number + len(lines)
        return Taken(plain, range(start, start + len(lines)), range(number, after), [], after)
    events, offsets, numbers, rejects = list[audit_event.Event](), list[int](), list[int](), list[records.Reject]()
    for offset, line in enumerate(lines, start):
        for one in _plain([line]) or _unusual(line):
            if isinstance(one, audit_event.Event):
                events.append(one)
                offsets.append(offset)
                numbers.append(number)
            elif one is not None:
                rejects.append(records.Reject(offset, one))
            number += 1
    return Taken(events, offsets, numbers, rejects, number)


def _plain(lines: Sequence[bytes]) -> list[audit_event.Event]:
    """Return the Event that each line is, or none if one of the lines is not that simple."""
    try:
        events = [*map(audit_event.read, lines)]
        for line in itertools.filterfalse(bytes.isascii, lines):
            line.decode()  # msgspec looks only at the strings it reads
    except records.BROKEN:
        return []
    return events if all(event.auditID and event.stage and event.verb and event.user for event in events) else []


def _unusual(line: bytes) -> Iterable[audit_event.Event | str | None]:
    """Yield what a line holds: Events, reasons why a record is none, None for one about something else."""
    try:
        line.decode()
    except UnicodeDecodeError as broken:
        yield records.reason(broken)
        return
    for found in audit_envelopes.unwrap(line):
        yield _checked(found) if isinstance(found, bytes) else found


def _checked(text: bytes) -> audit_event.Event | str | None:
    try:
        return None if audit_event.of_another_kind(text) else audit_event.checked(text)
    except records.BROKEN as broken:
        return records.reason(broken)
