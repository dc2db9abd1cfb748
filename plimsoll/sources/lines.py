"""Blocks of bytes cut into lines, in memory that does not grow with the input or with one line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

LONGEST = 1 << 24
"""A longer line is no record; the API server's own limit for an object is 3 MiB."""
KEPT = 1 << 12
"""Bytes of a broken line that are kept to be looked at."""
HEAVY = 1 << 25
"""Bytes after which a run ends, however few its lines."""
TOO_LONG = f"the line is longer than {LONGEST >> 20} MiB"


class Break(NamedTuple):
    """A line that cannot be given to anybody: too long, or cut off with the input."""

    number: int
    reason: str
    raw: bytes


class Run(NamedTuple):
    """Lines one after the other, blank ones left out, and the break that follows them, if any."""

    lines: list[bytes]
    numbers: Sequence[int]
    """Where each stands in the input, from 1, blank lines counted."""
    broken: Break | None = None


class Splitter:
    r"""Cuts blocks into lines; the unfinished last one waits for the next block.

    >>> splitter = Splitter()
    >>> splitter.feed(b"one\ntw"), splitter.feed(b"o\n"), splitter.rest()
    ((None, [b'one']), (None, [b'two']), b'')
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._size = 0

    def feed(self, block: bytes) -> tuple[bytes | None, list[bytes]]:
        """Return the lines that this block ends; before them the beginning of one that was too long, or None."""
        lines = block.split(b"\n")
        if len(lines) == 1:
            self._hold(block)
            return None, []
        self._hold(lines[0])
        long, lines[0] = self.long, self.rest()
        self._hold(lines.pop())
        return (lines.pop(0)[:KEPT], lines) if long else (None, lines)

    @property
    def long(self) -> bool:
        """The unfinished line is too long already."""
        return self._size > LONGEST

    def rest(self) -> bytes:
        """Return the unfinished line and forget it; of one that is too long, the beginning."""
        rest = bytes(self._held)
        self._held, self._size = bytearray(), 0
        return rest

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        self._held += piece[:KEPT] if self.long else piece
        if self.long:
            del self._held[KEPT:]


def runs(blocks: Iterable[bytes], ending: Callable[[], str | None], size: int) -> Iterator[Run]:
    r"""Yield runs of up to `size` lines; `ending` is asked at the end why the blocks ended early, if they did.

    >>> list(runs([b"a\n\nb\r\nc"], lambda: "cut off", 10))
    [Run(lines=[b'a', b'b'], numbers=[1, 3], broken=Break(number=4, reason='cut off', raw=b'c'))]
    """
    splitter, gathered, first, weight = Splitter(), list[bytes](), 1, 0
    returns = False
    for block in blocks:
        returns = returns or b"\r" in block  # a log from Windows; elsewhere no line has to be looked at for them
        long, lines = splitter.feed(block)
        if long is not None:
            broken = Break(first + len(gathered), TOO_LONG, long)
            yield run(gathered, first, broken, returns=returns)
            first, gathered, weight = broken.number + 1, [], 0
        gathered += lines
        weight += len(block)
        while len(gathered) >= size or (weight >= HEAVY and gathered):
            yield run(gathered[:size], first, returns=returns)
            first, gathered, weight = first + len(gathered[:size]), gathered[size:], 0
    reason = ending() or (TOO_LONG if splitter.long else None)
    if reason:
        broken = Break(first + len(gathered), reason, splitter.rest()[:KEPT])
        yield run(gathered, first, broken, returns=returns)
    elif (rest := splitter.rest()) or gathered:
        yield run([*gathered, rest] if rest else gathered, first, returns=returns)


def run(lines: list[bytes], first: int, broken: Break | None = None, *, returns: bool = True) -> Run:
    r"""Return the lines, the first of which has this number, without blank ones and without what ends them.

    `returns` says that some may end with a carriage return.

    >>> run([b"a\r", b" ", b"b"], 7)
    Run(lines=[b'a', b'b'], numbers=[7, 9], broken=None)
    """
    if first == 1 and lines:
        lines = [lines[0].removeprefix(codecs.BOM_UTF8), *lines[1:]]
    # Checked whole, at C's speed: as a rule no line is blank.
    if not returns and all(lines) and not any(map(bytes.isspace, lines)):
        return Run(lines, range(first, first + len(lines)), broken)
    stripped = [line.rstrip(b"\r") for line in lines]
    kept = [line for line in stripped if line and not line.isspace()]
    return Run(kept, [number for number, line in enumerate(stripped, first) if line and not line.isspace()], broken)
