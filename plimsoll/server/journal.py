"""Lines on disk from when they came until they were judged: what `append` promised is there after any crash.

    audit.jsonl                    what is written now
    audit-000000000007.jsonl       an earlier segment, read by `sources.follow` as a log that was rotated
    judged/audit-000000000006.…    one that was judged, where those are kept for some days

Writers do not wait for each other: one thread writes all that came while the disk was busy, and syncs once.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors
from plimsoll.server import refusals
from plimsoll.sources import checkpoints
from plimsoll.store import durable

SEGMENT = 64 << 20
"""Bytes after which a segment ends."""
QUOTA = 1 << 30
"""Bytes that wait to be judged at most."""
QUEUE = 64 << 20
"""Bytes that wait to be written at most."""
GROUP = 16 << 20
"""Bytes that are written and synced at once."""
FULL_PAUSE, QUEUE_PAUSE = 15, 1
"""Seconds after which a sender may try again."""
BLOCK = 1 << 16
DAY = 86_400


class Segment(NamedTuple):
    """A file of the journal."""

    path: Path
    inode: int
    size: int
    modified: float


class _Write(NamedTuple):
    data: bytes
    done: Future[None]


class Journal:
    """The lines of one door."""

    def __init__(
        self, folder: Path, name: str, *, quota: int = QUOTA, segment: int = SEGMENT, keep_days: int = 0
    ) -> None:
        """Open the journal in this folder, which must be ours alone; make it where there is none."""
        self.folder, self.path = folder, folder / f"{name}.jsonl"
        self._quota, self._most, self._keep_days = quota, min(segment, max(1, quota // 4)), keep_days
        self._named = re.compile(rf"{re.escape(name)}-(\d{{12}})\.jsonl").fullmatch
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._lock, self._tidying = threading.Lock(), threading.Lock()
        self._queued = 0
        self._writer = threading.Thread(target=self._run, name=f"journal {name}", daemon=True)
        durable.folder(folder)
        durable.remove(durable.leftovers(folder))
        with durable.explained(self.path):
            self._file, self._size = self._opened()
            segments = self.segments()
            self._number = max((self._number_of(one.path) for one in segments), default=0)
        self._held = self.written = sum(one.size for one in segments)
        self._marks: deque[tuple[int, float]] = deque([(self.written, time.monotonic())], maxlen=DAY)
        self._writer.start()

    def append(self, data: bytes) -> Future[None]:
        """Take whole lines; the future is done once they are on the disk, and fails with Full where they cannot be."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # whoever waits may go away; the writer goes on
        with self._lock:
            if self._queued + len(data) > QUEUE:
                raise refusals.Full("too much waits to be written", QUEUE_PAUSE)
            if self._held + self._queued + len(data) > self._quota:
                raise refusals.Full("too much waits to be judged", FULL_PAUSE)
            self._queued += len(data)
            self._queue.put(_Write(data, done))
        return done

    def close(self) -> None:
        """Write what was taken and end."""
        self._queue.put(None)
        self._writer.join()
        os.close(self._file)

    def segments(self) -> list[Segment]:
        """Return the files, oldest first; the one that is written now is the last."""
        names = sorted(entry.path for entry in os.scandir(self.folder) if self._named(entry.name))
        found = [one for path in [*map(Path, names), self.path] if (one := _segment(path))]
        # A segment that was renamed while we looked is there twice, or its successor is not yet.
        return list({one.inode: one for one in found}.values())

    def tail(self, most: int) -> Iterator[bytes]:
        """Yield the last whole lines, up to so many bytes of them, oldest first."""
        chosen: list[Segment] = []
        for one in reversed(self.segments()):
            if most <= 0:
                break
            chosen.append(one)
            most -= one.size
        for number, one in enumerate(reversed(chosen)):
            with one.path.open("rb") as file:
                if number == 0 and most < 0:
                    file.seek(-most)
                    file.readline()
                yield from (line.rstrip(b"\n") for line in file if line.endswith(b"\n"))

    def waiting(self, places: Iterable[checkpoints.Place | None]) -> int:
        """Return how many bytes come after the last of these places."""
        return max((self._after(place, self.segments()) for place in places), default=0)

    def lag(self, waiting: int) -> float:
        """Return for how many seconds the oldest of so many last bytes has waited."""
        with self._lock:
            while self._marks and self._marks[0][0] <= self.written - waiting:
                self._marks.popleft()
            return time.monotonic() - self._marks[0][1] if self._marks and waiting else 0.0

    def tidy(self, places: Iterable[checkpoints.Place | None]) -> None:
        """Let go of the segments that everybody whose place is given has behind him."""
        with self._tidying, durable.explained(self.folder):
            segments = self.segments()
            inodes = [one.inode for one in segments]
            ahead = [0 if place is None or place.inode not in inodes else inodes.index(place.inode) for place in places]
            done = segments[: min(ahead, default=0)]
            for one in done:
                self._let_go(one.path)
            with self._lock:
                self._held -= sum(one.size for one in done)
            self._forget_kept()

    def _after(self, place: checkpoints.Place | None, segments: list[Segment]) -> int:
        """Return the bytes after a place; a place in no file of ours is before all."""
        after = 0
        for one in reversed(segments):
            if place and one.inode == place.inode:
                return after + max(0, one.size - place.offset)
            after += one.size
        return after

    def _let_go(self, path: Path) -> None:
        if not self._keep_days:
            path.unlink(missing_ok=True)
            return
        (self.folder / "judged").mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            path.rename(self.folder / "judged" / path.name)

    def _forget_kept(self) -> None:
        with suppress(FileNotFoundError):
            for path in (self.folder / "judged").iterdir():
                if self._named(path.name) and time.time() - path.stat().st_mtime > self._keep_days * DAY:
                    path.unlink(missing_ok=True)

    def _opened(self) -> tuple[int, int]:
        """Open the current file behind its last whole line: what follows that was never acknowledged."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = os.fstat(file).st_size
        end = _whole_lines(file, size)
        if end < size:
            os.ftruncate(file, end)
        os.fsync(file)
        _sync(self.folder)
        return file, end

    def _number_of(self, path: Path) -> int:
        found = self._named(path.name)
        return int(found[1]) if found else 0

    def _run(self) -> None:
        while group := self._group():
            writes = [one for one in group if one]
            try:
                self._write(b"".join(one.data for one in writes))
            except OSError as refused:
                why = refusals.Full(f"cannot be kept: {refused.strerror}", FULL_PAUSE)
                self._settle(writes, why)
            else:
                self._settle(writes, None)
            if group[-1] is None:
                return

    def _group(self) -> list[_Write | None]:
        """Return what waits, as far as it is to be written at once; None says that no more comes."""
        group, size = [self._queue.get()], 0
        while (last := group[-1]) is not None and (size := size + len(last.data)) < GROUP:
            try:
                group.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return group

    def _settle(self, writes: list[_Write], why: refusals.Full | None) -> None:
        with self._lock:
            self._queued -= sum(len(one.data) for one in writes)
        for one in writes:
            if why:
                one.done.set_exception(why)
            else:
                one.done.set_result(None)

    def _write(self, data: bytes) -> None:
        """Write lines and sync them; on an error no part of a line is left, but whole lines may be."""
        if not data:
            return
        if self._size >= self._most:
            self._rotate()
        view, gone = memoryview(data), 0
        try:
            while gone < len(data):
                gone += os.write(self._file, view[gone:])
            os.fdatasync(self._file)
        except OSError:
            # Never less than whole lines: who follows the file may have read them already.
            whole = data.rfind(b"\n", 0, gone) + 1
            os.ftruncate(self._file, self._size + whole)
            self._grown(whole)
            raise
        self._grown(len(data))

    def _grown(self, size: int) -> None:
        self._size += size
        with self._lock:
            self.written += size
            self._held += size
            now = time.monotonic()
            if not self._marks or now - self._marks[-1][1] >= 1:
                self._marks.append((self.written, now))
            else:
                self._marks[-1] = (self.written, self._marks[-1][1])

    def _rotate(self) -> None:
        """End the segment; where the disk has no room for a new file, it goes on."""
        aside = self.path.with_name(f".{self.path.name}{durable.TEMPORARY}")
        try:
            file = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        self._number += 1
        self.path.rename(self.path.with_name(f"{self.path.stem}-{self._number:012}.jsonl"))
        aside.rename(self.path)
        _sync(self.folder)
        os.close(self._file)
        self._file, self._size = file, 0


def _whole_lines(file: int, size: int) -> int:
    """Return where the last line that has an end ends."""
    while size:
        start = max(0, size - BLOCK)
        if end := os.pread(file, size - start, start).rfind(b"\n") + 1:
            return start + end
        size = start
    return 0


def _segment(path: Path) -> Segment | None:
    with suppress(FileNotFoundError):
        status = path.stat()
        return Segment(path, status.st_ino, status.st_size, status.st_mtime)
    return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def opened(folder: Path, name: str, *, quota: int, keep_days: int) -> Journal:
    """Open the journal of a door; a quota that holds nothing is a mistake."""
    if quota < 1 << 20:
        raise errors.UsageError("the quota must be at least 1 MiB")
    return Journal(folder / name, name, quota=quota, keep_days=keep_days)
