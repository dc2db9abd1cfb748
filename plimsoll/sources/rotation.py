"""Where the rest of a log is after it was rotated: renamed, or copied and truncated, once or several times."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from plimsoll.sources import checkpoints

SIBLINGS = 10_000
"""Files of a folder that are looked at."""


def find(path: Path, place: checkpoints.Place) -> int | None:
    """Return the file, opened, that was read up to this place: under its name, its inode, or as a copy."""
    beside = list(_beside(path))
    old_names = _rotated(path)
    renamed = [entry.path for entry in beside if entry.inode() == place.inode]
    copied = [entry.path for entry in sorted(beside, key=_modified, reverse=True) if old_names(entry.name)]
    for candidate in (str(path), *renamed, *copied):
        if (file := opened(candidate)) is not None:
            if checkpoints.holds(place, file):
                return file
            os.close(file)
    return None


def following(path: Path, last: os.stat_result, done: Callable[[int], bool]) -> int | None:
    """Return the file, opened, that was written after this one: the oldest rotated since, else the log itself.

    `done` says of an inode that it was read already, for files that changed in the same tick of the clock.
    A copy of what the log holds now is passed over: it is just being made, and the log will be truncated.
    """
    names = _rotated(path)
    current = opened(path)
    begun = beginning(current) if current is not None else b""
    for entry in sorted(_beside(path), key=_modified):
        modified, inode = _modified(entry), entry.inode()
        later = modified > last.st_mtime_ns or (modified == last.st_mtime_ns and not done(inode))
        if names(entry.name) and later and inode != last.st_ino and (found := opened(entry.path)) is not None:
            if not alike(beginning(found), begun):
                _shut(current)
                return found
            os.close(found)
    return current


def beginning(file: int) -> bytes:
    """Return the first bytes of an open file, which tell it from others."""
    return os.pread(file, checkpoints.START, 0)


def alike(one: bytes, other: bytes) -> bool:
    """Say whether two beginnings are of one log, as far as the shorter goes.

    >>> alike(b"2026-01-01 a", b"2026-01-01 a, b"), alike(b"", b"a")
    (True, False)
    """
    length = min(len(one), len(other))
    return length > 0 and one[:length] == other[:length]


def _shut(file: int | None) -> None:
    if file is not None:
        os.close(file)


def opened(path: Path | str) -> int | None:
    """Return the regular file, opened; None where it has just gone."""
    with suppress(FileNotFoundError):
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _rotated(path: Path) -> Callable[[str], object]:
    """Return a test for the names that logrotate and lumberjack give to a log's earlier, unpacked parts."""
    date = r"\d[\dT.:_-]*"
    stem, end = re.escape(path.stem), re.escape(path.suffix)
    return re.compile(rf"{stem}{end}[.-]{date}|{stem}-{date}{end}").fullmatch


def _beside(path: Path) -> Iterator[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(path.parent) as entries:
        for entry, _ in zip(entries, range(SIBLINGS), strict=False):
            if entry.name != path.name and entry.is_file(follow_symlinks=False):
                yield entry


def _modified(entry: os.DirEntry[str]) -> int:
    with suppress(FileNotFoundError):
        return entry.stat(follow_symlinks=False).st_mtime_ns
    return 0
