"""What each of the sensor's programs costs a run, by the kernel's own clock: steadier than seconds on the wall.

While a process does what its profile knows already, the kernel times our programs (kernel.bpf_stats_enabled). Timing
itself is some 60 ns of each figure. Needs what sensor_overhead.py needs.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sensor_overhead import CALLS, asked, lacking, staged, warm, watched

from plimsoll.sensor import libbpf

SWITCH = Path("/proc/sys/kernel/bpf_stats_enabled")
NAME = slice(64, 80)
"""Where struct bpf_prog_info holds a program's name."""
TOGETHER = 10
FEWEST = 30
"""Runs of a program while something was done that make a figure."""


class Cost(NamedTuple):
    """How often a program ran, and for how long in all."""

    runs: int
    nanoseconds: int

    def since(self, before: Cost) -> Cost:
        """What was added."""
        return Cost(self.runs - before.runs, self.nanoseconds - before.nanoseconds)


@contextlib.contextmanager
def timed() -> Iterator[None]:
    """Have the kernel time its programs."""
    before = SWITCH.read_text()
    SWITCH.write_text("1")
    try:
        yield
    finally:
        SWITCH.write_text(before)


def numbers() -> set[int]:
    """The numbers of all programs in the kernel."""
    found, number = set[int](), ctypes.c_uint32(0)
    while not libbpf.library().bpf_prog_get_next_id(number, ctypes.byref(number)):
        found.add(number.value)
    return found


def costs(of: set[int]) -> dict[str, Cost]:
    """What these programs cost so far."""
    found = {}
    for number in of:
        descriptor = libbpf.library().bpf_prog_get_fd_by_id(number)
        if descriptor < 0:
            continue
        info, length = ctypes.create_string_buffer(256), ctypes.c_uint32(256)
        libbpf.library().bpf_obj_get_info_by_fd(descriptor, info, ctypes.byref(length))
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
        values = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        os.close(descriptor)
        name = info.raw[NAME].partition(b"\0")[0].decode()
        found[name] = Cost(int(values["run_cnt"]), int(values["run_time_ns"]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    if lack := lacking():
        print(lack)
        return 0
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    others = numbers()
    with staged() as stage, watched("known", stage), timed():
        ours = numbers() - others
        warm(stage)
        for what, call in CALLS.items():
            for _ in range(options.rounds):
                before = costs(ours)
                for _ in range(TOGETHER):
                    asked(stage.worker, what, call)
                for name, cost in costs(ours).items():
                    added = cost.since(before.get(name, Cost(0, 0)))
                    if added.runs >= FEWEST:
                        found[what, name].append(added.nanoseconds / added.runs)
    print(f"{'doing':>10} {'program':>14} {'least':>8} {'median':>8}   nanoseconds a run")
    for (what, name), values in found.items():
        print(f"{what:>10} {name:>14} {min(values):8.0f} {statistics.median(values):8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
