"""Audit events over HTTP: what a batch of the webhook costs the server, received only, and received and judged.

    python benchmarks/receiver.py [--quick] [--runs N]

Figures are processor time (user and system) of the server's process, from the second batch on, so that its start and the
loading of the profile do not count. The bare parse of the same events in the same run stands beside them, since the
machine's other work slows all of it. Runs are interleaved, figures are medians.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import audit_log
import measure

PER_SECOND = 60_000
"""What we hold ourselves to, received and judged."""
BATCH = 400  # --audit-webhook-batch-max-size
BARE = Path(__file__).with_name("bare_parse.py")
TICK = os.sysconf("SC_CLK_TCK")


class Figures(NamedTuple):
    """What one run took."""

    cpu: float
    wall: float
    mib: float


def receive(folder: Path) -> None:
    """Serve the audit door alone, with nobody who judges; until killed."""
    from plimsoll.server import app, aside, doors, guard, journal, listening, meters  # noqa: PLC0415

    door, meter = doors.DOORS[0], meters.Meters()
    kept = journal.Journal(folder / door.name, door.name, quota=1 << 40)
    receiver = app.Receiver(door, kept, aside.Aside(folder / "rejects"), meter, guard.Token(None), app.Room())
    listener = listening.Listener(app.application([receiver], meter), ("127.0.0.1", 0), guard.Access())
    listener.start()
    print(f"listening on {listener.url}", file=sys.stderr, flush=True)
    time.sleep(3600)


def bodies(log: Path) -> Iterator[bytes]:
    """Yield the events of a log as the webhook posts them."""
    with log.open("rb") as lines:
        while batch := [line.rstrip() for line in itertools.islice(lines, BATCH)]:
            head = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
            yield head + b",".join(batch) + b"]}\n"


@contextmanager
def serving(*command: object) -> Iterator[tuple[int, http.client.HTTPConnection]]:
    """Run a server; give its process and a connection to it."""
    child = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert child.stderr  # it is a pipe
    where = urlsplit(child.stderr.readline().split()[-1])
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    try:
        yield child.pid, connection
    finally:
        connection.close()
        child.kill()
        child.wait()
        child.stderr.close()


def run(log: Path, *command: object, judged: bool) -> Figures:
    """Post a log to a server and return what that took it, until all was acknowledged, and judged where it judges."""
    with serving(*command) as (pid, connection):
        batches = bodies(log)
        post(connection, next(batches))
        settle(connection, judged=judged)
        cpu, begun = used(pid), time.monotonic()
        for batch in batches:
            post(connection, batch)
        settle(connection, judged=judged)
        return Figures(used(pid) - cpu, time.monotonic() - begun, peak(pid))


def post(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/k8s-audit?timeout=30s", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.read() and answer.status == 429:
        time.sleep(0.2)
        post(connection, body)
    elif answer.status != 200:
        sys.exit(f"status {answer.status}")


def settle(connection: http.client.HTTPConnection, *, judged: bool) -> None:
    """Wait until all that was received is judged."""
    while judged:
        connection.request("GET", "/metrics")
        if b'plimsoll_lag_bytes{door="audit"} 0.0' in connection.getresponse().read():
            return
        time.sleep(0.2)


def used(pid: int) -> float:
    """Return the seconds of processors that a process has used, by proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak(pid: int) -> float:
    """Return the peak of a process's resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


def compare(events: int, runs: int) -> None:
    """Print what the events cost to parse, to receive, and to receive and judge."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        one, learned, log = place / "one.log", place / "learned.log", place / "judged.log"
        audit_log.write(one, 1, first_day=0, days=20)
        audit_log.write(learned, events, first_day=0, days=20)
        audit_log.write(log, events, first_day=20, days=2)
        measure.run(measure.PLIMSOLL, "learn", learned, "--profile", place / "profile")
        serve = (measure.PLIMSOLL, "serve", "--listen", "127.0.0.1:0", "-o", "jsonl", "--quota", 1 << 20)
        bare, received, judged = list[float](), list[Figures](), list[Figures]()
        for number in range(runs):
            bare.append(measure.run(sys.executable, BARE, log).cpu - measure.run(sys.executable, BARE, one).cpu)
            received.append(run(log, sys.executable, __file__, "--receive", place / f"only{number}", judged=False))
            judging = (*serve, "--profile", place / "profile", "--journal", place / f"journal{number}")
            judged.append(run(log, *judging, judged=True))
    posted = events - BATCH
    rows = [("msgspec alone, a line an event", *told(events, statistics.median(bare))), *(
        (name, *told(posted, statistics.median(one.cpu for one in found)), f"{posted / statistics.median(one.wall for one in found):,.0f}", f"{max(one.mib for one in found):.0f}")
        for name, found in (("received", received), ("received and judged", judged))
    )]  # fmt: skip
    print(f"\n{events:,} audit events in batches of {BATCH} over HTTP")
    measure.table(
        ("", "events/s per core", "µs an event", "events/s", "peak MiB"), [(*row, "", "")[:5] for row in rows]
    )
    whole = posted / statistics.median(one.cpu for one in judged)
    print(f"  {'meets' if whole >= PER_SECOND else 'misses'} {PER_SECOND:,} events/s per core, received and judged")


def told(events: int, seconds: float) -> tuple[str, str]:
    return f"{events / seconds:,.0f}", f"{seconds / events * 1e6:.2f}"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--receive"]:
        receive(Path(sys.argv[2]))
    else:
        options = argparse.ArgumentParser()
        options.add_argument("--quick", action="store_true")
        options.add_argument("--runs", type=int, default=3)
        given = options.parse_args()
        compare(40_000 if given.quick else 200_000, 1 if given.quick else given.runs)
