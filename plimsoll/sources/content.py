"""The bytes of an input as they were written: unpacked where gzip or zstd, and hashed on the way.

Plain, gzip and zstd copies of one log have one digest, so learning knows them as one segment.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Literal, Protocol

import zstandard

from plimsoll.sources import inputs

Kind = Literal["gzip", "zstd"]

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
"""Bytes 2–4 of a zstd frame that holds no data (RFC 8878, 3.1.2); parallel writers begin with one."""

GZIP_STEP, ZSTD_STEP = 1 << 14, 1 << 10
"""Packed bytes fed at once. They bound what a bomb can unpack to in one go: deflate makes at most 1,032 bytes
of one, a zstd block of 4 bytes makes 128 KiB."""
SMALLEST = 1 << 16
ZSTD_WINDOW = 1 << 27
"""The largest window the zstd tool itself accepts by default."""


class Content:
    """Blocks of an input's plain bytes; iterate once, then `broken` and `digest` speak of the whole.

    >>> text = Content(inputs.Input("a", lambda: iter([zlib.compress(b"one log", wbits=31)])))
    >>> b"".join(text), text.broken, text.digest == hashlib.sha256(b"one log").hexdigest()
    (b'one log', None, True)
    """

    def __init__(self, source: inputs.Input) -> None:
        self.broken: str | None = None
        """Why the input ended too early, None where it did not."""
        self._source = source
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of the plain bytes so far."""
        return self._hash.hexdigest()

    def __iter__(self) -> Generator[bytes, None, None]:
        """Yield the plain bytes; a stream that breaks ends here, and what came before it is whole."""
        with closing(_Stream(self._source.blocks())) as stream:
            for block in _evened(self._unbroken(stream)):
                self._hash.update(block)
                yield block

    def _unbroken(self, stream: _Stream) -> Iterator[bytes]:
        try:
            yield from _plain(stream)
        except inputs.Interrupted as problem:
            self.broken = str(problem)


def _evened(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes in blocks that are neither tiny nor huge, so that who comes after may work block by block."""
    small = bytearray()
    for block in blocks:
        if len(small) + len(block) < SMALLEST:
            small += block
            continue
        whole = bytes(small) + block if small else block
        small.clear()
        yield from (whole[at : at + inputs.BLOCK] for at in range(0, len(whole), inputs.BLOCK))
    if small:
        yield bytes(small)


class _Stream:
    """Packed bytes, taken in small steps and given back where too much was taken."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._block, self._at = blocks, b"", 0

    def take(self, most: int) -> bytes:
        """Return up to so many bytes, empty only at the end."""
        while self._at >= len(self._block):
            if not (block := next(self._blocks, b"")):
                return b""
            self._block, self._at = block, 0
        taken = self._block[self._at : self._at + most]
        self._at += len(taken)
        return taken

    def give_back(self, unused: bytes) -> None:
        """Take back the end of what was taken last."""
        self._at -= len(unused)

    def start(self, wanted: int) -> bytes:
        """Return the next bytes without taking them; fewer only at the end."""
        while len(self._block) - self._at < wanted and (block := next(self._blocks, b"")):
            self._block, self._at = self._block[self._at :] + block, 0
        return self._block[self._at : self._at + wanted]

    def close(self) -> None:
        """Close what is behind, now and not whenever memory is tidied."""
        if isinstance(self._blocks, Generator):
            self._blocks.close()


class _Unpacker(Protocol):
    """What zlib and zstandard call a decompression object."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _plain(stream: _Stream) -> Iterator[bytes]:
    start = stream.start(4)
    if start.startswith(GZIP):
        return _members(stream, "gzip")
    if start == ZSTD or _skippable(start):
        return _members(stream, "zstd")
    return iter(partial(stream.take, inputs.BLOCK), b"")


def _skippable(start: bytes) -> bool:
    return start[1:] == SKIPPABLE and start[0] >> 4 == 5


def _members(stream: _Stream, kind: Kind) -> Iterator[bytes]:
    """Yield what each member (gzip) or frame (zstd) holds, one after the other."""
    while True:
        yield from _gunzipped(stream) if kind == "gzip" else _unzstd(stream)
        start = stream.start(4)
        if not start or (kind == "gzip" and not start.strip(b"\0")):
            return  # gzip files on tapes and block devices end in zeros
        if not (start.startswith(GZIP) if kind == "gzip" else start == ZSTD or _skippable(start)):
            raise inputs.Interrupted(f"what follows the {kind} stream is no {kind}")


def _gunzipped(stream: _Stream) -> Iterator[bytes]:
    """Yield one member; where it is corrupt, all that came before the first wrong byte."""
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof:
        if not (data := stream.take(GZIP_STEP)):
            raise inputs.Interrupted("the gzip stream is cut off")
        before = unpacker.copy()
        try:
            plain = unpacker.decompress(data)
        except zlib.error as problem:
            yield from _until_broken(before, data)
            raise inputs.Interrupted(f"the gzip stream is corrupt ({problem})") from problem
        if plain:
            yield plain
    stream.give_back(unpacker.unused_data)


def _until_broken(unpacker: _Unpacker, data: bytes) -> Iterator[bytes]:
    """Yield what can be unpacked byte by byte: zlib keeps back what one call made before it failed."""
    with suppress(zlib.error):
        for at in range(len(data)):
            if plain := unpacker.decompress(data[at : at + 1]):
                yield plain


def _unzstd(stream: _Stream) -> Iterator[bytes]:
    """Yield one frame."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
    while not unpacker.eof:
        if not (data := stream.take(ZSTD_STEP)):
            raise inputs.Interrupted("the zstd stream is cut off")
        try:
            plain = unpacker.decompress(data)
        except zstandard.ZstdError as problem:
            raise inputs.Interrupted(f"the zstd stream is corrupt ({problem})") from problem
        if plain:
            yield plain
    stream.give_back(unpacker.unused_data)
