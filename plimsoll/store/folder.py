"""A folder of files that changes as a whole: an interruption or a full disk leaves the old files, or the new ones."""

from __future__ import annotations

import contextlib
import errno
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from plimsoll.store import durable

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def change(directory: Path, files: Mapping[str, bytes], stale: Iterable[Path] = ()) -> None:
    """Write files below a folder and remove others; what stays the same is not touched.

    All of them are written aside first; then they get their names, in one go that no signal cuts short.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     change(Path(place), {"shop/a.yaml": b"old", "shop/b.yaml": b"old"})
    ...     change(Path(place), {"shop/b.yaml": b"new"}, [Path(place, "shop/a.yaml")])
    ...     [(found.name, found.read_bytes()) for found in Path(place, "shop").iterdir()]
    [('b.yaml', b'new')]
    """
    fresh = {directory / name: data for name, data in files.items() if not _holds(directory / name, data)}
    if taken := [path for path in fresh if path.is_dir()]:
        raise IsADirectoryError(errno.EISDIR, "a folder has the name of a file that is to be written", str(taken[0]))
    folders = [folder for folder in _folders(directory, fresh) if not folder.exists()]
    aside = {path: path.with_name(f".{path.name}{durable.TEMPORARY}") for path in fresh}
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for path, data in fresh.items():
            aside[path].write_bytes(data)
        with _undisturbed():
            for path, written in aside.items():
                written.replace(path)
            for path in stale:
                path.unlink(missing_ok=True)
    except BaseException:
        _clear(aside.values(), folders)
        raise


def _folders(directory: Path, files: Iterable[Path]) -> list[Path]:
    """Return the folders that files are in, outer ones first."""
    return [*dict.fromkeys([directory, *(path.parent for path in files)])]


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _clear(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Remove what was written aside, and the folders made for it that hold nothing else."""
    for path in files:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    for folder in reversed([*folders]):
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back until the block is done; only the main thread is ever disturbed by one."""
    held: list[int] = []

    def hold(number: int, _: FrameType | None) -> None:
        held.append(number)

    main = threading.current_thread() is threading.main_thread()
    before = {one: signal.getsignal(one) for one in _SIGNALS} if main else {}
    try:
        for one in before:
            signal.signal(one, hold)
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, signal.SIG_DFL if handler is None else handler)
        for number in held:
            signal.raise_signal(number)
