"""The names a person gives, a file, folder, glob, `-` or URL, and the bytes behind each."""

from __future__ import annotations

import glob
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors

BLOCK = 1 << 18
"""Bytes read at once: large enough that the loop costs nothing, small enough to stay in the cache."""


class Input(NamedTuple):
    """Something that can be read from its beginning."""

    name: str
    """What people know it by."""
    blocks: Callable[[], Iterator[bytes]]
    """Opens it and yields its bytes as they are, never an empty block."""
    again: bool = True
    """It can be read twice: a file, not a pipe or a URL."""
    found: bool = False
    """It was found in a folder or by a glob, so nobody said that it holds events."""


class Interrupted(Exception):
    """An input that broke off while it was read; its text is the reason."""


def inputs(sources: Sequence[str]) -> list[Input]:
    """Return what these names mean, in the order given, each once; raise where one means nothing.

    >>> [each.name for each in inputs(["-", "https://user:secret@logs.example/audit.gz?token=1"])]
    ['standard input', 'https://logs.example/audit.gz']
    """
    found: dict[str, Input] = {}
    for source in sources:
        names = _names(source)
        found |= {name: _input(name)._replace(found=names != [source]) for name in names if name not in found}
    return list(found.values())


def shown(path: Path | str) -> str:
    r"""Return a path as it can be printed on one line of any terminal.

    >>> shown("audit\x1b[31m\n.log")
    'audit?[31m?.log'
    """
    return "".join(char if char.isprintable() else "?" for char in str(path))


def why(problem: OSError | ValueError) -> str:
    """Return what the system says of the trouble, without the file's name."""
    return (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)


def whole(path: Path | str, most: int) -> bytes:
    """Return a small file; raise InputError where it cannot be read or is larger than `most` bytes."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(most + 1)
    except (OSError, ValueError) as problem:
        raise errors.InputError(why(problem), file=shown(path)) from problem
    if len(raw) > most:
        raise errors.InputError(f"larger than {most >> 20} MiB", file=shown(path))
    return raw


def text(path: Path | str, most: int) -> str:
    """Return a small file of text, without its byte order mark; raise InputError as `whole` does, or where it is none."""
    try:
        return whole(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise errors.InputError("no UTF-8", file=shown(path)) from None


def _input(name: str) -> Input:
    if name == "-":
        return Input("standard input", _of_stdin, again=False)
    if _is_url(name):
        from plimsoll.sources import remote  # noqa: PLC0415  an HTTP client takes 0.2 s to import; few inputs are URLs

        return Input(remote.shown(name), partial(remote.blocks, name), again=False)
    return _readable(Path(name))


def _names(source: str) -> list[str]:
    """Return the files a name stands for; the name itself where it is no folder or glob."""
    if source == "-" or _is_url(source):
        return [source]
    if not source:
        raise errors.InputError("a source has an empty name")
    if os.path.lexists(source):
        return _below(source) if Path(source).is_dir() else [source]
    if not glob.has_magic(source):
        raise errors.InputError("no such file or folder", file=shown(source))
    matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    if not matches:
        raise errors.InputError("no file matches", file=shown(source))
    return [name for match in matches for name in (_below(match) if Path(match).is_dir() else [match])]


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _below(folder: str) -> list[str]:
    """Return all files of a folder and its folders, sorted; nothing hidden, no pipes or devices."""
    found: list[str] = []
    for where, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(where, name) for name in files if not name.startswith("."))
        found += [str(path) for path in paths if path.is_file() or not path.exists()]
    if not found:
        raise errors.InputError("the folder holds no files", file=shown(folder))
    return sorted(found)


def _refuse(problem: OSError) -> None:
    raise errors.InputError(why(problem), file=shown(problem.filename)) from problem


def _readable(path: Path) -> Input:
    """Return the file as input; a regular file is opened once, so that trouble shows before any work is done."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
        if regular:
            path.open("rb").close()
    except (OSError, ValueError) as problem:
        raise errors.InputError(why(problem), file=shown(path)) from problem
    return Input(shown(path), partial(_of_file, path), again=regular)


def _of_file(path: Path) -> Iterator[bytes]:
    try:
        file = path.open("rb", buffering=0)
    except OSError as problem:
        raise errors.InputError(why(problem), file=shown(path)) from problem
    with file:
        yield from _blocks(partial(file.read, BLOCK))


def _of_stdin() -> Iterator[bytes]:
    try:
        pipe = io.FileIO(0, closefd=False)
    except OSError as problem:
        raise errors.InputError(why(problem), file="standard input") from problem
    yield from _blocks(partial(pipe.read, BLOCK))


def _blocks(read: Callable[[], bytes | None]) -> Iterator[bytes]:
    try:
        while block := read():
            yield block
    except OSError as problem:
        raise Interrupted(why(problem)) from problem
