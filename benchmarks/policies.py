"""From flows to policies: seconds of processor and memory for growing numbers of connections.

    python benchmarks/policies.py            1 M and 10 M connections of 400 workloads
    python benchmarks/policies.py --hundred  100 M connections of 5,000 workloads too
    python benchmarks/policies.py 250000     so many

Lines are what `conntrack -E -o timestamp,extended,id` prints: each connection of its own ports and time; each
workload calls five others. They are written to files of five million each, which count as much as one; each size runs in a
process of its own, from its start to files that are proven. Nothing is projected: a size that did not run has no line.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

START = 1_793_577_600
PART = 5_000_000
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


def written(folder: Path, flows: int, apps: int) -> Iterator[Path]:
    chance = random.Random(5)
    edges = [(src, dst) for src in range(apps) for dst in chance.sample(range(apps), CALLED) if dst != src]
    ends = [(address(src), address(dst)) for src, dst in edges]
    for part in range(-(-flows // PART)):
        path = folder / f"conntrack-{part}.log"
        with path.open("w") as out:
            last = min(flows, (part + 1) * PART)
            for low in range(part * PART, last, BLOCK):
                out.writelines(line(number, *ends[number % len(ends)]) for number in range(low, min(low + BLOCK, last)))
        yield path


def line(number: int, source: str, destination: str) -> str:
    port = 32_768 + number % 28_000
    return (
        f"[{START + number / 10:.6f}]\t    [NEW] ipv4     2 tcp      6 120 SYN_SENT src={source} dst={destination} "
        f"sport={port} dport=8080 [UNREPLIED] src={destination} dst={source} sport=8080 dport={port} id={number}\n"
    )


def measured(flows: int, apps: int) -> None:
    """Write the input, then run the command as a user does; of its processes only the last counts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "objects.json").write_text(json.dumps(objects(apps)))
        files = [str(path) for path in written(folder, flows, apps)]
        given = ["policies", "generate", *files, "--objects", str(folder / "objects.json"), "-o", str(folder / "out")]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = [str(Path(sys.executable).with_name("plimsoll")), *given, "--report", "json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        told = json.loads(done.stdout)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert told["replayed"]["denied"] == []
    print(
        f"{flows:,} connections, {apps:,} workloads: {seconds:.1f} s of processor, {wall:.1f} s, "
        f"{after.ru_maxrss / 1024:.0f} MiB at most; {told['replayed']['allowed']:,} allowed when replayed",
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
