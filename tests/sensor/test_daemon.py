"""The agent as people run it, on real containers: learned, told within a second, stopped, and gone without a trace."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll import errors
from plimsoll.sensor import control, pins
from plimsoll.sensor.agent import Settings
from tests.sensor.boxes import Box, needs_runc

pytestmark = needs_runc


class Running:
    """An agent in a process of its own, and what it printed."""

    def __init__(self, place: Path, **settings: Any) -> None:
        self.socket, self.pin = place / "s", Path(f"/sys/fs/bpf/plimsoll-run-{os.getpid()}")
        made = Settings(profile=str(place / "profile"), socket=str(self.socket), pin=str(self.pin), **settings)
        log = (place / "err").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "plimsoll.sensor.daemon", msgspec.json.encode(made).decode()],
            stdout=subprocess.PIPE,
            stderr=log,
        )
        log.close()
        self.alerts: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        until(self.answers, 60)

    def answers(self) -> bool:
        with contextlib.suppress(errors.PlimsollError):
            return bool(self.status()["coverage"])
        return False

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.alerts.append(msgspec.json.decode(line))

    def ask(self, *question: Any, **more: Any) -> Any:
        return control.ask(control.Question(*question, **more), self.socket)

    def status(self) -> Any:
        return self.ask("status")

    def workloads(self, box: Box) -> list[dict[str, Any]]:
        return [one for one in self.status()["workloads"] if box.name in one["subject"]]

    def mode(self, subject: str) -> str:
        rows = self.ask("get", subject)
        return rows[0]["mode"] if rows else ""

    def of(self, box: Box) -> list[dict[str, Any]]:
        return [alert for alert in self.alerts if box.name in alert["subject"]]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(30)
        self._reader.join()
        return code


def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    made: list[Running] = []

    def start(**settings: Any) -> Running:
        made.append(Running(tmp_path, **settings))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)
    for pin in {one.pin for one in made}:
        for profile in pin.glob("*"):
            pins.remove_all(profile)
        pin.rmdir()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(
        tmp_path, f"plimsoll-run-{os.getpid()}", "while true; do /bin/touch /data/temp-$$.x; /bin/sleep 0.2; done"
    )
    yield made
    made.stop()


def test_a_container_is_learned_told_of_and_stopped(run: Callable[..., Running], box: Box) -> None:
    agent = run(learn_for=3.0)
    subject = f"host/Container/{box.name}"
    box.start()
    until(lambda: agent.mode(subject) == "alert", 30)
    time.sleep(1)
    assert agent.of(box) == []

    box.run("/bin/cat /etc/shadow")
    until(lambda: any("/etc/shadow" in " ".join(alert["why"]) for alert in agent.of(box)), 2)
    assert agent.of(box)[0]["action"] == "would-stop"

    agent.ask("set", f"{subject}*", "prevent")
    for n in range(30):
        box.run(f"/bin/cp /bin/true /data/foreign-{n}")
    assert not list((box.root / "data").glob("foreign-*"))
    until(lambda: any(alert["action"] == "stopped" for alert in agent.of(box)))
    (row,) = agent.workloads(box)
    assert row["stopped"] == 30
    assert row["facts"] > 3
    assert agent.end() == 0
    assert not agent.socket.exists()
    assert box.run("/bin/cp /bin/true /data/free").returncode == 0


def test_an_agent_that_is_killed_leaves_its_workloads_stopped_and_forgets_nothing(
    run: Callable[..., Running], box: Box
) -> None:
    agent = run(learn_for=3.0)
    subject = f"host/Container/{box.name}"
    box.start()
    until(lambda: agent.mode(subject) == "alert", 30)
    agent.ask("set", f"{subject}*", "prevent")
    before = agent.workloads(box)
    agent.end(signal.SIGKILL)
    box.run("/bin/cp /bin/true /data/foreign")
    again = run(learn_for=3.0)
    box.run("/bin/cp /bin/true /data/foreign")
    assert not (box.root / "data/foreign").exists()
    after = again.workloads(box)
    assert after
    assert [(one["subject"], one["mode"]) for one in after] == [(one["subject"], one["mode"]) for one in before]
    assert all(now["facts"] >= then["facts"] for now, then in zip(after, before, strict=True))


def test_two_agents_do_not_share_a_host(run: Callable[..., Running], tmp_path: Path) -> None:
    run()
    made = Settings(profile=str(tmp_path / "other"), socket=str(tmp_path / "s"))
    second = subprocess.run(
        [sys.executable, "-P", "-m", "plimsoll.sensor.daemon", msgspec.json.encode(made).decode()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert "another sensor runs here" in second.stderr


def test_a_false_alarm_is_allowed_in_place_and_the_glass_can_be_broken(run: Callable[..., Running], box: Box) -> None:
    agent = run(learn_for=3.0)
    subject = f"host/Container/{box.name}"
    box.start()
    until(lambda: agent.mode(subject) == "alert", 30)
    agent.ask("set", f"{subject}*", "prevent", by="ada")
    assert box.run("/bin/cp /bin/true /data/one").returncode
    until(lambda: agent.ask("news", f"{subject}*"))
    (row,) = [one for one in agent.ask("news", f"{subject}*") if one["verb"] == "exec"]
    assert row["object"] == "/bin/cp"
    agent.ask("allow", f"{subject}*", facts=(row["id"],), by="ada")
    assert box.run("/bin/cp /bin/true /data/two").returncode == 0
    assert (box.root / "data/two").exists()
    agent.ask("disallow", f"{subject}*", facts=(row["id"],), by="ada")
    assert box.run("/bin/cp /bin/true /data/three").returncode
    agent.ask("break-glass", by="ada")
    assert box.run("/bin/cp /bin/true /data/four").returncode == 0
    agent.ask("lift", by="ada")
    assert box.run("/bin/cp /bin/true /data/five").returncode
    assert sorted(path.name for path in (box.root / "data").iterdir() if "temp" not in path.name) == ["four", "two"]
    did = [one["did"] for one in agent.ask("decisions")]
    assert did[:2] == ["lift", "break-glass"]
    assert {"allow", "disallow", "mode prevent"} <= set(did)


def test_prevention_that_ends_a_container_is_taken_back(run: Callable[..., Running], box: Box) -> None:
    agent = run(learn_for=3.0)
    subject = f"host/Container/{box.name}"
    go = box.root / "data/go"
    box.stop()
    config = box.folder / "config.json"
    spec = msgspec.json.decode(config.read_bytes())
    spec["process"]["args"][2] = (
        "while [ ! -e /data/go ]; do /bin/touch /data/x; /bin/sleep 0.1; done; /bin/cp /bin/true /data/y || exit 1"
    )
    config.write_bytes(msgspec.json.encode(spec))
    box.start()
    until(lambda: agent.mode(subject) == "alert", 30)
    agent.ask("set", f"{subject}*", "prevent")
    go.touch()
    until(lambda: [alert for alert in agent.of(box) if alert["action"] == "stopped"])
    box.stop()  # the runtime clears away what has ended
    until(lambda: agent.mode(subject) == "alert")
    assert not (box.root / "data/y").exists()
    until(lambda: any("prevention did it harm" in alert["title"] for alert in agent.of(box)))
