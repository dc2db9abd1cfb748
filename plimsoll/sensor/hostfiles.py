"""Files of the host, read without being led astray: no symbolic link, no foreign owner, no more than so many bytes.

Names come from command lines, cgroups and other files, so any of them may be a trap.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold us up
_DEEPEST = 64
NAME = re.compile(r"(?!\.{1,2}\Z)[0-9A-Za-z_.-]{1,128}")


def is_name(text: str) -> bool:
    r"""Say whether a text can be a container's id and thus one step of a path.

    >>> is_name("redis-0"), is_name(".."), is_name("a/b"), is_name("a\n")
    (True, False, False, False)
    """
    return NAME.fullmatch(text) is not None


def read(root: Path, name: str, most: int) -> bytes | None:
    """Return the content of a file below `root`; None for what is absent, too long, no plain file, or not root's or ours."""
    try:
        with ExitStack() as opened:
            folder, last = _descended(root, name, opened)
            file = _opened(opened, last, _FILE, folder)
            told = os.fstat(file)
            if not stat.S_ISREG(told.st_mode) or told.st_uid not in (0, os.geteuid()) or told.st_size > most:
                return None
            return _content(file, most)
    except (OSError, ValueError):
        return None


def names(root: Path, folder: str, most: int = 10_000) -> list[str]:
    """Return the names in a folder below `root` that can be container ids; none of what is absent."""
    try:
        with ExitStack() as opened:
            above, last = _descended(root, folder, opened)
            inside = opened.enter_context(os.scandir(_opened(opened, last, _FOLDER, above)))
            return [entry.name for entry in islice(inside, most) if is_name(entry.name)]
    except (OSError, ValueError):
        return []


def signature(root: Path, name: str) -> tuple[int, int, int] | None:
    """Return what changes when the file does: its inode, time of change and length."""
    try:
        told = os.lstat(root / name.lstrip("/"))
    except (OSError, ValueError):
        return None
    return told.st_ino, told.st_mtime_ns, told.st_size


def _descended(root: Path, name: str, opened: ExitStack) -> tuple[int, str]:
    """Return the open folder above the last step of a name, and that step."""
    steps = [step for step in name.split("/") if step not in ("", ".")]
    if not steps or ".." in steps or len(steps) > _DEEPEST:
        raise ValueError(name)
    folder = _opened(opened, str(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in steps[:-1]:
        folder = _opened(opened, step, _FOLDER, folder)
    return folder, steps[-1]


def _opened(opened: ExitStack, name: str, flags: int, folder: int | None = None) -> int:
    handle = os.open(name, flags, dir_fd=folder)
    opened.callback(os.close, handle)
    return handle


def _content(file: int, most: int) -> bytes | None:
    """Return all of an open file, which may grow while it is read."""
    parts, size = [], 0
    while part := os.read(file, 1 << 16):
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)
