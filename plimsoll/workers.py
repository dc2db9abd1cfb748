"""Work shared out over the machine's cores: processes that are copies of this one, so that nothing is sent to them.

What they find comes back in order. Where copies cannot be made, or one dies, the work is done here.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TypeVar

MOST = 4
_A = TypeVar("_A")
_B = TypeVar("_B")


def cores() -> int:
    """Return how many processes may work at once; 1 where they cannot be copies of this one."""
    return min(MOST, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


def across(
    make: Callable[[_A], _B], parts: Sequence[_A], *, least: int = 2, processes: int | None = None
) -> Iterator[_B]:
    """Yield what a function makes of each part, in their order, as map does; fewer parts than `least` are made here.

    >>> list(across(abs, [-1, 2, -3], processes=2))
    [1, 2, 3]
    """
    count = min(cores() if processes is None else processes, len(parts))
    if count < 2 or len(parts) < least:
        yield from map(make, parts)
        return
    others = [_Other(make, parts[number::count]) for number in range(1, count)]
    try:
        for number, part in enumerate(parts):
            worker = number % count
            yield make(part) if worker == 0 else others[worker - 1].next(part)
    finally:
        for other in others:
            other.end()


class _Other:
    """Another process, and what it has made so far."""

    def __init__(self, make: Callable[[_A], _B], parts: Sequence[_A]) -> None:
        self._make = make
        self._made: SimpleQueue[bytes | None] = SimpleQueue()
        reader, writer = multiprocessing.Pipe(duplex=False)
        gc.freeze()  # what the collector does not touch is not copied
        self._process = multiprocessing.get_context("fork").Process(
            target=_work, args=(make, parts, reader, writer), daemon=True
        )
        self._process.start()
        gc.unfreeze()
        writer.close()
        threading.Thread(target=self._take, args=(reader,), daemon=True).start()

    def _take(self, reader: Connection) -> None:
        """Take what comes at once: a full pipe would make the other wait for us."""
        try:
            while True:
                self._made.put(reader.recv_bytes())
        except (EOFError, OSError):
            self._made.put(None)
        finally:
            reader.close()

    def next(self, part: _A) -> _B:  # type: ignore[type-var]  # make is of these types
        """Return what was made of the next part, made here where the other process is gone."""
        made = self._made.get()
        if made is None:
            self._made.put(None)
            return self._make(part)  # type: ignore[arg-type,return-value]
        return pickle.loads(made)  # type: ignore[no-any-return]  # noqa: S301  our own copy wrote it

    def end(self) -> None:
        """Stop the process, whatever it still has to do."""
        self._process.terminate()
        self._process.join()


def _work(make: Callable[[_A], _B], parts: Sequence[_A], reader: Connection, writer: Connection) -> None:
    """Make the parts one after the other; an error ends it, and the parts that are left are made where it can be told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells of an interruption
    reader.close()
    try:
        for part in parts:
            writer.send_bytes(pickle.dumps(make(part)))
    except Exception:  # noqa: BLE001  as above
        return
    finally:
        writer.close()
