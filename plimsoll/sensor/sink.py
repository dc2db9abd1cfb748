"""Lines on their way out, in a thread of their own: whoever gives them never waits."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

WAITING = 20_000
"""Lines that wait for a reader that is slow before the next ones are dropped and counted."""
BATCH_BYTES = 256 << 10
_CLOSE = None


class Sink:
    """A thread that takes lines, so that whoever gives them never waits."""

    def __init__(self) -> None:
        self.dropped = 0
        self._lines: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Give a line; where too many wait it is dropped and counted."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def status(self) -> dict[str, object]:
        """Return how it goes, empty where there is nothing to say."""
        return {}

    def close(self, patience: float = 2.0) -> None:
        """Hand on what is there, as far as that takes no longer than `patience` seconds."""
        with contextlib.suppress(queue.Full):
            self._lines.put(_CLOSE, timeout=patience)
        self._thread.join(patience)

    def _batches(self) -> Iterator[list[bytes]]:
        """Yield lines as they come, those together that came at once."""
        while (line := self._lines.get()) is not None:
            batch, size = [line], len(line)
            while size < BATCH_BYTES and (more := self._next()) is not None:
                batch.append(more)
                size += len(more)
            yield batch
            if self._closing:
                return

    _closing = False

    def _next(self) -> bytes | None:
        try:
            line = self._lines.get_nowait()
        except queue.Empty:
            return None
        self._closing = line is None
        return line

    def _run(self) -> None:
        raise NotImplementedError


class Output(Sink):
    """Lines to a file, each batch written and flushed at once."""

    def __init__(self, file: BinaryIO, gone: Callable[[], None]) -> None:
        """Write to `file`; call `gone` when nobody reads it any more."""
        super().__init__()
        self._file, self._gone = file, gone

    def _run(self) -> None:
        try:
            for batch in self._batches():
                self._file.write(b"".join(batch))
                self._file.flush()
        except (OSError, ValueError):
            self._gone()
