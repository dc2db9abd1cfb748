"""A process that follows a log and makes each segment durable, to be killed at any moment."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from plimsoll import sources
from plimsoll.sources import follow
from tests.sources.counting import Counting


def run(log: Path, checkpoint: Path, had: Path) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    sources.every = lambda: {"counting": Counting()}
    had.mkdir(exist_ok=True)
    lines = follow.Follow(log, checkpoint, stop=stop, poll=0.01)
    for batch in lines:
        aside = had / "aside"
        numbers = [*batch.events["proc_pid"], *(-1 for _ in batch.rejects)]
        aside.write_text(" ".join(map(str, numbers)))
        aside.rename(had / f"{batch.digest}.had")  # the same segment again takes its own place
        lines.commit()


if __name__ == "__main__":
    run(*map(Path, sys.argv[1:]))
