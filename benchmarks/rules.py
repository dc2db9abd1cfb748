"""Falco's official rules on the largest recorded capture: loading, reading JSON lines, evaluating columns, and all of it.

Where a `falco` is on the PATH it replays the same capture beside us, with the same rules and on the same processor.
"""

from __future__ import annotations

import gc
import gzip
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl
from measure import table

from plimsoll import flow_rules
from plimsoll.rules import columns, ruleset, run
from plimsoll.sources import falco_events

FALCO = Path(__file__).resolve().parents[2] / "shared" / "data" / "falco"
CAPTURE = FALCO / "events" / "generated_pods-benign.jsonl.gz"
RECORDING = FALCO / "captures" / "sysflow_mpm-event-full_capture.scap.gz"
"""A capture as Falco itself reads it; of the largest there are only the events."""
FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
SETS = {"default file, first match": (FILES[:1], True), "three files, all matches": (FILES, False)}
BATCHES = (4_096, 65_536)
LINES = 1 << 14
"""Lines in a batch, as sources read them."""


class Measured(NamedTuple):
    """What one set of rules took; events per second and core."""

    name: str
    speeds: list[float]
    """Over columns, for each size of batches, once the capture's texts are known."""
    fresh: list[float]
    """The same, the first time the capture is seen."""
    reading: float
    whole: float
    resident: float
    """MiB that loading and running the rules over the lines took at the most, the lines themselves left out."""


def load(names: tuple[str, ...]) -> ruleset.Ruleset:
    return ruleset.load([(name, (FALCO / "rules" / name).read_text(encoding="utf-8")) for name in names])


def taken(work: Callable[[], object]) -> float:
    """Return the seconds of processors that a piece of work takes."""
    before = time.process_time()
    work()
    return time.process_time() - before


def batches(frame: pl.DataFrame, size: int, least: int) -> Iterator[pl.DataFrame]:
    """Yield the frame again and again until there were so many rows."""
    seen = 0
    while seen < least:
        for part in frame.iter_slices(size):
            yield part
            seen += part.height


def evaluated(
    rules: ruleset.Ruleset, frame: pl.DataFrame, size: int, least: int, *, first: bool
) -> tuple[float, float]:
    """Return how many events a second are judged: when all is new, and after that."""
    engine = run.Engine(rules, "syscall")

    def speed(parts: list[pl.DataFrame]) -> float:
        rows = sum(part.height for part in parts)
        return rows / taken(lambda: [engine.matches(part, first=first) for part in parts])

    return speed([*frame.iter_slices(size)]), speed([*batches(frame, size, least)])


def resident() -> float:
    """Return how many MiB of memory this process has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def judged(room: flow_rules.Room, batches: list[list[bytes]], *, first: bool) -> float:
    """Read and judge lines; return the most memory that there was after a batch."""
    most = 0.0
    for lines in batches:
        list(room.alerts(room.source.parse(lines, 1).events, first=first))
        most = max(most, resident())
    return most


def measured(name: str, least: int) -> Measured:
    gc.set_threshold(100_000, 50, 50)  # as the command line does
    files, first = SETS[name]
    lines = gzip.decompress(CAPTURE.read_bytes()).splitlines()
    cut = [lines[at : at + LINES] for at in range(0, len(lines), LINES)]
    before, rules = resident(), load(files)
    room, whole = (flow_rules.Room("falco_events", rules) for _ in range(2))
    reading = len(lines) / taken(lambda: [room.source.parse(part, 1) for part in cut])
    peaks: list[float] = []
    judging = len(lines) / taken(lambda: peaks.append(judged(whole, cut, first=first)))
    typed = {column: columns.dtype(column, "syscall") for column in room.engine.columns}
    everything = falco_events.Wide(typed, lambda _: True)
    frame = pl.concat([everything.parse(part, 1).events.drop(falco_events.LINE) for part in cut]).rechunk()
    found = [evaluated(rules, frame, size, least, first=first) for size in BATCHES]
    again, once = [speed for _, speed in found], [speed for speed, _ in found]
    return Measured(name, again, once, reading, judging, max(peaks) - before)


def in_its_own_process(name: str, least: int) -> Measured:
    """Return what was measured in a process that did nothing before, so that memory is that of the one set of rules."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (name, least))


def beside() -> str:
    """Return what Falco itself takes for the rules on a capture, as a sentence."""
    falco = shutil.which("falco")
    if not falco:
        return "no `falco` is on the PATH, so it was not run beside"
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "capture.scap"
        capture.write_bytes(gzip.decompress(RECORDING.read_bytes()))
        rows = FALCO / "events" / RECORDING.name.replace(".scap.gz", ".jsonl.gz")
        events = len(gzip.decompress(rows.read_bytes()).splitlines())
        told = [f"{name}: {_speed(falco, capture, events, *SETS[name])}" for name in SETS]
    return f"Falco itself, rules alone, on {RECORDING.name}: {'; '.join(told)}"


def _speed(falco: str, capture: Path, events: int, files: tuple[str, ...], first: bool) -> str:
    rules = _replayed(falco, capture, files, first=first) - _replayed(falco, capture, (), first=first)
    return f"{events / rules:,.0f} events/s/core" if rules > 0 else "too short to tell"


def _replayed(falco: str, capture: Path, files: tuple[str, ...], *, first: bool) -> float:
    """Return the seconds of a processor that Falco takes for a capture, on one processor."""
    rules = [argument for name in files for argument in ("-r", str(FALCO / "rules" / name))] or ["-r", os.devnull]
    options = {
        "engine.kind": "replay",
        "engine.replay.capture_file": capture,
        "rule_matching": "first" if first else "all",
        "stdout_output.enabled": "false",
    }
    told = [argument for name, value in options.items() for argument in ("-o", f"{name}={value}")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["taskset", "-c", "0", falco, *rules, *told], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    if not CAPTURE.exists():
        print("rules: the recorded captures (../shared/data/falco) are not here")
        return 0
    least = 200_000 if "--quick" in sys.argv else 1_000_000
    official = (*FILES, "k8s_audit_rules.yaml")
    print(f"\nRules: {CAPTURE.name}; all official files loaded in {taken(lambda: load(official)):.2f} s (held to 1 s)")
    found = [in_its_own_process(name, least) for name in SETS]
    sizes = [f"{size // 1024} k a batch" for size in BATCHES]
    table(
        ["evaluation, events/s/core", *sizes, *(f"{size}, all new" for size in sizes)],
        [[one.name, *(f"{speed:,.0f}" for speed in (*one.speeds, *one.fresh))] for one in found],
    )
    table(
        ["from JSON lines, events/s/core", "reading alone", "reading and judging", "MiB above the lines"],
        [[one.name, f"{one.reading:,.0f}", f"{one.whole:,.0f}", f"{one.resident:,.0f}"] for one in found],
    )
    print(f"  {beside()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
