"""The formats of events we read: one module each, found by its name here and by its content in a file.

`records` says what such a module has. The others that are no format say how bytes come to them:
`inputs` (names to bytes), `content` (gzip, zstd, digest), `lines`, `documents`, `reading` (the whole way),
`rejects`, and `follow` with `checkpoints` for a file that grows.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Protocol, runtime_checkable

import msgspec

from plimsoll import errors
from plimsoll.sources import records

SAMPLE = 200
"""Records looked at before we say that a format is none we know."""


@runtime_checkable
class Source(Protocol):
    """A module of this package that reads one format."""

    STREAM: records.Stream

    def recognises(self, record: Any) -> bool:
        """Say whether this decoded JSON value, or the text of a line that is none, is a record of the format."""

    def parse(self, lines: Sequence[bytes], first: int) -> records.Parsed:
        """Read a run of lines; `first` is the event number of the first."""


@cache
def every() -> dict[str, Source]:
    """Return the formats by name; every module of this package that looks like a Source is one."""
    found = {info.name: importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}
    return {name: module for name, module in sorted(found.items()) if isinstance(module, Source)}


def names() -> list[str]:
    """Return the names of the formats, sorted: what `--from` takes."""
    return list(every())


def get(name: str) -> Source:
    """Return the format of this name.

    >>> get("smoke_signals")
    Traceback (most recent call last):
    plimsoll.errors.UsageError: ...
    """
    try:
        return every()[name]
    except KeyError:
        raise errors.UsageError(f"no format {name!r}; --from takes one of {', '.join(names())}") from None


def recognised(lines: Iterable[bytes]) -> str | None:
    """Return the name of the format of the first record that any format recognises.

    >>> recognised([b"not JSON", b'"nothing we know"']) is None
    True
    """
    decode = msgspec.json.Decoder().decode
    for line, _ in zip(lines, range(SAMPLE), strict=False):
        try:
            record = decode(line)
        except records.BROKEN:
            record = line.decode(errors="replace")
        for name, source in every().items():
            if (not isinstance(record, str) or is_text(source)) and _says_yes(source, record):
                return name
    return None


def is_text(source: Source) -> bool:
    """Return whether the records of a format are lines of text; those of the others are JSON."""
    return getattr(source, "TEXT", False) is True


def _says_yes(source: Source, record: object) -> bool:
    try:
        return source.recognises(record)
    except records.BROKEN:
        return False
