"""A file of facts: the facts of one learned input segment, or of many merged, and whose they are."""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl
from polars.io.plugins import register_io_source

from plimsoll import errors, frames, tables

FORMAT = "1"
FORMAT_KEY = "plimsoll.format"
SEGMENTS_KEY = "plimsoll.segments"
SUFFIX = ".parquet"
ROWS = 262_144
"""Rows of a row group, and of a batch that is read: what bounds memory."""
IN_MEMORY = 1 << 20
"""A file up to this size is read whole, so that thousands of small ones need no open descriptors."""

_BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, msgspec.MsgspecError, KeyError, UnicodeDecodeError)


class Segment(msgspec.Struct, frozen=True):
    """What was learned in one go, in event time."""

    first: int | None
    """Time of the first event that taught a fact, in microseconds since 1970, UTC."""
    last: int | None
    digest: str
    """Names the input's content, in hexadecimal: the same content is learned once."""
    source: str
    accepted: int
    rejected: int
    events: int
    vocabulary: str
    """Version of the list of verbs that made the facts."""


def by_time(segment: Segment) -> tuple[int, int, str]:
    """Return what segments are sorted by; those without events come first.

    >>> by_time(Segment(None, None, "0123456789abcdef", "empty.log", 0, 0, 0, "1"))
    (0, 0, '0123456789abcdef')
    """
    return segment.first or 0, segment.last or 0, segment.digest


class File(NamedTuple):
    """A file of facts that is open: it stays readable when its name goes away."""

    path: Path
    segments: tuple[Segment, ...]
    facts: pl.LazyFrame

    @property
    def digests(self) -> frozenset[str]:
        """The digests of the segments it holds."""
        return frozenset(segment.digest for segment in self.segments)


def checked(digest: str) -> str:
    """Return a digest that can name a file.

    >>> checked("0123456789abcdef")
    '0123456789abcdef'
    """
    if not (8 <= len(digest) <= 128 and set(digest) <= set("0123456789abcdef")):
        raise errors.UsageError(f"a segment is named by 8 to 128 hexadecimal digits, not by {digest[:128]!r}")
    return digest


def merged_name(digests: Iterable[str]) -> str:
    """Return the name of the file that holds these segments, whatever the order they came in.

    >>> merged_name(["ab", "cd"]) == merged_name(["cd", "ab"])
    True
    """
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def span(facts: pl.DataFrame) -> tuple[int | None, int | None]:
    """Return the times of the first and the last event, in microseconds.

    >>> span(frames.empty(tables.FACTS))
    (None, None)
    """
    times = facts.select(pl.col("first").cast(pl.Int64).min(), pl.col("last").cast(pl.Int64).max())
    first, last = times.row(0)
    return first, last


def encode(facts: pl.DataFrame, segments: Iterable[Segment]) -> bytes:
    """Return the file of these facts: the same facts and segments give the same bytes, in whatever order."""
    if facts.schema != frames.schema(tables.FACTS):
        raise errors.InputError(f"not a table of facts: {', '.join(facts.columns)}"[:200])
    names = msgspec.json.encode(sorted(segments, key=lambda segment: segment.digest))
    file = io.BytesIO()
    facts.sort(tables.names(tables.FACTS)).write_parquet(
        file, compression="zstd", row_group_size=ROWS, metadata={FORMAT_KEY: FORMAT, SEGMENTS_KEY: names.decode()}
    )
    return file.getvalue()


def opened(path: Path) -> File:
    """Open a file of facts and check that it is one; FileNotFoundError where a compaction took it away."""
    try:
        segments, facts = _read(path)
        schema = facts.collect_schema()
    except FileNotFoundError:
        raise
    except OSError as refused:
        raise errors.InputError(f"cannot be read: {refused.strerror or refused}", file=str(path)) from refused
    except _BROKEN as broken:
        raise _damaged(path, broken) from broken
    if schema != frames.schema(tables.FACTS):
        raise errors.InputError("holds no table of facts", file=str(path))
    file = File(path, segments, facts)
    if path.stem != (segments[0].digest if len(segments) == 1 else merged_name(file.digests)):
        raise errors.InputError("holds other segments than its name says", file=str(path))
    return file


def digests(path: Path) -> frozenset[str]:
    """Return which segments a merged file holds; remembered, as such a file never changes under its name."""
    stat = path.stat()
    return _digests(path, stat.st_ino, stat.st_size, stat.st_mtime_ns)


def scan(files: Sequence[File]) -> pl.LazyFrame:
    """Return all facts of open files, read when asked for and in batches; damage is an InputError with the file."""

    def read(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for file in files:
            for batch in _batches(file, columns, predicate):
                yield batch if left is None else batch.head(left)
                left = left if left is None else max(left - batch.height, 0)
                if left == 0:
                    return

    return register_io_source(read, schema=pl.Schema(frames.schema(tables.FACTS)), is_pure=True)


def _batches(file: File, columns: list[str] | None, predicate: pl.Expr | None) -> Iterator[pl.DataFrame]:
    try:
        height = file.facts.select(pl.len()).collect().item()
        for offset in range(0, height, ROWS):
            batch = file.facts.slice(offset, ROWS)
            batch = batch if predicate is None else batch.filter(predicate)
            yield (batch if columns is None else batch.select(columns)).collect()
    except _BROKEN as broken:
        raise _damaged(file.path, broken) from broken


def _read(path: Path) -> tuple[tuple[Segment, ...], pl.LazyFrame]:
    """Return what a file says; the frame keeps a descriptor of its own, so the name may vanish."""
    with path.open("rb") as file:
        source = io.BytesIO(file.read()) if path.stat().st_size <= IN_MEMORY else file
        segments = _segments(pl.read_parquet_metadata(source))
        source.seek(0)
        return segments, pl.scan_parquet(source)


@functools.lru_cache(maxsize=8)
def _digests(path: Path, _inode: int, _size: int, _changed: int) -> frozenset[str]:
    return opened(path).digests


def _segments(metadata: dict[str, str]) -> tuple[Segment, ...]:
    if metadata.get(FORMAT_KEY) != FORMAT:
        raise KeyError(f"{FORMAT_KEY} is {metadata.get(FORMAT_KEY)}, not {FORMAT}")
    return msgspec.json.decode(metadata[SEGMENTS_KEY], type=tuple[Segment, ...])


def _damaged(path: Path, broken: BaseException) -> errors.InputError:
    said = " ".join(str(broken).split())[:120]
    return errors.InputError(f"damaged, or no file of facts ({said})", file=str(path))
