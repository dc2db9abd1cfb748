"""A recording: every act of every container, as rows that learn reads."""

from __future__ import annotations

import io
from datetime import UTC
from typing import Any

from plimsoll import sources
from plimsoll.sensor import recorder
from plimsoll.sensor.shapes import Flag, Kind, Task
from plimsoll.sources import plimsoll_activity
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
