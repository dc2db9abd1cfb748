"""Files that a crash or a full disk leaves either as they were or whole, written by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from plimsoll import errors

LOCK = "lock"
TEMPORARY = ".tmp"
WAIT_SECONDS = 60.0
"""How long a writer waits for another one; a segment takes milliseconds, a compaction seconds."""


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system refuses into the one line a user sees: a full disk, a missing permission."""
    try:
        yield
    except OSError as refused:
        raise errors.PlimsollError(f"{path}: cannot be written: {refused.strerror or refused}") from refused


def folder(path: Path) -> None:
    """Make a folder, and its parents, that outlive a power cut."""
    with explained(path):
        missing = [place for place in (path, *path.parents) if not place.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for place in missing:
            _sync(place.parent)


def write(path: Path, data: bytes) -> None:
    """Write a whole file: aside, to the disk, then under its name; on an error nothing has changed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     write(Path(place, "a"), b"text")
    ...     [(found.name, found.read_bytes()) for found in Path(place).iterdir()]
    [('a', b'text')]
    """
    aside = path.with_name(f".{path.name}{TEMPORARY}")
    with explained(path):
        try:
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise
        _sync(path.parent)


def remove(paths: list[Path]) -> None:
    """Delete files; one that is gone already is well."""
    for path in paths:
        with explained(path):
            path.unlink(missing_ok=True)


def leftovers(directory: Path) -> list[Path]:
    """Return what writers that died left aside; only the holder of the lock may judge them dead."""
    with explained(directory):
        return [path for path in directory.iterdir() if path.name.startswith(".") and path.name.endswith(TEMPORARY)]


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the system lets go of it when its holder dies, however it dies."""
    path = directory / LOCK
    with contextlib.ExitStack() as stack:
        with explained(path):
            file = stack.enter_context(path.open("ab"))
            if not _taken(file.fileno(), time.monotonic() + WAIT_SECONDS):
                raise errors.PlimsollError(f"{directory}: another process is writing (waited {WAIT_SECONDS:g} s)")
        yield


def _taken(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _sync(directory: Path) -> None:
    """Bring a directory's names to the disk; without it a rename may be undone by a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
