"""What a command costs as a whole process: seconds on the clock and of processors, memory at its peak.

This process stays small and imports no engine: a child inherits its parent's peak when it is started. Processes that
a command leaves behind (Spark's Java) come to us and are waited for, so that their cost is counted too.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

PLIMSOLL = Path(sys.executable).with_name("plimsoll")
MIB = 1024  # kilobytes, as getrusage(2) counts


class Cost(NamedTuple):
    """What one run took, or the medians of several."""

    wall: float
    """Seconds until it had ended."""
    first: float
    """Seconds until its first output, or until its end where it had none."""
    cpu: float
    """Seconds of processors, user and system, of all its processes."""
    mib: float
    """Resident memory at its peak; of several processes the sum of their peaks."""


class Failed(Exception):
    """A command that did not end with 0."""


def run(*command: object) -> Cost:
    """Run a command and return what it took."""
    with tempfile.TemporaryFile() as complaints:
        begun = time.monotonic()
        child = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints
        )
        assert child.stdout  # it is a pipe
        with child.stdout as out:
            said = out.read(1)
            first = time.monotonic() - begun
            out.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        complaints.seek(0)
        if child.returncode:
            raise Failed(
                f"{command[1]} ended with {child.returncode}: {complaints.read().decode(errors='replace')[-300:]}"
            )
    usages = [usage, *_left_behind()]
    cpu = sum(one.ru_utime + one.ru_stime for one in usages)
    return Cost(wall, first if said else wall, cpu, sum(one.ru_maxrss for one in usages) / MIB)


def _left_behind() -> list[resource.struct_rusage]:
    """Wait for the processes that a command left to us."""
    usages: list[resource.struct_rusage] = []
    while True:
        try:
            usages.append(os.wait4(-1, 0)[2])
        except ChildProcessError:
            return usages


def median(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several runs, each figure by itself."""
    return Cost(*(statistics.median(figures) for figures in zip(*costs, strict=True)))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    for row in (heads, *rows):
        cells = [
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
