"""Audit logs from files: what `plimsoll learn` and `plimsoll detect` cost an event, on each engine, start to end.

    python benchmarks/audit.py [--quick] [--runs N]

Every figure is of whole processes: seconds of processors (user and system), and memory at its peak. The start-up cost,
that of a log with one event, is shown and taken off. Runs are interleaved, figures are medians. The bare parse of
the same file in the same run stands beside them, since the machine's other work slows both.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import audit_log
import measure

PER_SECOND, GROWTH = 100_000, 1.2
"""What we hold ourselves to: events a second of processor, and memory for ten times the file."""
LEARN_DAYS, DETECT_DAYS = 20, 2
BARE = Path(__file__).with_name("bare_parse.py")


class Plan(NamedTuple):
    """How much is measured."""

    whole: int
    """Events of the large log; the small one has a tenth."""
    runs: dict[str, int]
    """Of each engine."""
    skipped: dict[str, str]
    """Why an engine is not measured."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Events of the logs: one for the start-up cost, the small, the large."""
        return 1, self.whole // 10, self.whole

    def of(self, engine: str) -> tuple[int, ...]:
        """Return the logs an engine is measured on: Spark takes minutes for the large one."""
        return self.sizes[:2] if engine == "spark" else self.sizes


Costs = dict[tuple[str, str, int], list[measure.Cost]]
"""By engine (or bare), verb and number of events."""


def plan(*, quick: bool, runs: int) -> Plan:
    """Return what to measure: Spark once, as it takes half a minute to come and go."""
    skipped = {} if importlib.util.find_spec("duckdb") else {"duckdb": "not installed"}
    if reason := _no_spark(quick=quick):
        skipped["spark"] = reason
    wanted = {"polars": runs, "duckdb": runs, "spark": 1}
    return Plan(60_000 if quick else 300_000, {name: n for name, n in wanted.items() if name not in skipped}, skipped)


def _no_spark(*, quick: bool) -> str:
    if importlib.util.find_spec("pyspark") is None:
        return "not installed"
    return "no Java" if shutil.which("java") is None else "--quick" if quick else ""


def logs(work: Path, sizes: tuple[int, ...]) -> None:
    """Write the logs to learn from, and of the days after them the ones to judge, with a few thefts."""
    for size in sizes:
        audit_log.write(_log(work, "learn", size), size, first_day=0, days=LEARN_DAYS)
        audit_log.write(_log(work, "detect", size), size, first_day=LEARN_DAYS, days=DETECT_DAYS, thefts=min(size, 3))


def _log(work: Path, verb: str, size: int) -> Path:
    return work / f"{verb}-{size}.log"


def measured(work: Path, wanted: Plan) -> Costs:
    """Run everything, round by round."""
    costs: Costs = defaultdict(list)
    for turn in range(max(wanted.runs.values())):
        for size in wanted.sizes:
            for verb in ("learn", "detect"):
                costs["bare", verb, size].append(measure.run(sys.executable, BARE, _log(work, verb, size)))
            for engine in (name for name, runs in wanted.runs.items() if turn < runs and size in wanted.of(name)):
                profile = work / "profile"
                for verb in ("learn", "detect"):
                    command = (verb, _log(work, verb, size), "--profile", profile, "--engine", engine, "-o", "jsonl")
                    costs[engine, verb, size].append(measure.run(measure.PLIMSOLL, *command))
                shutil.rmtree(profile)
    return costs


def show(work: Path, wanted: Plan, costs: Costs) -> None:
    """Print the table of each engine and verb, and the limits."""
    _, small, large = wanted.sizes
    bytes_each = _log(work, "learn", large).stat().st_size / large
    print(f"\nAudit, Metadata level, {bytes_each:,.0f} bytes an event; {large:,} events and a tenth of them\n")
    heads = [
        "engine",
        "verb",
        "runs",
        "events",
        "start-up CPU s",
        "events/CPU s",
        "bare parse",
        "of it",
        f"≥ {PER_SECOND:,}",
    ]
    heads += [f"MiB, {small:,}", f"MiB, {large:,}", "growth", f"≤ {GROWTH}"]
    rows = [_row(costs, engine, verb, wanted) for engine in wanted.runs for verb in ("learn", "detect")]
    measure.table(heads, rows)
    for engine, reason in wanted.skipped.items():
        print(f"  {engine}: skipped ({reason})")


def _row(costs: Costs, engine: str, verb: str, wanted: Plan) -> list[str]:
    one, *larger = (measure.median(costs[engine, verb, size]) for size in wanted.of(engine))
    events = wanted.of(engine)[-1]
    rate, bare = _rate(costs, engine, verb, events), _rate(costs, "bare", verb, events)
    return [
        *(engine, verb, str(len(costs[engine, verb, events])), f"{events:,}", f"{one.cpu:.2f}"),
        *(f"{rate:,.0f}", f"{bare:,.0f}", f"{rate / bare:.2f}", _mark(within=rate >= PER_SECOND)),
        *_memory(*(cost.mib for cost in larger)),
    ]


def _memory(small: float, large: float | None = None) -> tuple[str, ...]:
    if large is None:
        return f"{small:,.0f}", "", "", ""
    return f"{small:,.0f}", f"{large:,.0f}", f"{large / small:.2f}", _mark(within=large / small <= GROWTH)


def _rate(costs: Costs, engine: str, verb: str, events: int) -> float:
    spent = measure.median(costs[engine, verb, events]).cpu - measure.median(costs[engine, verb, 1]).cpu
    return events / max(spent, 1e-3)


def _mark(*, within: bool) -> str:
    return "ok" if within else "short"


def show_start(work: Path, wanted: Plan, runs: int) -> None:
    """Print how long it takes until something is there: the import, and the alert of one stolen token."""
    profile, size = work / "kept", wanted.whole
    measure.run(measure.PLIMSOLL, "learn", _log(work, "learn", size), "--profile", profile)
    detect = ("detect", _log(work, "detect", 1), "--profile", profile, "-o", "jsonl")
    commands = {
        "Python alone": (sys.executable, "-c", "pass"),
        "import of the command line": (sys.executable, "-c", "import plimsoll.cli"),
        "plimsoll detect: alert for one event": (measure.PLIMSOLL, *detect),
    }
    costs = defaultdict(list)
    for _ in range(runs):
        for name, command in commands.items():
            costs[name].append(measure.run(*command))
    print(f"\nTime to the first result; profile of {size:,} events, medians of {runs} runs\n")
    rows = [
        [name, f"{cost.first:.2f}", f"{cost.cpu:.2f}"]
        for name, cost in zip(costs, map(measure.median, costs.values()), strict=True)
    ]
    measure.table(["", "s on the clock", "CPU s"], rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="a fifth of the events, one run, without Spark")
    options.add_argument("--runs", type=int, default=3, help="runs of each; Spark runs once, on the small log")
    given = options.parse_args()
    runs = 1 if given.quick else max(1, given.runs)
    wanted = plan(quick=given.quick, runs=runs)
    with tempfile.TemporaryDirectory(prefix="plimsoll-benchmark-") as folder:
        work = Path(folder)
        logs(work, wanted.sizes)
        show(work, wanted, measured(work, wanted))
        show_start(work, wanted, max(3, runs))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as failed:
        sys.exit(f"benchmarks/audit.py: {failed}")
