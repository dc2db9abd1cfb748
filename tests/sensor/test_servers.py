"""Real servers in real containers, learned and then kept from everything else, with the agent as people run it.

Each goes on doing what it learned: it answers, reloads and checkpoints in prevent mode, and its new replicas start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sensor.boxes import needs_runc
from tests.sensor.test_daemon import Running, until

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import servers

pytestmark = needs_runc
LEARN, WATCH = 10.0, 4.0
RELOADS = {"nginx": signal.SIGHUP, "postgres": signal.SIGHUP}


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Callable[[str], servers.Pod]]:
    made: list[servers.Pod] = []
    images: dict[str, Path] = {}

    def start(name: str) -> servers.Pod:
        server = servers.SERVERS[name]
        if lack := servers.lacking() or server.lacking:
            pytest.skip(f"no {lack}")
        try:
            images[name] = images.get(name) or servers.image(server, tmp_path / "images")
            pod = servers.Pod(server, images[name], tmp_path, f"{name}-7d9c5b8f6d-{len(made)}")
        except subprocess.CalledProcessError as refused:
            pytest.skip(f"no such container here: {refused}")
        made.append(pod)
        return pod.start()

    yield start
    for pod in made:
        pod.stop()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path, learn_for=LEARN)
    yield made
    if made.process.poll() is None:
        made.end()


def work(pod: servers.Pod, seconds: float) -> int:
    """Call it, reload it, call it; how many rounds failed."""
    failed = pod.load(seconds / 2, 0.1)
    if pod.server.name in RELOADS:
        os.kill(pod.pid, RELOADS[pod.server.name])
        time.sleep(0.5)
    return failed + pod.load(seconds / 2, 0.1)


@pytest.mark.parametrize("name", ["nginx", "postgres", "front"])
def test_a_server_does_what_it_learned_and_nothing_else(
    name: str, pods: Callable[[str], servers.Pod], agent: Running
) -> None:
    first = pods(name)
    subject = first.server.subject
    time.sleep(2)
    work(first, LEARN)
    until(lambda: agent.mode(subject) == "alert", 20)

    def told() -> list[dict[str, Any]]:
        return [alert for alert in agent.alerts if alert["subject"] == subject]

    second = pods(name)
    time.sleep(2)
    assert work(first, WATCH) + work(second, WATCH) == 0
    assert [alert["title"] for alert in told()] == []

    began = time.monotonic()
    first.enter("/bin/sh", "-c", "cat /etc/shadow")
    until(told, 3)
    assert time.monotonic() - began < 1.5

    assert agent.ask("set", subject, "prevent")["refused"] == []
    for n in range(20):
        assert first.enter("/bin/sh", "-c", f"echo > /mnt/{n}").returncode
    assert not list((first.place / "rootfs/mnt").iterdir())
    stopped = len(told())
    third = pods(name)
    time.sleep(2)
    assert work(first, WATCH) + work(third, WATCH) == 0
    assert first.alive()
    assert second.alive()
    assert third.alive()
    assert [
        alert["title"] for alert in told()[stopped:] if alert["action"] == "stopped" and "entered" not in alert["title"]
    ] == []
    assert agent.mode(subject) == "prevent"
