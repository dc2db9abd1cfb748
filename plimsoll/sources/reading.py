"""An input on its way to becoming events: opened, unpacked, cut into lines, recognised and read, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

import polars as pl

from plimsoll import errors, frames, sources, tables
from plimsoll.sources import content, documents, inputs, lines, records

SIZE = 1 << 14
"""Lines in a batch."""


class Reject(NamedTuple):
    """A record that was set aside."""

    file: str
    line: int
    """Its line, from 1; in a file that is one JSON document, its place among the records."""
    reason: str
    raw: bytes
    """Its first 4 KiB."""


class Batch(NamedTuple):
    """Events of some lines of one input."""

    source: str
    """The input, as people know it."""
    format: str
    stream: records.Stream
    events: pl.DataFrame
    accepted: int
    rejects: list[Reject]
    digest: str | None = None
    """Of the segment, where the batch is one by itself, as with `follow`; else the Reading has it."""


class Reading:
    """One input being read: iterate over its batches; the counts and the digest are whole when that ends."""

    def __init__(
        self,
        source: inputs.Input,
        *,
        format: str | None = None,  # noqa: A002
        size: int = SIZE,
        get: Callable[[str], sources.Source] = sources.get,
    ) -> None:
        """`get` gives the source of a format's name: another than ours may make other rows of the same records."""
        self.name = source.name
        self.format = format
        """The format's name; where none was forced, None until it is recognised (for ever, in an empty input)."""
        self.accepted = 0
        self.rejected = 0
        self.digest: str | None = None
        """SHA-256 of the whole input, unpacked; None until it has been read to its end."""
        self._source, self._size, self._get = source, size, get

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; an input of no format we know is an InputError before the first."""
        text = content.Content(self._source)
        with closing(iter(text)) as blocks:
            runs = _runs(blocks, text, self._size)
            name, runs = _recognised(runs, self.name) if self.format is None else (self.format, runs)
            self.format = name or None
            for run in runs:
                if run.lines or run.broken:
                    first = self.accepted + self.rejected + 1
                    batch = batch_of(self.name, name, run, first, self._get)
                    self.accepted += batch.accepted
                    self.rejected += len(batch.rejects)
                    yield batch
        self.digest = text.digest


def batches(source: inputs.Input, *, format: str | None = None, size: int = SIZE) -> Iterator[Batch]:  # noqa: A002
    """Yield the batches of an input, for one who needs neither its counts nor its digest."""
    yield from Reading(source, format=format, size=size)


def detect(source: inputs.Input) -> str | None:
    """Return the format of an input without reading on; None where it is empty or can be read only once."""
    if not source.again:
        return None
    text = content.Content(source)
    with closing(iter(text)) as blocks:
        return _recognised(_runs(blocks, text, sources.SAMPLE), source.name)[0] or None


def batch_of(
    name: str,
    format: str,  # noqa: A002
    run: lines.Run,
    first: int,
    get: Callable[[str], sources.Source] = sources.get,
) -> Batch:
    """Return the batch of a run of lines of a known format; `first` is the event number of its first record."""
    source = get(format)
    parsed = parse(source, run.lines, first) if run.lines else _nothing(source)
    rejects = [Reject(name, run.lines.number(at), why, run.lines[at][: lines.KEPT]) for at, why in parsed.rejects]
    if run.broken:
        rejects.append(Reject(name, *run.broken))
    return Batch(name, format, source.STREAM, parsed.events, parsed.accepted, rejects)


def parse(source: sources.Source, text: Sequence[bytes], first: int) -> records.Parsed:
    """Return what the source makes of the lines; where it stumbles over one, that one is a reject and the rest stand."""
    try:
        return source.parse(text, first)
    except (*records.BROKEN, pl.exceptions.PolarsError) as broken:
        if len(text) == 1:
            return _nothing(source)._replace(rejects=[records.Reject(0, records.reason(broken))])
    half = len(text) // 2
    before = parse(source, text[:half], first)
    after = parse(source, text[half:], first + before.accepted + len(before.rejects))
    moved = [records.Reject(half + offset, reason) for offset, reason in after.rejects]
    return records.Parsed(before.events.vstack(after.events), before.accepted + after.accepted, before.rejects + moved)


def _nothing(source: sources.Source) -> records.Parsed:
    return records.Parsed(frames.empty(tables.STREAMS[source.STREAM]), 0, [])


def _runs(blocks: Iterator[bytes], text: content.Content, size: int) -> Iterator[lines.Run]:
    found, blocks = documents.opening(blocks)
    if found is None:
        yield from lines.runs(blocks, lambda: text.broken, size)
        return
    for at in range(0, len(found), size):
        yield lines.Run(lines.Text([lines.block(b"\n".join(found[at : at + size]))], at + 1))
    if text.broken:
        yield lines.Run(lines.Text([]), lines.Break(len(found) + 1, text.broken, b""))


def _recognised(runs: Iterator[lines.Run], name: str) -> tuple[str, Iterator[lines.Run]]:
    """Return the format, empty for an input without records, and all the runs again."""
    seen: list[lines.Run] = []
    looked = 0
    for run in runs:
        seen.append(run)
        looked += len(run.lines)
        if found := sources.recognised(run.lines):
            return found, chain(seen, runs)
        if looked >= sources.SAMPLE:
            break
    if looked or any(run.broken for run in seen):
        raise unknown(name, next((run.broken for run in seen if run.broken), None))
    return "", iter(())


def unknown(name: str, broken: lines.Break | None) -> errors.InputError:
    """Return the error for an input of no format we know, or that broke before a record was read."""
    if broken:
        return errors.InputError(broken.reason, file=name)
    return errors.InputError(f"no format we know ({', '.join(sources.names())}); name it with --from", file=name)
