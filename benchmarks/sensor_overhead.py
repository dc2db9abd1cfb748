"""What the sensor costs: nanoseconds a system call, redis, a walk over files, with and without it in random order.

`off` is a kernel without our programs, `bare` has empty ones at the same system calls: what no sensor on tracepoints
goes below. `beside` has ours but watches another container, `known` watches this one, which
does only what its profile knows. `stream` is the same programs told to judge nothing and send everything to user space,
as sensors do that keep no profile in the kernel; a thread reads it and drops it. Needs root, clang, busybox-static;
redis where redis-server is.
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
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from plimsoll.errors import PlimsollError
from plimsoll.sensor import building, libbpf, probes
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Mode

HERE = Path(__file__).parent
MODES = ("off", "bare", "beside", "known", "stream")


class Call(NamedTuple):
    """What is done so many times on end, and that so many times."""

    count: int
    argument: str
    times: int


CALLS = {
    "untouched": Call(5_000, "-", 200),
    "open": Call(500, "/etc/hosts", 200),
    "exec": Call(3, "/bin/true", 60),
    "connect": Call(2_000, "-", 100),
    "walk": Call(1, "/usr/include/linux", 25),
}
"""The fastest time counts: what else the machine does only ever adds, and less often to what is short."""
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
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *command: str, **more: object) -> subprocess.Popen[str]:
        """Start a program with mounts of its own, then put it into the group.

        Another sensor on this node, whose cost is not ours, judges nobody who has not executed inside.
        """
        process: subprocess.Popen[str] = subprocess.Popen(["unshare", "-m", *command], text=True, **more)  # type: ignore[call-overload]
        self._started.append(process)
        time.sleep(0.5)
        (self.folder / "cgroup.procs").write_text(str(process.pid))
        return process

    def remove(self) -> None:
        """End who is in it and remove it."""
        for process in self._started:
            process.kill()
            process.wait()
        with contextlib.suppress(OSError):
            self.folder.rmdir()


class Stage(NamedTuple):
    """Who is measured."""

    group: Group
    worker: subprocess.Popen[str]
    port: int
    """Redis's; 0 = none."""
    streaming: Path
    """The programs that judge nothing."""
    bare: Path
    """The programs that do nothing."""
    heard: Heard


class Heard:
    """What a thread read of a kernel's events, and dropped."""

    def __init__(self) -> None:
        self.events, self.lost, self.seconds = 0, 0, 0.0

    @contextlib.contextmanager
    def of(self, kernel: Kernel) -> Iterator[None]:
        """Read while this lasts."""
        done = threading.Event()
        thread = threading.Thread(target=self._read, args=(kernel, done))
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.lost += sum(kernel.losses().values())

    def _read(self, kernel: Kernel, done: threading.Event) -> None:
        while not done.is_set():
            self.events += len(kernel.read(0.05))
        self.seconds += time.thread_time()


@contextlib.contextmanager
def bare(programs: Path) -> Iterator[None]:
    """Empty programs where the sensor has its own: at the exits of system calls."""
    loaded = libbpf.Object(programs)
    files = probes.Group(
        "bare",
        (),
        {"on_open": tuple(name for one in probes.GROUPS for names in one.tracepoints.values() for name in names)},
    )
    links = [link for _, link in probes.attach(files, loaded.programs, set())]
    yield
    for link in links:
        link.destroy()
    loaded.close()


@contextlib.contextmanager
def watched(mode: str, stage: Stage) -> Iterator[None]:
    """The kernel in one of the modes."""
    if mode in ("off", "bare"):
        with bare(stage.bare) if mode == "bare" else contextlib.nullcontext():
            yield
        return
    built = building.OBJECT
    building.OBJECT = stage.streaming if mode == "stream" else built
    try:
        kernel = Kernel(pin=None)
    finally:
        building.OBJECT = built
    if lack := [one.reason for one in kernel.coverage if not one.working and one.name != "pinning"]:
        raise PlimsollError(f"{mode}: {lack[0]}")
    kernel.control(enforce=True, max_silence=0, default_mode=Mode.OFF)
    kernel.running()
    if mode != "beside":
        kernel.bind(stage.group.key, PROFILE, Mode.LEARN)
    heard = stage.heard if mode == "stream" else Heard()
    with heard.of(kernel):
        yield
    kernel.close()


def warm(stage: Stage) -> None:
    """Do everything twice: learned at the first time, known at the next."""
    for what, call in [*CALLS.items()] * 2:
        asked(stage.worker, what, call._replace(count=min(call.count, 10)))


def asked(worker: subprocess.Popen[str], what: str, call: Call) -> float:
    """Nanoseconds of one call."""
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(f"{what} {call.count} {call.argument}\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def redis(port: int) -> float:
    """Microseconds of one SET and one GET."""
    command = ["redis-benchmark", "-p", str(port), "-n", "60000", "-t", "set,get", "--csv"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    return sum(1e6 / float(line.split(",")[1].strip('"')) for line in lines)


def round_of(mode: str, stage: Stage) -> dict[str, float]:
    """One measurement of everything in a mode."""
    with watched(mode, stage):
        warm(stage)
        found = {what: min(asked(stage.worker, what, call) for _ in range(call.times)) for what, call in CALLS.items()}
        if stage.port:
            found["redis"] = redis(stage.port)
    return found


def report(found: dict[str, dict[str, list[float]]]) -> None:
    """Print what each mode adds: the median over rounds of the difference to `off` of the same round."""
    print(f"{'':>10} {'off':>12}" + "".join(f"{mode:>20}" for mode in MODES[1:]) + "   limit (known)")
    for what, by_mode in found.items():
        base = statistics.median(by_mode["off"])
        cells = ""
        for mode in MODES[1:]:
            added = statistics.median(on - off for on, off in zip(by_mode[mode], by_mode["off"], strict=True))
            cells += f"{added:+11.3g}{added / base:+9.1%}"
        print(f"{what:>10} {base:12.4g}{cells}   {LIMITS.get(what, '')}")


def lacking() -> str:
    """Why nothing can be measured here, empty where it can."""
    if os.geteuid() or not shutil.which("clang") or not Path("/bin/busybox").exists():
        return "The sensor's cost is measured as root, with clang and busybox-static."
    return building.build()


@contextlib.contextmanager
def staged() -> Iterator[Stage]:
    """A process to measure, in a group of its own, and a redis beside it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as last:
        binary, streaming, empty = Path(folder) / "calls", Path(folder) / "stream.o", Path(folder) / "bare.o"
        subprocess.run(["clang", "-O2", "-o", str(binary), str(HERE / "sensor_calls.c")], check=True)
        source = HERE / "sensor_bare.bpf.c"
        subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-c", str(source), "-o", str(empty)], check=True)
        if lack := building.compiled(streaming, "STREAM=1"):
            raise PlimsollError(lack)
        group = Group()
        last.callback(group.remove)
        worker = group.start(str(binary), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        port = 7379 if shutil.which("redis-benchmark") and shutil.which("redis-server") else 0
        if port:
            group.start("redis-server", "--port", str(port), "--save", "", stdout=subprocess.DEVNULL)
            time.sleep(1)
        yield Stage(group, worker, port, streaming, empty, Heard())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    options = parser.parse_args()
    if lack := lacking():
        print(lack)
        return 0
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    try:
        with staged() as stage:
            for _ in range(3 if options.quick else options.rounds):
                for mode in random.sample(MODES, len(MODES)):
                    for what, value in round_of(mode, stage).items():
                        found[what][mode].append(value)
    except PlimsollError as error:
        print(error)
        return 0
    print("Nanoseconds a call or a walk over /usr/include/linux, microseconds a SET and a GET; medians.")
    report(found)
    heard = stage.heard
    print(f"stream: {heard.events:,} events read in {heard.seconds:.1f} s of a processor, {heard.lost:,} lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
