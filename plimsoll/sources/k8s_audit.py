"""The Kubernetes API server's audit log: one line an Event, an EventList, or what EKS, GKE and AKS wrap around them.

Users and annotations are most of a line and repeat all the time. So a line is decoded without them, each distinct
one is decoded once in a run of lines, and the columns they give are gathered by number: on Metadata-level events that
takes little more than half of what decoding everything of every line takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from plimsoll import frames, tables
from plimsoll.sources import audit_columns, audit_envelopes, audit_event, records
from plimsoll.sources.lines import Block, Text
from plimsoll.sources.lines import block as block_of

STREAM: records.Stream = "audit"

CHUNK = 1024
"""Lines decoded before they become columns, where they come one by one: so they stay in the processor's cache."""


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
    distinct = audit_columns.Distinct()
    own = audit_columns.Own(distinct)
    rejects: list[records.Reject] = []
    start, number = 0, first
    for block, cut in _blocks(lines):
        taken = _take(block, cut, start, number)
        start, number = start + taken.lines, taken.after
        rejects += taken.rejects
        own.take(taken.events, taken.offsets, taken.numbers)
    events, broken = audit_columns.whole(own.frame(), distinct)
    rejects = sorted(rejects + broken, key=lambda reject: reject.offset)
    return records.Parsed(events, number - first - len(rejects), rejects)


def _blocks(lines: Sequence[bytes]) -> Iterator[tuple[Block, Sequence[bytes]]]:
    """Yield the lines in blocks: each whole, and cut into its lines."""
    if isinstance(lines, Text):
        yield from ((block, Text([block])) for block in lines.blocks)
        return
    for start in range(0, len(lines), CHUNK):
        some = lines[start : start + CHUNK]
        whole = block_of(b"\n".join(some))
        yield whole._replace(full=whole.full and whole.height == len(some)), some


class Taken(NamedTuple):
    """The Events of a block, with the line and the number of each."""

    lines: int
    """Lines of the block, blank ones left out."""
    events: Sequence[audit_event.Event]
    offsets: Sequence[int]
    numbers: Sequence[int]
    rejects: list[records.Reject]
    after: int
    """Number of the record after them."""


def _take(block: Block, lines: Sequence[bytes], start: int, number: int) -> Taken:
    """Return what these lines hold; `start` is the offset of the first line, `number` the number of its event."""
    if plain := _plain(block):
        after = number + len(plain)
        return Taken(len(plain), plain, range(start, start + len(plain)), range(number, after), [], after)
    events, offsets, numbers, rejects = list[audit_event.Event](), list[int](), list[int](), list[records.Reject]()
    for offset, line in enumerate(lines, start):
        for one in _plain(Block(line, 1, full=True)) or _unusual(line):
            if isinstance(one, audit_event.Event):
                events.append(one)
                offsets.append(offset)
                numbers.append(number)
            elif one is not None:
                rejects.append(records.Reject(offset, one))
            number += 1
    return Taken(len(lines), events, offsets, numbers, rejects, number)


def _plain(block: Block) -> Sequence[audit_event.Event]:
    """Return the complete Event that each line is, or none if one of the lines is not that simple."""
    if not block.full:
        return []
    try:
        events = audit_event.read_lines(block.text)
        if not block.text.isascii():
            block.text.decode()  # msgspec looks only at the strings it reads
    except records.BROKEN:
        return []
    return events if len(events) == block.height else []


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
