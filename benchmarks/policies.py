"""From flows to policies: seconds of processor and memory for growing numbers of connections.

    python benchmarks/policies.py            1 M and 10 M connections of 400 workloads
    python benchmarks/policies.py --hundred  100 M connections of 5,000 workloads too
    python benchmarks/policies.py 250000     so many

Lines are what `conntrack -E -o timestamp,extended,id` prints: each connection of its own ports and time; each
workload calls five others. All sizes are of one week. They come through a pipe, so that no size needs a disk; each
runs in a process of its own. Nothing is projected: a size that did not run has no line.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

START = 1_793_577_600
WEEK = 7 * 86_400
BLOCK = 100_000
CALLED = 5


def objects(apps: int) -> dict[str, object]:
    items: list[dict[str, object]] = []
    for number in range(apps):
        name, space = f"app-{number}", f"team-{number % 20}"
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5d8f7c", "controller": True}
        labels = {"app.kubernetes.io/name": name, "pod-template-hash": "5d8f7c"}
        metadata = {"name": f"{name}-5d8f7c-abcde", "namespace": space, "labels": labels, "ownerReferences": [owner]}
        containers = [{"name": "app", "ports": [{"containerPort": 8080, "protocol": "TCP"}]}]
        status = {"phase": "Running", "podIP": address(number), "hostIP": "192.168.77.1"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
        items.append({**pod, "status": status})
    return {"apiVersion": "v1", "kind": "List", "items": items}


def address(app: int) -> str:
    return f"10.{244 + app // 50_000}.{app // 200 % 250}.{app % 200 + 2}"


def ends(apps: int) -> list[tuple[str, str]]:
    chance = random.Random(5)
    edges = [(src, dst) for src in range(apps) for dst in chance.sample(range(apps), CALLED) if dst != src]
    return [(address(src), address(dst)) for src, dst in edges]


def write(out: IO[str], flows: int, apps: int) -> None:
    pairs = ends(apps)
    for low in range(0, flows, BLOCK):
        out.writelines(
            line(number, START + WEEK * number / flows, *pairs[number % len(pairs)])
            for number in range(low, min(low + BLOCK, flows))
        )


def line(number: int, at: float, source: str, destination: str) -> str:
    port = 32_768 + number % 28_000
    return (
        f"[{at:.6f}]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src={source} dst={destination} "
        f"sport={port} dport=8080 [UNREPLIED] src={destination} dst={source} sport=8080 dport={port} id={number}\n"
    )


def measured(flows: int, apps: int) -> None:
    """Run the command as a user does, from its start to files that are proven; what writes its input does not count."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "objects.json").write_text(json.dumps(objects(apps)))
        given = ["policies", "generate", "-", "--objects", str(folder / "objects.json"), "-o", str(folder / "out")]
        command = [str(Path(sys.executable).with_name("plimsoll")), *given, "--report", "json"]
        start = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdin is not None
            write(running.stdin, flows, apps)
            told = json.loads(running.communicate()[0])
        wall, used = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert told["replayed"]["denied"] == []
    print(
        f"{flows:,} connections, {apps:,} workloads: {used.ru_utime + used.ru_stime:.1f} s of processor, {wall:.1f} s, "
        f"{used.ru_maxrss / 1024:.0f} MiB at most; {told['replayed']['allowed']:,} allowed when replayed",
        flush=True,
    )


def main() -> None:
    told = [int(one) for one in sys.argv[1:] if one.isdigit()]
    if len(told) == 1:
        measured(told[0], 400)
        return
    if len(told) == 2:
        measured(*told)
        return
    sizes = [(1_000_000, 400), (10_000_000, 400), *([(100_000_000, 5_000)] if "--hundred" in sys.argv else [])]
    for flows, apps in sizes:
        subprocess.run([sys.executable, __file__, str(flows), str(apps)], check=True)


if __name__ == "__main__":
    main()
