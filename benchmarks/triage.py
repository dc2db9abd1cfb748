"""Triage: alerts a second in batch, the time of one decision, and what a certificate costs.

A made-up day: 40 rules of Falco's and of others at 150 workloads, noise that repeats, bursts, and people's shells
with tickets. One in ten signatures was called harmless before, so that gates, evidence and muting are all at work.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import measure

from plimsoll.triage import certificate, excuses, judging, reading
from plimsoll.triage.excuses import Statement

START = 1_790_000_000
RULES, WORKLOADS = 40, 150


def alerts(count: int, day: int) -> list[bytes]:
    dice = random.Random(day)
    step = 86_400 / count
    return [_alert(dice, number, START + day * 86_400 + number * step) for number in range(count)]


def _alert(dice: random.Random, number: int, when: float) -> bytes:
    workload = int(dice.paretovariate(1.2)) % WORKLOADS
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + f".{number % 1_000_000:06d}Z"
    fields = {
        "k8s.ns.name": f"ns{workload % 9}",
        "k8s.pod.name": f"app{workload}-7d9c5b8f6d-x2k4q",
        "container.image.repository": f"registry/app{workload % 45}",
        "proc.exepath": f"/usr/bin/tool{workload % 7}",
        "proc.pexepath": "/usr/bin/app",
        "proc.cmdline": f"tool --job {number}",
        "fd.sip": "10.96.0.1",
        "fd.sport": 443,
    }
    row = {
        "uuid": f"{when:.0f}-{number}",
        "time": moment,
        "priority": dice.choice(["Notice", "Notice", "Warning", "Error"]),
    }
    row |= {
        "rule": f"Rule {dice.randrange(RULES)}",
        "output": "x" * 120,
        "hostname": f"node-{workload % 14}",
        "tags": [],
    }
    if number % 5_000 == 0:
        row["rule"], fields["user.loginname"] = "Terminal shell in container", "bob"
    return json.dumps(row | {"source": "syscall", "output_fields": fields}).encode()


def context() -> excuses.Context:
    made = (START - 90_000) * 1_000_000
    held = {
        "creator": "ann",
        "approver": "eve",
        "created": made,
        "approved": made,
        "fetched": (START + 10**7) * 1_000_000,
    }
    return excuses.Context(
        Statement("ticket", str(number), scope=(f"ns1/Deployment/app{number}",), allows=("shell",), **held)
        for number in range(500)
    )


def learned(count: int) -> judging.Judge:
    judge = judging.Judge()
    judge.hear(context())
    judge.take(map(reading.read, alerts(count, 0)))
    for number, case in enumerate(list(judge.memory.cases)):
        if number % 10:
            judge.answer(case, "benign", "ann", at=judge.memory.clock)
    return judge


def decisions(judge: judging.Judge, lines: list[bytes]) -> tuple[list[int], float, float]:
    """Return the processor nanoseconds of each decision, and seconds to read and to judge them all."""
    took = []
    for line in lines[: len(lines) // 4]:
        begun = time.thread_time_ns()
        judge.take([reading.read(line)])
        took.append(time.thread_time_ns() - begun)
    rest = lines[len(lines) // 4 :]
    begun = time.thread_time()
    seen = [reading.read(line) for line in rest]
    read = time.thread_time() - begun
    begun = time.thread_time()
    judge.take(seen)
    return took, read, time.thread_time() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    count, runs = (20_000, 1) if wanted.quick else (100_000, wanted.runs)
    judge = learned(count // 5)
    lines = alerts(count, 1)
    took, read, judged = decisions(judge, lines)
    took.sort()
    rest = len(lines) - len(took)
    print("| one decision, read and judged | CPU µs |\n|---|---:|")
    for name, share in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        print(f"| {name} | {took[int(len(took) * share)] / 1_000:,.0f} |")
    print(f"\n{rest / read:,.0f} alerts/CPU s read, {rest / judged:,.0f} judged, {rest / (read + judged):,.0f} both")
    begun = time.thread_time()
    told = certificate.certify(judge, day=1, entries=1)
    print(f"certificate of {2 * told.share.campaigns:,} campaigns: {time.thread_time() - begun:.2f} CPU s")
    print(_whole(lines, runs))
    p99 = took[int(len(took) * 0.99)] / 1e6
    return 0 if p99 <= 2.0 and rest / (read + judged) >= 20_000 else 1


def _whole(lines: list[bytes], runs: int) -> str:
    costs = []
    with tempfile.TemporaryDirectory() as place:
        file, one = Path(place, "alerts.jsonl"), Path(place, "one.jsonl")
        file.write_bytes(b"\n".join(lines))
        one.write_bytes(lines[0])
        for number in range(runs):
            for path in (one, file):
                command = (
                    measure.PLIMSOLL,
                    "triage",
                    "run",
                    path,
                    "--state",
                    Path(place, f"{path.stem}{number}"),
                    "-o",
                    "jsonl",
                )
                costs.append(measure.run(*command))
    start, whole = measure.median(costs[::2]), measure.median(costs[1::2])
    rate = len(lines) / (whole.cpu - start.cpu)
    return f"`triage run` of {len(lines):,} alerts: {rate:,.0f} alerts/CPU s without {start.cpu:.1f} s to start, {whole.mib:,.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
