"""What the sensor costs: nanoseconds a system call, redis, a walk over files, with and without it in random order.

`off` is a kernel without our programs, `beside` has them but watches another container, `known` watches this one, which
does only what its profile knows. Needs root, a C compiler, busybox-static; redis where redis-server is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from plimsoll.errors import PlimsollError
from plimsoll.sensor import probes
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Mode

HERE = Path(__file__).parent
MODES = ("off", "beside", "known")
CALLS = {
    "untouched": (300_000, "-"),
    "open": (30_000, "/etc/hosts"),
    "exec": (40, "/bin/true"),
    "connect": (30_000, "-"),
    "walk": (1, "/usr/include/linux"),
}
"""How often at a time, and on what."""
TIMES = 9
"""Of so many the fastest counts: what else the machine does only ever adds."""
LIMITS = {"untouched": "≤ 25 ns", "open": "≤ 250 ns", "exec": "≤ 5 %", "walk": "≤ 5 %", "redis": "within noise"}
PROFILE = 1


class Group:
    """A control group of our own, and who runs in it with mounts of its own: what the sensor takes for a container."""

    def __init__(self) -> None:
        root = probes.cgroup_root()
        assert root, "needs cgroup v2"
        self.folder = root / f"plimsoll-bench-{os.getpid()}"
        self.folder.mkdir()
        self.key = self.folder.stat().st_ino

    def start(self, *command: str, **more: object) -> subprocess.Popen[str]:
        """Start a program with mounts of its own, then put it into the group.

        Another sensor on this node, whose cost is not ours, judges nobody who has not executed inside.
        """
        process: subprocess.Popen[str] = subprocess.Popen(["unshare", "-m", *command], text=True, **more)  # type: ignore[call-overload]
        time.sleep(0.5)
        (self.folder / "cgroup.procs").write_text(str(process.pid))
        return process

    def remove(self) -> None:
        """Remove it, where everybody has left."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


@contextlib.contextmanager
def watched(mode: str, group: Group) -> Iterator[Kernel | None]:
    """The kernel in one of the modes."""
    if mode == "off":
        yield None
        return
    kernel = Kernel(pin=None)
    kernel.control(enforce=True, max_silence=0, default_mode=Mode.OFF)
    kernel.running()
    if mode == "known":
        kernel.bind(group.key, PROFILE, Mode.LEARN)
    yield kernel
    kernel.close()


def asked(worker: subprocess.Popen[str], what: str, count: int, argument: str) -> float:
    """Nanoseconds of one call."""
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(f"{what} {count} {argument}\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def redis(port: int) -> float:
    """Microseconds of one SET and one GET."""
    command = ["redis-benchmark", "-p", str(port), "-n", "60000", "-t", "set,get", "--csv"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return sum(1e6 / float(line.split(",")[1].strip('"')) for line in lines)


def round_of(mode: str, group: Group, worker: subprocess.Popen[str], port: int) -> dict[str, float]:
    """One measurement of everything in a mode."""
    with watched(mode, group) as kernel:
        for _ in range(2):  # learned at the first time
            for what, (count, argument) in CALLS.items():
                asked(worker, what, min(count, 10), argument)
        while kernel and kernel.poll(0):
            pass
        found = {what: min(asked(worker, what, *call) for _ in range(TIMES)) for what, call in CALLS.items()}
        if port:
            found["redis"] = redis(port)
    return found


def report(found: dict[str, dict[str, list[float]]]) -> None:
    """Print what each mode adds: the median over rounds of the difference to `off` of the same round."""
    print(f"{'':>10} {'off':>12} {'beside':>20} {'known':>20}   limit")
    for what, by_mode in found.items():
        base = statistics.median(by_mode["off"])
        cells = []
        for mode in MODES[1:]:
            added = statistics.median(on - off for on, off in zip(by_mode[mode], by_mode["off"], strict=True))
            cells.append(f"{added:+10.3g} {added / base:+8.1%}")
        print(f"{what:>10} {base:12.4g} {cells[0]:>20} {cells[1]:>20}   {LIMITS.get(what, '')}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    options = parser.parse_args()
    compiler = shutil.which("cc") or shutil.which("clang")
    if os.geteuid() or not compiler or not Path("/bin/busybox").exists():
        print("The sensor's cost is measured as root, with a C compiler and busybox-static.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "calls"
        subprocess.run([compiler, "-O2", "-o", str(binary), str(HERE / "sensor_calls.c")], check=True)
        group = Group()
        worker = group.start(str(binary), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = 7379 if shutil.which("redis-benchmark") and shutil.which("redis-server") else 0
        server = (
            group.start("redis-server", "--port", str(port), "--save", "", stdout=subprocess.DEVNULL) if port else None
        )
        time.sleep(1)
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        try:
            for _ in range(3 if options.quick else options.rounds):
                for mode in random.sample(MODES, len(MODES)):
                    for what, value in round_of(mode, group, worker, port).items():
                        found[what][mode].append(value)
        except PlimsollError as error:
            print(error)
            return 0
        finally:
            for process in filter(None, (worker, server)):
                process.kill()
                process.wait()
            group.remove()
    print("Nanoseconds a call or a walk over /usr/include/linux, microseconds a SET and a GET; medians.")
    report(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
