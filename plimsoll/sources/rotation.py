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
    renamed = [entry.path for entry in beside if _inode(entry) == place.inode]
    copied = [entry.path for entry in sorted(beside, key=_modified, reverse=True) if old_names(entry.name)]
    for candidate in (str(path), *renamed, *copied):
        if (file := opened(candidate)) is not None:
            if checkpoints.holds(place, file):
                return file
            os.close(file)
    return None


def following(path: Path, file: int, done: Callable[[int], bool]) -> int | None:
    """Return the file, opened, that was written after this one: the oldest rotated since, else the log itself.

    `done` says of an inode that it was read already, for files that changed in the same tick of the clock.
    """
    last = os.fstat(file)
    names = _rotated(path)
    current = _status(path)
    for entry in sorted(_beside(path), key=_modified):
        modified, inode = _modified(entry), _inode(entry)
        later = modified > last.st_mtime_ns or (modified == last.st_mtime_ns and not done(inode))
        other = inode not in (last.st_ino, current.st_ino if current else None)
        if names(entry.name) and later and other and (found := opened(entry.path)) is not None:
            return found
    return opened(path)


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


def _status(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


def _modified(entry: os.DirEntry[str]) -> int:
    with suppress(FileNotFoundError):
        return entry.stat(follow_symlinks=False).st_mtime_ns
    return 0


def _inode(entry: os.DirEntry[str]) -> int:
    return entry.inode()
