"""Alerts that others made, read from their journal in order and handed on; what was handed on is noted on disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from plimsoll.server import journal
from plimsoll.sources import checkpoints

BLOCK = 1 << 20
POLL = 0.25
"""Seconds between two looks at a journal that does not grow."""

_decode = msgspec.json.Decoder(dict[str, object]).decode


def relay(kept: journal.Journal, checkpoint: Path, stop: threading.Event) -> Iterator[list[dict[str, object]]]:
    """Yield alerts as they come, until `stop` is set; asking for the next ones says that these were handed on."""
    place = checkpoints.load(checkpoint)
    while not stop.is_set():
        if (found := _next(kept, place)) is None:
            stop.wait(POLL)
            continue
        place, data = found
        yield [_decode(line) for line in data.splitlines()]
        checkpoints.save(checkpoint, place)


def _next(kept: journal.Journal, place: checkpoints.Place | None) -> tuple[checkpoints.Place, bytes] | None:
    """Return the next whole lines after a place, and the place behind them; None where there are none yet."""
    segments = kept.segments()
    inodes = [one.inode for one in segments]
    first = inodes.index(place.inode) if place and place.inode in inodes else 0
    for segment in segments[first:]:
        offset = place.offset if place and place.inode == segment.inode else 0
        if data := _whole_lines(segment, offset):
            moved = checkpoints.Place(segment.path.stat().st_dev, segment.inode, offset=offset + len(data))
            return moved, data
    return None


def _whole_lines(segment: journal.Segment, offset: int) -> bytes:
    """Return lines from here on, a block of them or one that is longer."""
    most = BLOCK
    with segment.path.open("rb") as file:
        while True:
            data = os.pread(file.fileno(), most, offset)
            if end := data.rfind(b"\n") + 1:
                return data[:end]
            if len(data) < most:
                return b""
            most *= 2
