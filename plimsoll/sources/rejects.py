"""Records set aside: all are counted, the first are kept with their reason, to be looked at and mended."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from plimsoll.sources import reading

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
