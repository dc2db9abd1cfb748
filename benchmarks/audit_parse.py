"""Reading an audit log into the audit table, beside msgspec alone decoding the same file and keeping nothing.

Each is a process of its own; what the same process costs on one line is taken off, so that starting Python and
loading the engine do not count.

    python benchmarks/audit_parse.py [--quick]
    python benchmarks/audit_parse.py FILE        only reads FILE
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from pathlib import Path

import audit_log
import measure

HERE = Path(__file__)
READERS = {
    "msgspec alone, every field typed": HERE.with_name("bare_parse.py"),
    "plimsoll, to the audit table": HERE,
}
BATCH = 1 << 14  # as sources.reading
RUNS = 3


def read(path: Path) -> None:
    """Read a log as `learn` does: a run of lines at a time."""
    from plimsoll.sources import k8s_audit  # noqa: PLC0415  the measuring process stays small

    number = 1
    with path.open("rb") as file:
        while lines := list(itertools.islice(file, BATCH)):
            parsed = k8s_audit.parse(lines, number)
            number += parsed.accepted
            if parsed.rejects:
                sys.exit(f"{parsed.rejects[0]}")


def compare(events: int) -> None:
    """Print what each reader takes for a log of so many events, and for ten times as many in memory."""
    with tempfile.TemporaryDirectory() as folder:
        logs = {many: Path(folder, f"{many}.log") for many in (1, events // 10, events)}
        for many, path in logs.items():
            audit_log.write(path, many, first_day=0, days=20)
        size = logs[events].stat().st_size / events
        rows = [(name, *figures(reader, logs, events)) for name, reader in READERS.items()]
    print(f"\nReading {events:,} Metadata-level audit events of {size / 1000:.1f} kB")
    measure.table(("", "events/s per core", "µs an event", "peak MiB", "peak MiB of a tenth"), rows)


def figures(reader: Path, logs: dict[int, Path], events: int) -> tuple[str, ...]:
    """Return what a reader takes, in words."""
    costs = {
        many: [measure.run(sys.executable, reader, path) for _ in range(RUNS if many != events // 10 else 1)]
        for many, path in logs.items()
    }
    seconds = min(cost.cpu for cost in costs[events]) - min(cost.cpu for cost in costs[1])
    peak, tenth = (max(cost.mib for cost in costs[many]) for many in (events, events // 10))
    return f"{events / seconds:,.0f}", f"{seconds / events * 1e6:.2f}", f"{peak:.0f}", f"{tenth:.0f}"


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        read(Path(sys.argv[1]))
    else:
        compare(50_000 if "--quick" in sys.argv else 400_000)
