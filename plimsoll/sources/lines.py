"""Blocks of bytes cut into lines, in memory that does not grow with the input or with one line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np

LONGEST = 1 << 24
"""A longer line is no record; the API server's own limit for an object is 3 MiB."""
KEPT = 1 << 12
"""Bytes of a broken line that are kept to be looked at."""
HEAVY = 1 << 25
"""Bytes after which a run ends, however few its lines."""
NEWLINE, SPACE = ord("\n"), ord(" ")
TOO_LONG = f"the line is longer than {LONGEST >> 20} MiB"


class Break(NamedTuple):
    """A line that cannot be given to anybody: too long, or cut off with the input."""

    number: int
    reason: str
    raw: bytes


class Block(NamedTuple):
    """Bytes that end with a line."""

    text: bytes
    height: int
    """Its lines, blank ones counted."""
    full: bool
    """None of them is blank or begins with a space."""


def block(text: bytes) -> Block:
    r"""Count the lines of a text, ten times as fast as cutting it up.

    >>> block(b"one\ntwo"), block(b"one\n \n")
    (Block(text=b'one\ntwo', height=2, full=True), Block(text=b'one\n \n', height=2, full=False))
    """
    octets = np.frombuffer(text, np.uint8)
    ends = octets == NEWLINE
    height = int(np.count_nonzero(ends)) + (bool(text) and not text.endswith(b"\n"))
    blank = text[:1].isspace() or bool((ends[:-1] & (octets[1:] <= SPACE)).any())
    return Block(text, height, not blank)


def blocks(text: bytes, size: int) -> list[Block]:
    r"""Return a text of whole lines in blocks of about this many bytes: what is decoded of one stays in the processor's cache.

    >>> [block.text for block in blocks(b"one\ntwo\nthree", 8)]
    [b'one\ntwo\n', b'three']
    """
    found, start = list[Block](), 0
    while start < len(text):
        end = text.rfind(b"\n", start, start + size) + 1 or text.find(b"\n", start + size) + 1 or len(text)
        found.append(block(text[start:end]))
        start = end
    return found


class Text(Sequence[bytes]):
    r"""Lines as they came, in blocks, cut apart only when somebody looks at one. Blank ones are left out.

    >>> text = Text([block(b"one\ntwo\r\n"), block(b"\nthree")], first=7)
    >>> list(text), text.number(2)
    ([b'one', b'two', b'three'], 10)
    """

    def __init__(self, blocks: Sequence[Block], first: int = 1) -> None:
        """The first line has the number `first`, blank ones counted."""
        self.blocks = blocks
        self._first = first

    def __bool__(self) -> bool:
        """Say whether a line is not blank."""
        return not all(block.text.isspace() for block in self.blocks if block.text)

    def __len__(self) -> int:
        """Return how many lines are not blank."""
        return len(self._lines)

    @overload
    def __getitem__(self, key: int) -> bytes: ...
    @overload
    def __getitem__(self, key: slice) -> list[bytes]: ...
    def __getitem__(self, key: int | slice) -> bytes | list[bytes]:
        """Return a line, or some."""
        return self._lines[key]

    def number(self, place: int) -> int:
        """Return where a line stands in the input, from 1, blank lines counted."""
        return self._numbers[place]

    @cached_property
    def _lines(self) -> list[bytes]:
        return [line for line in self._every if line and not line.isspace()]

    @cached_property
    def _numbers(self) -> list[int]:
        return [number for number, line in enumerate(self._every, self._first) if line and not line.isspace()]

    @property
    def _every(self) -> Iterator[bytes]:
        return (line for block in self.blocks for line in cut(block.text))


class Run(NamedTuple):
    """Lines one after the other, blank ones left out, and the break that follows them, if any."""

    lines: Text
    broken: Break | None = None


def cut(text: bytes) -> list[bytes]:
    r"""Return the lines of a text without what ends them.

    >>> cut(b"one\r\n\ntwo"), cut(b"one\n")
    ([b'one', b'', b'two'], [b'one'])
    """
    lines = text.removesuffix(b"\n").split(b"\n")
    return [line.rstrip(b"\r") for line in lines] if b"\r" in text else lines


class Splitter:
    r"""Joins blocks so that they end with a line; the unfinished last line waits for the next block.

    >>> splitter = Splitter()
    >>> splitter.feed(b"one\ntw"), splitter.feed(b"o\n"), splitter.rest()
    ((None, b'one\n'), (None, b'two\n'), b'')
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._size = 0

    def feed(self, block: bytes) -> tuple[bytes | None, bytes]:
        """Return the lines that this block ends; before them the beginning of one that was too long, or None."""
        after = block.rfind(b"\n") + 1
        if not after:
            self._hold(block)
            return None, b""
        first = block.find(b"\n")
        self._hold(block[:first])
        long, ended = self.long, self.rest()
        self._hold(block[after:])
        return (ended[:KEPT], block[first + 1 : after]) if long else (None, ended + block[first:after])

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

    >>> (only,) = runs([b"a\n\nb\r\nc"], lambda: "cut off", 10)
    >>> list(only.lines), only.lines.number(1), only.broken
    ([b'a', b'b'], 3, Break(number=4, reason='cut off', raw=b'c'))
    """
    splitter, gathered = Splitter(), _Gathered(size)
    for bytes_read in _unmarked(blocks):
        long, whole = splitter.feed(bytes_read)
        if long is not None:
            yield gathered.run(TOO_LONG, long)
        yield from gathered.take(whole)
    reason = ending() or (TOO_LONG if splitter.long else None)
    rest = splitter.rest()
    if reason:
        yield gathered.run(reason, rest[:KEPT])
        return
    yield from gathered.take(rest)
    if gathered.blocks:
        yield gathered.run()


class _Gathered:
    """Blocks on their way to a run."""

    def __init__(self, size: int) -> None:
        self.blocks: list[Block] = []
        self._size = size
        self._first, self._lines, self._weight = 1, 0, 0

    def take(self, text: bytes) -> Iterator[Run]:
        """Take in whole lines and yield the runs that are full with them."""
        new = block(text)
        while self._lines + new.height >= self._size:
            parts = new.text.split(b"\n", wanted := self._size - self._lines)
            rest = parts.pop() if len(parts) > wanted else b""
            self._add(block(new.text[: len(new.text) - len(rest)]))
            yield self.run()
            new = block(rest)
        if new.text:
            self._add(new)
        if self._weight >= HEAVY:
            yield self.run()

    def run(self, reason: str = "", raw: bytes = b"") -> Run:
        """Return what was gathered, and with a reason the break that follows it, which is a line too."""
        text, after = Text(self.blocks, self._first), self._first + self._lines
        self.blocks, self._lines, self._weight, self._first = [], 0, 0, after + bool(reason)
        return Run(text, Break(after, reason, raw) if reason else None)

    def _add(self, new: Block) -> None:
        self.blocks.append(new)
        self._lines += new.height
        self._weight += len(new.text)


def _unmarked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks without the byte order mark they may begin with."""
    start = b""
    source = iter(blocks)
    for block in source:
        start += block
        if len(start) >= len(codecs.BOM_UTF8):
            yield start.removeprefix(codecs.BOM_UTF8)
            break
    else:
        yield start
    yield from source
