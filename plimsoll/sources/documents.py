"""A file that is one JSON document over many lines, as `kubectl get -o json` writes it, and its records."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from plimsoll.sources import inputs, records

LARGEST = 1 << 26
"""A larger document is read line by line: it would have to be held whole."""


class Opening(NamedTuple):
    """What was found at the beginning of an input."""

    found: list[bytes] | None
    """The records of the document, each in one line; None where the input is none."""
    blocks: Iterator[bytes]
    """All the blocks again, for one who reads lines."""


def opening(blocks: Iterable[bytes]) -> Opening:
    r"""Look whether the blocks are one document, and give them back where they are not.

    >>> opening([b'[{"a": 1},\n', b' {"b": [2,\n3]}]']).found
    [b'{"a":1}', b'{"b":[2,3]}']
    >>> opening([b'{"a": 1}\n{"a": 2}\n']).found is None
    True
    """
    source = iter(blocks)
    seen: list[bytes] = []
    if not (_may_be_one(_first_line(source, seen)) and _whole(source, seen)):
        return Opening(None, _again(seen, source))
    found = _records(b"".join(seen))
    return Opening(found, iter(()) if found is not None else _again(seen, source))


def _first_line(source: Iterator[bytes], seen: list[bytes]) -> bytes:
    """Return the beginning of the input, its first line whole where it is short, and what else was read with it."""
    start = b""
    for block in source:
        seen.append(block)
        start = (start + block).removeprefix(codecs.BOM_UTF8).lstrip()
        if b"\n" in start or sum(map(len, seen)) >= inputs.BLOCK:
            break
    return start


def _whole(source: Iterator[bytes], seen: list[bytes]) -> bool:
    """Read on to the end; say whether that is near enough to hold it all."""
    size = sum(map(len, seen))
    for block in source:
        seen.append(block)
        size += len(block)
        if size > LARGEST:
            break
    return size <= LARGEST


def _may_be_one(start: bytes) -> bool:
    """Say whether the first line begins an array of records, or an object that it leaves open."""
    line, ended, _ = start.partition(b"\n")
    return (line.startswith(b"[") and not line[1:].lstrip()[:1].isdigit()) or (
        bool(ended) and line.startswith(b"{") and line.rstrip().endswith((b"{", b"[", b",", b":"))
    )


def _records(text: bytes) -> list[bytes] | None:
    """Return the elements of an array, or the one object, each in one line; None where it is not JSON.

    The text is checked as a whole before its parts are trusted: a run of JSON lines is no document.
    """
    try:
        flat = msgspec.json.format(text.removeprefix(codecs.BOM_UTF8), indent=-1)
        return [bytes(part) for part in _elements(flat)] if flat.startswith(b"[") else [flat]
    except records.BROKEN:
        return None


_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _again(seen: list[bytes], source: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the blocks, each let go of as it is yielded."""
    seen.reverse()
    while seen:
        yield seen.pop()
    yield from source
