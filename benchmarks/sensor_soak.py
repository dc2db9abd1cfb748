"""How long the sensor holds: forbidden programs by the thousand, floods of new facts, kills of the agent, new pods.

    forbid   a server in prevent mode tries to run what it never ran; how many ran
    facts    new facts a second, while learning; how many were lost
    kills    the agent is killed at random times, while one server is attacked and another one learns
    pods     new pods of known servers, under load; how many alerts

Needs root and what sensor_recording.py needs. Exits 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import servers
from servers import SERVERS, Pod

from plimsoll import errors
from plimsoll.sensor import control
from plimsoll.sensor.agent import Settings

NAMESPACE = "soak"
WATCHED = 6
"""Workloads that the flood of facts is spread over: a profile holds 16,384."""


class Agent:
    """An agent in a process of its own, and the alerts it told."""

    def __init__(self, place: Path) -> None:
        self._place, self._socket, self.pin = place, place / "socket", Path(f"/sys/fs/bpf/plimsoll-soak-{os.getpid()}")
        self._settings = Settings(
            profile=str(place / "profile"), socket=str(self._socket), pin=str(self.pin), max_silence=0, learn_for=1e6
        )
        self.alerts: list[dict[str, Any]] = []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-P", "-m", "plimsoll.sensor.daemon", msgspec.json.encode(self._settings).decode()]
        with (self._place / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        until = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise SystemExit(f"The agent does not start: {(self._place / 'agent.log').read_text()[-300:]}")
            time.sleep(0.05)

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            self.alerts.extend(msgspec.json.decode(line) for line in lines if line.endswith(b"\n"))

    def _answers(self) -> bool:
        with contextlib.suppress(errors.PlimsollError):
            return bool(self.status()["coverage"])
        return False

    def status(self) -> Any:
        """Its status."""
        return control.ask(control.Question("status"), self._socket)

    def of(self, name: str) -> dict[str, Any]:
        """The status of one workload."""
        return next((row for row in self.status()["workloads"] if f"/{name}:" in row["subject"]), {"facts": 0})

    def rest(self, patience: float = 120) -> None:
        """Wait until it has read all there is: on a busy machine it may be behind."""
        until, seen = time.monotonic() + patience, -1
        while seen != (seen := self.status()["events"]) and time.monotonic() < until:
            time.sleep(2)

    def switch(self, glob: str, mode: str) -> None:
        """Switch workloads to a mode, without a budget of stops."""
        control.ask(control.Question("set", glob, mode, (), 0), self._socket)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        self._process.send_signal(how)
        self._process.wait(60)
        self._reader.join()


class Stage:
    """Images, pods and an agent; all gone in the end."""

    def __init__(self, place: Path) -> None:
        self._place, self._images, self._pods = place, dict[str, Path](), list[Pod]()
        (place / "images").mkdir()
        self.agent = Agent(place)
        self.agent.start()

    def image(self, name: str) -> Path:
        """The image of a server, made once."""
        if name not in self._images:
            self._images[name] = servers.image(SERVERS[name], self._place / "images")
        return self._images[name]

    def pod(self, name: str, workload: str = "") -> Pod:
        """Start a pod of a server, as a workload of another name if so wished."""
        server = SERVERS[name]._replace(name=workload or name, namespace=NAMESPACE)
        pod = Pod(server, self.image(name), self._place, f"{server.name}-{len(self._pods)}").start()
        self._pods.append(pod)
        return pod

    def end(self) -> None:
        """Leave nothing behind."""
        self.agent.end()
        for pod in self._pods:
            pod.stop()
        shutil.rmtree(self.agent.pin, ignore_errors=True)


def told(pod: Pod, code: str) -> None:
    """Let the application run Python: its hole is how we drive it."""
    words = "".join(f"%{byte:02x}" for byte in f"exec({code!r})".encode())
    with pod.network(), socket.create_connection((servers.ADDRESS, 8000), 600) as to:
        to.sendall(f"GET /calculate?what={words} HTTP/1.0\r\n\r\n".encode())
        assert to.recv(99).startswith(b"HTTP/1.0 200"), "the application failed"


def learned(pod: Pod, seconds: float = 3) -> None:
    """Let it be learned under load."""
    time.sleep(1)
    pod.load(seconds, 0.1)
    # What the drivers need; they are no news later.
    told(pod, "import os, time, random\nwith open('/data/x', 'w'): pass")
    time.sleep(1)


FORBIDDEN = """
import os
for n in range({begin}, {end}):
    child = os.fork()
    if not child:
        try: os.execv('/bin/touch', ['touch', '/data/foreign-%d' % n])
        finally: os._exit(1)
    os.waitpid(child, 0)
"""


def foreign(pod: Pod) -> int:
    """How many forbidden programs ran."""
    return len(list((pod.place / "rootfs/data").glob("foreign-*")))


def forbid(stage: Stage, attempts: int) -> tuple[str, bool]:
    """Try to run what was never run."""
    pod = stage.pod("front", "forbid")
    learned(pod)
    stage.agent.switch("*/forbid:*", "prevent")
    time.sleep(1)
    began = time.monotonic()
    told(pod, FORBIDDEN.format(begin=0, end=attempts))
    took, ran = time.monotonic() - began, foreign(pod)
    time.sleep(6)  # counters are taken over every five seconds
    row = stage.agent.of("forbid")
    alive = not pod.load(1, 0.1)
    pod.stop()
    text = f"{attempts:,} forbidden programs in {took:.0f} s: {ran} ran, {row['stopped']:,} stopped; the server {'answers' if alive else 'is gone'}"
    return text, not ran and row["stopped"] == attempts and alive


OPENING = """
import time
names, began = {names!r}, time.monotonic()
for n, name in enumerate(names):
    while n > (time.monotonic() - began) * {rate}: time.sleep(0.001)
    with open('/etc/' + name): pass
"""


def words(number: int) -> list[str]:
    """Different names without digits, so that each is a fact of its own."""
    letters = string.ascii_lowercase
    return ["n" + "".join(letters[n // 26**power % 26] for power in range(4)) for n in range(number)]


def named(pod: Pod, names: list[str]) -> None:
    """Put files of these names under /etc, where every name is told apart."""
    for name in names:
        (pod.place / "rootfs/etc" / name).touch()


def flooded(pod: Pod, names: list[str], rate: float) -> None:
    """Let it read all of them, so many a second."""
    for begin in range(0, len(names), 500):  # as many as a request's line may hold
        told(pod, OPENING.format(names=names[begin : begin + 500], rate=rate))


def facts(stage: Stage, rate: int, seconds: float) -> tuple[str, bool]:
    """New facts by the second, while learning."""
    pods = [stage.pod("front", f"flood{letter}") for letter in string.ascii_lowercase[:WATCHED]]
    names = words(int(rate * seconds / WATCHED))
    for pod in pods:
        named(pod, names)
        learned(pod, 1)
    before = {pod.server.name: stage.agent.of(pod.server.name)["facts"] for pod in pods}
    drops = stage.agent.status()["drops"]
    began = time.monotonic()
    with ThreadPoolExecutor(WATCHED) as crew:
        list(crew.map(lambda pod: flooded(pod, names, rate / WATCHED), pods))
    took = time.monotonic() - began
    stage.agent.rest()
    new = sum(stage.agent.of(name)["facts"] - count for name, count in before.items())
    status = stage.agent.status()
    lost, why = status["drops"] - drops, ", ".join(f"{count} {why}" for why, count in status["losses"].items())
    for pod in pods:
        pod.stop()
    wanted = len(names) * WATCHED
    text = (
        f"{wanted:,} new facts in {took:.0f} s ({wanted / took:,.0f}/s): {max(0, wanted - new):,} not learned, {lost:,} events lost"
        + (f" ({why})" if why else "")
    )
    return text, new >= wanted and not lost


def kills(stage: Stage, times: int) -> tuple[str, bool]:
    """Kill the agent at random times, while one server is attacked and another one learns."""
    attacked, learning = stage.pod("front", "attacked"), stage.pod("front", "learning")
    names = words(times * 100)
    named(learning, names)
    for pod in (attacked, learning):
        learned(pod)
    stage.agent.switch("*/attacked:*", "prevent")
    time.sleep(1)
    known = {name: stage.agent.of(name)["facts"] for name in ("attacked", "learning")}
    done, attempts, wrong = threading.Event(), [0], 0

    def attack() -> None:
        while not done.is_set():
            told(attacked, FORBIDDEN.format(begin=attempts[0], end=attempts[0] + 20))
            attempts[0] += 20
            time.sleep(0.05)

    crew = [threading.Thread(target=attack), threading.Thread(target=flooded, args=(learning, names, 50))]
    for one in crew:
        one.start()
    for _ in range(times):
        time.sleep(random.uniform(0, 1.5))
        stage.agent.end(signal.SIGKILL)
        time.sleep(random.uniform(0, 0.5))
        stage.agent.start()
        rows = [stage.agent.of(name) for name in known]
        wrong += rows[0].get("mode") != "prevent" or any(
            row["facts"] < count for row, count in zip(rows, known.values(), strict=True)
        )
    done.set()
    for one in crew:
        one.join()
    stage.agent.rest()
    ran, lost = foreign(attacked), len(names) + known["learning"] - stage.agent.of("learning")["facts"]
    alive = sum(not pod.load(1, 0.1) for pod in (attacked, learning))
    for pod in (attacked, learning):
        pod.stop()
    text = f"{times} kills of the agent: {ran} of {attempts[0]:,} forbidden programs ran, {max(0, lost)} of {len(names):,} facts lost, {wrong} restarts without mode or facts, {alive}/2 servers answer"
    return text, not ran and lost <= 0 and not wrong and alive == 2


def pods(stage: Stage, number: int, seconds: float) -> tuple[str, bool]:
    """New pods of known servers, under load."""
    for name in SERVERS:
        for _ in range(2):
            pod = stage.pod(name)
            time.sleep(2)
            pod.load(8, 0.2)
            pod.stop()
    stage.agent.switch(f"{NAMESPACE}/*", "alert")
    time.sleep(1)
    stage.agent.alerts.clear()
    failed = 0
    for n in range(number):
        pod = stage.pod(list(SERVERS)[n % len(SERVERS)])
        time.sleep(2)
        failed += pod.load(seconds, 0.2)
        pod.stop()
    time.sleep(2)
    false = [alert for alert in stage.agent.alerts if alert["subject"].startswith(f"{NAMESPACE}/")]
    for alert in false:
        print(f"  {alert['subject']}: {alert['title']}; {'; '.join(alert['why'])}")
    text = f"{number} new pods of {len(SERVERS)} servers: {len(false)} false alarms, {failed} calls failed"
    return text, not false and not failed


@contextlib.contextmanager
def staged() -> Iterator[Stage]:
    """A stage of one's own, so that no part disturbs the next."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-soak-", ignore_cleanup_errors=True) as place:
        stage = Stage(Path(place))
        try:
            yield stage
        finally:
            stage.end()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="forbid, facts, kills, pods; all of them without")
    parser.add_argument("--attempts", type=int, default=20_000, help="forbidden programs")
    parser.add_argument("--rate", type=int, default=1_000, help="new facts a second")
    parser.add_argument("--seconds", type=float, default=60, help="length of the flood of facts")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--pods", type=int, default=50)
    parser.add_argument("--load", type=float, default=30, help="seconds of load on each pod")
    options = parser.parse_args()
    lack = servers.lacking() or "; ".join(server.lacking for server in SERVERS.values() if server.lacking)
    if lack:
        print(f"The sensor cannot be put to the test here: {lack}.")
        return 0
    parts: dict[str, Callable[[Stage], tuple[str, bool]]] = {
        "forbid": lambda stage: forbid(stage, options.attempts),
        "facts": lambda stage: facts(stage, options.rate, options.seconds),
        "kills": lambda stage: kills(stage, options.kills),
        "pods": lambda stage: pods(stage, options.pods, options.load),
    }
    missed = 0
    for name in options.parts or parts:
        with staged() as stage:
            text, good = parts[name](stage)
        missed += not good
        print(f"{name:<7} {'ok   ' if good else 'MISS '} {text}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
