"""A recording: every act of every container, as rows that learn reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from plimsoll import flow_generate, sources
from plimsoll.sensor import recorder
from plimsoll.sensor.shapes import Flag, Kind, Task
from plimsoll.sources import plimsoll_activity
from tests.sensor.boxes import Box, needs_runc, resolver
from tests.sensor.fakes import START, FakeIdentities, FakeKernel, event, identity

OPEN = event(Kind.READ, "/etc/x", number=257, flags=Flag.NEW | Flag.PROVISIONAL)


def recorded(*events: Any, late: bool = False) -> list[bytes]:
    out, kernel, known = io.BytesIO(), FakeKernel(), FakeIdentities({1: identity()})
    known.late = {1} if late else set()
    made: Any = recorder.Recorder(kernel, known, out)  # type: ignore[arg-type]
    made.start()
    for one in events:
        made.take(one)
    known.late = set()
    made.close()
    return out.getvalue().splitlines()


def test_a_recording_is_a_source_like_any_other() -> None:
    lines = recorded(OPEN, event(Kind.LISTEN, local_port=6379, protocol="tcp"))
    assert sources.recognised(lines) == "plimsoll_activity"
    parsed = plimsoll_activity.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (2, [])
    row = parsed.events.row(0, named=True)
    assert (row["evt_num"], row["fd_name"], row["k8s_workload_name"], row["evt_source"]) == (
        1,
        "/etc/x",
        "redis",
        "plimsoll",
    )
    assert row["time"] == START.astimezone(UTC)


def test_what_happened_before_the_container_was_known_is_recorded_too() -> None:
    assert len(recorded(OPEN, OPEN, late=True)) == 2


def reply(name: bytes, address: bytes) -> bytes:
    """A name server's answer."""
    question = bytes([len(name)]) + name + b"\7example\0" + b"\0\1\0\1"
    return bytes(4) + b"\0\1\0\1" + bytes(4) + question + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + address


@pytest.mark.parametrize("late", [False, True])
def test_a_connection_has_the_name_that_its_container_was_told(late: bool) -> None:
    told = event(Kind.ANSWER, payload=reply(b"api", bytes([203, 0, 113, 7])))
    called = event(Kind.CONNECT, address="203.0.113.7", port=443, protocol="tcp")
    other = event(Kind.CONNECT, address="203.0.113.8", port=443, protocol="tcp")
    parsed = plimsoll_activity.parse(recorded(told, called, other, late=late), 1)
    assert parsed.events["evt_type"].to_list() == ["connect", "connect"]
    assert parsed.events["fd_sip_name"].to_list() == ["api.example", None]


def test_a_recording_alone_gives_a_policy_by_name(tmp_path: Path) -> None:
    told = event(Kind.ANSWER, payload=reply(b"api", bytes([203, 0, 113, 7])))
    called = event(Kind.CONNECT, address="203.0.113.7", port=443, protocol="tcp")
    (tmp_path / "recording.jsonl").write_bytes(b"\n".join(recorded(told, called)) + b"\n")
    who = identity()
    labels = {"app": "redis"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "redis"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    workload = {"apiVersion": "apps/v1", "kind": who.workload_kind, "spec": spec}
    workload["metadata"] = {"name": who.workload_name, "namespace": who.namespace}
    (tmp_path / "objects.json").write_bytes(msgspec.json.encode(workload))
    flow_generate.run(
        [str(tmp_path / "recording.jsonl")],
        [str(tmp_path / "objects.json")],
        tmp_path / "out",
        form=None,
        kind="cilium",
        progress=lambda _, __: None,
    )
    written = "".join(path.read_text() for path in tmp_path.glob("out/*/*.yaml"))
    assert 'matchName: "api.example"' in written


def test_a_container_that_is_gone_is_told_nothing_any_more() -> None:
    told = event(Kind.ANSWER, payload=reply(b"api", bytes([203, 0, 113, 7])))
    called = event(Kind.CONNECT, address="203.0.113.7", port=443, protocol="tcp")
    lines = recorded(told, event(Kind.GONE), called)
    assert all(b"fd_sip_name" not in line for line in lines)


def test_what_is_nobodys_is_not_recorded() -> None:
    assert recorded(event(Kind.READ, "/etc/x", container=9)) == []


def test_what_runs_already_is_recorded_without_judging() -> None:
    kernel = FakeKernel()
    kernel.tasks = [Task(7, 1, 0, 0, 0, 0, 1, "a", "/a", 1)]
    kernel.tasks.append(kernel.tasks[0]._replace(container=8))
    recorder.Recorder(kernel, FakeIdentities({7: identity()}), io.BytesIO()).start()  # type: ignore[arg-type]
    assert kernel.bindings[7].options != 0
    assert 8 not in kernel.bindings
    assert kernel.settings["enforce"] is False


@needs_runc
def test_a_real_container_is_recorded_with_the_names_it_asked_for(tmp_path: Path) -> None:
    script = "while true; do nslookup api.example 127.0.0.1; echo | busybox nc -w 1 203.0.113.7 443; sleep 1; done"
    box, server = Box(tmp_path, f"plimsoll-names-{os.getpid()}", script), None
    command = [sys.executable, "-c", "from plimsoll.cli import main; main()", "sensor", "record"]
    recording = subprocess.Popen([*command, str(tmp_path / "activity.jsonl"), "--for", "14s"])
    try:
        time.sleep(5)
        box.start()
        server = resolver(box, "127.0.0.1", "203.0.113.7")
        recording.wait(60)
    finally:
        recording.kill()
        recording.wait(10)
        if server:
            server.kill()
            server.wait(10)
        box.stop()
    lines = (tmp_path / "activity.jsonl").read_bytes().splitlines()
    events = plimsoll_activity.parse(lines, 1).events.filter(pl.col("fd_sip") == "203.0.113.7")
    assert "api.example" in set(events["fd_sip_name"])
