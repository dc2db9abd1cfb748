from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from plimsoll import cli, flow_profile
from tests.server import senders
from tests.test_flow_serve import habit, theft

CODE = "import sys; from plimsoll import cli; sys.argv[0] = 'plimsoll'; cli.main()"


class Process:
    """`plimsoll serve` as a process of its own."""

    def __init__(self, *options: object, before: str = "") -> None:
        """`before` is code that the process runs first."""
        command = [
            sys.executable,
            "-c",
            before + CODE,
            "serve",
            "--listen",
            "127.0.0.1:0",
            "-o",
            "jsonl",
            *map(str, options),
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr
        said = self.process.stderr.readline()
        assert "listening on" in said, said + self.process.stderr.read()
        self.sender = senders.Sender(said.split()[-1])
        self.told: list[tuple[float, dict[str, Any]]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.told.append((time.monotonic(), json.loads(line)))

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.sender.close()
        self._thread.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return code

    def wait_for_alerts(self, count: int, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while len(self.told) < count and time.monotonic() < until:
            time.sleep(0.01)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def started(stack: ExitStack, *options: object, before: str = "") -> Process:
    made = Process(*options, before=before)
    stack.callback(lambda: made.process.poll() is None and made.end(signal.SIGKILL))
    return made


def test_a_stolen_token_is_named_within_two_seconds_of_its_first_request(stack: ExitStack, tmp_path: Path) -> None:
    serving = started(stack, "--profile", habit(tmp_path))
    serving.sender.post("/k8s-audit", senders.event_list(*map(senders.event, range(1000, 1400))))
    deadline = time.monotonic() + 20
    while 'plimsoll_lag_bytes{door="audit"} 0.0' not in serving.sender.get("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    begun = time.monotonic()
    assert serving.sender.post("/k8s-audit", senders.event_list(theft(1400))).status == 200
    serving.wait_for_alerts(1)
    at, alert = serving.told[0]
    assert at - begun < 2
    assert alert["subject"] == "sa:ci/deployer"
    assert alert["evidence"][0] in ("id-1400", {"auditID": "id-1400"})
    assert serving.end(signal.SIGTERM) == 0


def test_nothing_acknowledged_is_lost_however_often_it_is_killed(stack: ExitStack, tmp_path: Path) -> None:
    """A sender like the API server's: what was not acknowledged it sends again. What was learned is counted."""
    chance, number, acknowledged, profile = random.Random(7), 0, set[int](), tmp_path / "profile"
    for _ in range(4):
        serving = started(stack, "--profile", profile, "--learn")
        threading.Timer(chance.uniform(0.3, 1.5), serving.process.kill).start()
        try:
            while True:
                batch = range(number, number + chance.randrange(1, 40))
                if serving.sender.post("/k8s-audit", senders.event_list(*map(named, batch))).status == 200:
                    acknowledged |= set(batch)
                    number = batch.stop
        except (OSError, ValueError, HTTPException):
            serving.end(signal.SIGKILL)
    serving = started(stack, "--profile", profile, "--learn")
    deadline = time.monotonic() + 30
    while 'plimsoll_lag_bytes{door="audit"} 0.0' not in serving.sender.get("/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    serving.end(signal.SIGTERM)
    asked = flow_profile.known(profile).filter(verb="request")
    assert len(acknowledged) > 100
    assert asked["count"].sum() >= len(acknowledged)
    # Batches that were written and not acknowledged were sent again, and known again.
    assert asked["count"].sum() <= len(acknowledged) + 40


FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
"""A disk that takes no more than this of a file."""


def test_a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing(stack: ExitStack, tmp_path: Path) -> None:
    serving = started(stack, "--journal", tmp_path / "received", before=FULL)
    answers = [
        serving.sender.post("/sensor", b"\n".join(map(senders.sensor_alert, range(n, n + 50))))
        for n in range(0, 1000, 50)
    ]
    kept = [n * 50 for n, answer in enumerate(answers) if answer.status == 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert kept
    assert {(answer.status, answer.headers.get("retry-after")) for answer in refused} == {(429, "15")}
    serving.end(signal.SIGKILL)
    told = {alert["id"] for _, alert in serving.told}
    serving = started(stack, "--journal", tmp_path / "received")
    assert serving.sender.post("/sensor", senders.sensor_alert(5000)).status == 200
    deadline = time.monotonic() + 20
    wanted = {f"a{number}" for first in kept for number in range(first, first + 50)} | {"a5000"}
    while not wanted <= told and time.monotonic() < deadline:
        told |= {alert["id"] for _, alert in serving.told}
        time.sleep(0.05)
    assert wanted <= told


def named(number: int) -> dict[str, Any]:
    return senders.event(number, user={"username": f"user{number % 7}", "groups": ["system:authenticated"]})


def test_an_interrupted_server_says_so(stack: ExitStack, tmp_path: Path) -> None:
    assert started(stack, "--journal", tmp_path / "received").end(signal.SIGINT) == cli.INTERRUPTED


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--journal", "{}", "--listen", "0.0.0.0:0"],
        ["--journal", "{}", "--listen", "nowhere"],
        ["--journal", "{}", "--certificate", "{}/absent.pem", "--key", "{}/absent.pem"],
        ["--journal", "{}", "--token-file", "{}/absent"],
        ["--profile", "{}/absent"],
    ],
)
def test_what_cannot_work_is_one_line_and_exit_code_2(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["serve", *(option.replace("{}", str(tmp_path)) for option in options)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
