"""Records set aside: all are counted, the first are kept with their reason, to be looked at and mended."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from plimsoll import errors
from plimsoll.sources import inputs, reading, records

KEPT = 1_000
REASONS = 100
"""Distinct reasons told apart: a hostile input can make up a new one for every line."""
OTHER = "other reasons"


class Rejects:
    """A count of what was set aside, and its beginning.

    >>> rejects = Rejects()
    >>> rejects.add([reading.Reject("a.log", 3, "Input data was truncated (byte 4)", b'{"a"')])
    >>> rejects.summary()
    '1 record set aside: 1 × Input data was truncated; the first is a.log:3'
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.total = 0
        self.kept: list[reading.Reject] = []
        self.reasons: Counter[str] = Counter()
        self._most = kept

    def add(self, rejects: Iterable[reading.Reject]) -> None:
        """Count these, and keep them while there is room."""
        for reject in rejects:
            self.total += 1
            if len(self.kept) < self._most:
                self.kept.append(reject)
            self.reasons[self._known(_kind(reject.reason))] += 1

    def summary(self) -> str:
        """Return one line that says how many and why, the commonest reasons first; empty where there are none."""
        if not self.total:
            return ""
        told = [f"{count:,} × {reason}" for reason, count in self.reasons.most_common(3)]
        more = [f"{len(self.reasons) - 3} more reasons"] if len(self.reasons) > 3 else []
        first = f"; the first is {self.kept[0].file}:{self.kept[0].line}" if self.kept else ""
        return f"{self.total:,} record{'s'[: self.total > 1]} set aside: {', '.join(told + more)}{first}"

    def write(self, path: Path) -> None:
        """Write those that were kept as JSON lines; the file is whole or not there."""
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        with aside.open("wb") as file:
            for reject in self.kept:
                shown = reject._asdict() | {"raw": reject.raw.decode(errors="replace")}
                file.write(msgspec.json.encode(shown) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)

    def _known(self, reason: str) -> str:
        return reason if reason in self.reasons or len(self.reasons) < REASONS else OTHER


def _kind(reason: str) -> str:
    """Return the reason without the byte it was found at, so that equal ones count together."""
    return reason.partition(" (byte")[0].partition(" - at `$")[0]


_NAMES: dict[records.Stream, str] = {"activity": "activity", "audit": "audit logs", "flow": "flows"}


def batches(
    source: inputs.Input, read: reading.Reading, rejects: Rejects, stream: records.Stream | None = None
) -> Iterator[reading.Batch]:
    """Yield an input's batches, and set aside what cannot be read, or is of another stream than the one asked for.

    A file in a folder that holds no such events is set aside; one that was named is an InputError.
    """
    try:
        for batch in read:
            rejects.add(batch.rejects)
            _meant(batch, stream)
            yield batch
    except errors.InputError as unknown:
        if not source.found:
            raise
        rejects.add([reading.Reject(source.name, 0, unknown.reason, b"")])


def _meant(batch: reading.Batch, stream: records.Stream | None) -> None:
    if stream and batch.stream != stream:
        raise errors.InputError(f"this asks {_NAMES[stream]}, and these are {batch.format} events", file=batch.source)
