"""Falco's official rules on the largest recorded capture: loading, reading JSON lines, evaluating columns, and all of it."""

from __future__ import annotations

import gc
import gzip
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
from measure import table

from plimsoll import flow_rules
from plimsoll.rules import columns, ruleset, run
from plimsoll.sources import falco_events

FALCO = Path(__file__).resolve().parents[2] / "shared" / "data" / "falco"
CAPTURE = FALCO / "events" / "generated_pods-benign.jsonl.gz"
FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
SETS = {"default, first match": (FILES[:1], True), "three files, all": (FILES, False)}
BATCHES = (4_096, 65_536)


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


def evaluated(engine: run.Engine, frame: pl.DataFrame, size: int, least: int, *, first: bool) -> float:
    parts = list(batches(frame, size, least))
    rows = sum(part.height for part in parts)
    return rows / taken(lambda: [engine.matches(part, first=first) for part in parts])


def main() -> int:
    if not CAPTURE.exists():
        print("rules: the recorded captures (../shared/data/falco) are not here")
        return 0
    gc.set_threshold(100_000, 50, 50)  # as the command line does
    least = 200_000 if "--quick" in sys.argv else 1_000_000
    lines = gzip.decompress(CAPTURE.read_bytes()).splitlines()
    official = (*FILES, "k8s_audit_rules.yaml")
    print(
        f"\nRules: {len(lines):,} events, {sum(map(len, lines)) / len(lines):,.0f} bytes each; all official files loaded in {taken(lambda: load(official)):.2f} s"
    )
    rows: list[list[str]] = []
    for name, (files, first) in SETS.items():
        rules = load(files)
        room = flow_rules.Room("falco_events", rules)
        wanted = {column: columns.dtype(column, "syscall") for column in room.engine.columns}
        frame = falco_events.Wide(wanted, lambda _: True).parse(lines, 1).events
        speeds = [evaluated(run.Engine(rules, "syscall"), frame, size, least, first=first) for size in BATCHES]
        reading = len(lines) / taken(lambda room=room: room.source.parse(lines, 1))
        whole = flow_rules.Room("falco_events", rules)

        def end_to_end(whole: flow_rules.Room = whole, first: bool = first) -> None:
            for at in range(0, len(lines), 1 << 14):
                list(whole.alerts(whole.source.parse(lines[at : at + (1 << 14)], 1).events, first=first))

        rows.append([name, *(f"{speed:,.0f}" for speed in (*speeds, reading, len(lines) / taken(end_to_end)))])
    table(
        [
            "events/s/core",
            *(f"columns, batches of {size // 1024} k" for size in BATCHES),
            "JSON lines read",
            "JSON lines to alerts",
        ],
        rows,
    )
    print(
        f"  resident memory at its peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB (the capture and its columns held whole)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
