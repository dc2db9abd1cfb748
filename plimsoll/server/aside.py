"""What could not be taken, kept to be looked at: the last some megabytes of it, as JSON lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from plimsoll.server import doors

MOST_BYTES = 4 << 20
"""Size at which the file takes the place of the one before."""


class Aside:
    """The file of a door; where it cannot be written the records are only counted."""

    def __init__(self, path: Path, most: int = MOST_BYTES) -> None:
        self.path, self._most = path, most

    def put(self, broken: Iterable[doors.Broken], sender: str) -> None:
        """Keep these with the time, the sender's address and the reason."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        data = b"".join(
            msgspec.json.encode({"time": now, "from": sender, "reason": why, "raw": raw.decode(errors="replace")})
            + b"\n"
            for why, raw in broken
        )
        with suppress(OSError):
            if self.path.exists() and self.path.stat().st_size + len(data) > self._most:
                self.path.replace(self.path.with_suffix(".1.jsonl"))
            with self.path.open("ab") as file:
                file.write(data)
