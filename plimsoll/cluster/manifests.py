"""The documents behind a name: files and folders of YAML, JSON or JSON lines, packed or not, each with its place.

A document that cannot be read is set aside with its file and line; those around it are read on.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import zstandard

from plimsoll import errors
from plimsoll.cluster import yaml_values

LARGEST = 1 << 26
"""Bytes of one file, packed or not."""
MOST = 4_000_000
"""Values of one file, by its commas: what is tiny on disk is not in memory."""
SUFFIXES = (".yaml", ".yml", ".json", ".jsonl", ".ndjson")
"""What is looked at in a folder, with or without .gz or .zst; a file named by itself may be called anything."""

_MARKER = re.compile(rb"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_SAMPLE = 20
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW = 1 << 27
_GZIP_STEP, _ZSTD_STEP = 1 << 14, 1 << 10
"""Packed bytes fed at once: they bound what a bomb can unpack to before it is seen."""

BROKEN = errors.BROKEN
"""What reading a hostile document may raise."""


class _Unpacker(Protocol):
    """What zlib and zstandard call a decompression object."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Document(NamedTuple):
    """One document as JSON, and where it begins."""

    file: str
    line: int
    json: bytes


class Reject(NamedTuple):
    """One that could not be read."""

    file: str
    line: int
    reason: str


Made = list["Document | Reject"]
Across = Callable[[Callable[[str], Made], Sequence[str]], Iterator[Made]]


def documents(source: str, without: Container[str] = (), across: Across = map) -> Iterator[Document | Reject]:
    """Yield what a name stands for, a file, a folder, a glob or `-`; raise InputError where it is nothing readable.

    Folders in it that are to be left out are passed over; `across` reads many files as map does.
    """
    if source == "-":
        yield from _parsed("standard input", *_text("standard input", sys.stdin.buffer.read(LARGEST + 1)))
        return
    files, alone = _files(source, without)
    for made in across(partial(_read, alone=alone), files):
        yield from made


def _read(path: str, *, alone: bool) -> Made:
    try:
        text, problem = _text(shown(path), _bytes(path))
    except errors.InputError as refused:
        if alone:
            raise
        return [Reject(shown(path), 1, refused.reason)]
    return list(_parsed(shown(path), text, problem))


def parsed(name: str, text: bytes) -> Iterator[Document | Reject]:
    """Yield the documents of a text."""
    if len(text) > LARGEST or text.count(b",") > MOST:
        yield Reject(name, 1, f"larger than {LARGEST >> 20} MiB")
    else:
        yield from _parsed(name, _utf8(text), "")


def text(file: str) -> bytes:
    """Return the text of a file, unpacked; raise InputError where it cannot be read."""
    return _text(shown(file), _bytes(file))[0]


def shown(name: str) -> str:
    """Return a name as it can be printed on one line of any terminal."""
    return "".join(char if char.isprintable() else "?" for char in name)


def reason(broken: BaseException) -> str:
    """Return why a document is broken, in one short printable line."""
    plain = isinstance(broken, ValueError | msgspec.MsgspecError)
    text = str(broken) if plain else f"{type(broken).__name__}: {broken}"
    return shown((text.splitlines() or [type(broken).__name__])[0][:200])


def _files(source: str, without: Container[str]) -> tuple[list[str], bool]:
    """Return the files, and whether the name was that of one."""
    if os.path.lexists(source):
        return (_below(source, without), False) if Path(source).is_dir() else ([source], True)
    if not glob.has_magic(source):
        raise errors.InputError("no such file or folder", file=shown(source))
    matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    if not matches:
        raise errors.InputError("no file matches", file=shown(source))
    return [name for match in matches for name in (_below(match) if Path(match).is_dir() else [match])], False


def _below(folder: str, without: Container[str] = ()) -> list[str]:
    """Return all manifests of a folder and its folders, sorted; nothing hidden, no pipes or devices."""
    found: list[str] = []
    left_out = False
    for where, folders, names in os.walk(folder):
        if where in without:
            folders.clear()
            left_out = True
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = [name for name in names if not name.startswith(".") and _is_manifest(name)]
        found += [path for path in (os.path.join(where, name) for name in wanted) if Path(path).is_file()]  # noqa: PTH118  Path would drop the ./ people typed
    if not found and not left_out:
        raise errors.InputError("the folder holds no manifests", file=shown(folder))
    return sorted(found)


def _is_manifest(name: str) -> bool:
    return name.lower().removesuffix(".gz").removesuffix(".zst").endswith(SUFFIXES)


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST + 1)
    except (OSError, ValueError) as problem:
        why = (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)
        raise errors.InputError(why, file=shown(path)) from problem


def _text(name: str, data: bytes) -> tuple[bytes, str]:
    """Return the plain text, as far as it goes, and what is wrong with the rest; raise where there is too much of it."""
    text, problem = data, ""
    if data.startswith(b"\x1f\x8b"):
        text, problem = _unpacked(data, "gzip", partial(zlib.decompressobj, 31), _GZIP_STEP)
    elif data.startswith(_ZSTD):
        text, problem = _unpacked(data, "zstd", _zstd, _ZSTD_STEP)
    if len(data) > LARGEST or len(text) > LARGEST:
        raise errors.InputError(f"larger than {LARGEST >> 20} MiB", file=name)
    if text.count(b",") > MOST:
        raise errors.InputError(f"more than {MOST:,} values", file=name)
    return _utf8(text), problem


def _unpacked(data: bytes, kind: str, unpacker: Callable[[], _Unpacker], step: int) -> tuple[bytes, str]:
    """Return what the members of a gzip file, or the frames of a zstd file, hold one after the other."""
    text, at = bytearray(), 0
    while at < len(data) and len(text) <= LARGEST:
        if at and data[at] == 0 and not data[at:].strip(b"\0"):
            break  # files on tapes and block devices end in zeros
        member = unpacker()
        while not member.eof and len(text) <= LARGEST:
            piece = data[at : at + step]
            if not piece:
                return bytes(text), f"the {kind} stream is cut off"
            try:
                text += member.decompress(piece)
            except (zlib.error, zstandard.ZstdError) as problem:
                return bytes(text), f"the {kind} stream is corrupt ({problem})"
            at += len(piece)
        at -= len(member.unused_data)
    return bytes(text), ""


def _zstd() -> _Unpacker:
    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _parsed(file: str, text: bytes, problem: str) -> Iterator[Document | Reject]:
    yield from _json(file, text) or _json_lines(file, text) or _yaml(file, text)
    if problem:
        yield Reject(file, text.count(b"\n") + 1, problem)


def _utf8(text: bytes) -> bytes:
    """Return the text without a byte order mark; shells on Windows write UTF-16."""
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return text.decode("utf-16", errors="replace").encode()
    return text.removeprefix(codecs.BOM_UTF8)


def _json(file: str, text: bytes) -> list[Document | Reject]:
    """Return the one document that the whole text is; nothing where it is not JSON."""
    start = text[:4096].lstrip()
    if not start.startswith((b"{", b"[")) or _MARKER.search(text, 1):
        return []
    try:
        return [Document(file, 1, msgspec.json.format(text, indent=-1))]
    except BROKEN:
        return []


def _json_lines(file: str, text: bytes) -> Iterator[Document | Reject] | None:
    """Return the documents of a text of which any of the first lines is one; None where it is no such text."""
    if not text[:4096].lstrip().startswith(b"{") or _MARKER.search(text):
        return None
    lines = (line for line in io.BytesIO(text) if line.strip())
    return _each_line(file, text) if any(map(_is_object, islice(lines, _SAMPLE))) else None


def _each_line(file: str, text: bytes) -> Iterator[Document | Reject]:
    for number, line in enumerate(io.BytesIO(text), 1):
        if line.strip():
            try:
                yield Document(file, number, msgspec.json.format(line, indent=-1))
            except BROKEN as broken:
                yield Reject(file, number, reason(broken))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except BROKEN:
        return False


def _yaml(file: str, text: bytes) -> Iterator[Document | Reject]:
    for line, chunk in _chunks(text):
        if _is_blank(chunk):
            continue
        try:
            if (json := _as_json(chunk)) is not None:
                yield Document(file, line + _blank_lines(chunk), json)
        except yaml_values.Unreadable as broken:
            yield Reject(file, line + broken.line, reason(broken))
        except BROKEN as broken:
            yield Reject(file, line, reason(broken))


def _chunks(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each document with its first line: a marker at a line's start ends one wherever it stands (YAML 1.2, 9.1.2)."""
    line, start = 1, 0
    for marker in _MARKER.finditer(text):
        yield line, text[start : marker.start()]
        line += text.count(b"\n", start, marker.end())
        start = marker.end()
    yield line, text[start:]


def _is_blank(chunk: bytes) -> bool:
    """Say whether there are only comments and directives."""
    start = chunk.lstrip()[:1]
    return not start or (
        start in b"#%" and all(not line or line[0] in b"#%" for line in map(bytes.strip, io.BytesIO(chunk)))
    )


def _blank_lines(chunk: bytes) -> int:
    return chunk[: len(chunk) - len(chunk.lstrip())].count(b"\n")


def _as_json(chunk: bytes) -> bytes | None:
    """Return the document as JSON; None where it holds nothing."""
    if chunk.lstrip().startswith((b"{", b"[")):
        try:
            return msgspec.json.format(chunk, indent=-1)
        except BROKEN:
            pass  # YAML's own way to write mappings in braces
    held = yaml_values.value(chunk)
    return None if held is None else msgspec.json.encode(held)
