"""Commands as a user types them, and what they said."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests import told

HABIT = told.habit()
LATE = told.at(days=told.LATER)
THEFT = told.request("list secrets", time=LATE, source_ip="203.0.113.9")


class Told:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def refused(told_by: Told, code: int = 2) -> bool:
    """Whether a command ended with this code, one to three lines on stderr, and nothing else."""
    lines = told_by.err.splitlines()
    return told_by.code == code and 1 <= len(lines) <= 3 and not told_by.out and "Traceback" not in told_by.err


def plimsoll(*arguments: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from plimsoll.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **more)
