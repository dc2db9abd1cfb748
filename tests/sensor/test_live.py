"""Falco's rules on a real container: they speak each time, also of what the profile has known for long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from plimsoll.sensor import pins
from plimsoll.sensor.agent import Settings
from tests.sensor.boxes import Box, needs_runc
from tests.test_live import RULES


@needs_runc
def test_a_rule_speaks_of_what_the_profile_knows(tmp_path: Path) -> None:
    box = Box(tmp_path, f"plimsoll-live-{os.getpid()}", "while true; do /bin/cat /etc/shadow; /bin/sleep 0.3; done")
    pin = Path(f"/sys/fs/bpf/plimsoll-live-{os.getpid()}")
    settings = Settings(profile=str(tmp_path / "profile"), socket=str(tmp_path / "s"), pin=str(pin), learn_for=4.0)
    rules = tmp_path / "r.yaml"
    rules.write_text(RULES)
    script = (
        "import sys, msgspec; from plimsoll import flow_rules, live; from plimsoll.sensor.agent import Settings;"
        "sys.exit(live.run(msgspec.json.decode(sys.argv[1], type=Settings), flow_rules.read([sys.argv[2]]), sys.stdout.buffer))"
    )
    command = [sys.executable, "-c", script, msgspec.json.encode(settings).decode(), str(rules)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    told: list[dict[str, Any]] = []

    def read() -> None:
        assert running.stdout
        with running.stdout as lines:
            told.extend(json.loads(line) for line in lines)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "s").exists() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(1)
        box.start()
        time.sleep(8)
        box.run("/bin/sh -c true")
        box.shell("i=0; while [ $i -lt 9000 ]; do echo > /data/$i; i=$((i+1)); done")
        time.sleep(7)
    finally:
        box.stop()
        running.send_signal(signal.SIGTERM)
        running.wait(30)
        reader.join()
        for profile in pin.glob("*"):
            pins.remove_all(profile)
        pin.rmdir()
    by_rule = [one["rule"] for one in told if "rule" in one]
    assert by_rule.count("Shadow was read") > 8  # each time, though learned long ago
    assert "A shell was started" in by_rule
    ours = [one for one in told if box.name in one.get("subject", "")]
    assert [one for one in ours if "/bin/sh" in one["title"]]
    assert not [one for one in ours if "shadow" in one["title"]]
    [lost] = [one for one in ours if one["kind"] == "loss"]  # nobody hides in a flood
    assert lost["node"]
