"""Falco's rules beside the node agent: its alerts are handed on, its rows judged."""

from __future__ import annotations

import io
import os
import threading
import time
from typing import Any

import msgspec
import pytest

from plimsoll import live
from plimsoll.rules import ruleset

RULES = """
- rule: A shell was started
  desc: d
  condition: evt.type = execve and proc.name = sh and container.id != host
  output: a shell (command=%proc.cmdline container=%container.name)
  priority: NOTICE
- rule: Shadow was read
  desc: d
  condition: evt.type in (open, openat) and evt.is_open_read = true and fd.name = /etc/shadow
  output: shadow was read by %proc.name
  priority: WARNING
"""


def loaded() -> ruleset.Ruleset:
    found = ruleset.load([("r.yaml", RULES)])
    assert found.loads
    return found


def row(**more: Any) -> bytes:
    told = {"evt_num": 7, "time": "2026-03-02T10:00:00Z", "evt_source": "plimsoll", "evt_type": "execve", "proc_name": "sh",
            "proc_cmdline": "sh -c id", "container_id": "abc", "container_name": "redis"} | more  # fmt: skip
    return msgspec.json.encode(told)


def test_the_sensor_is_asked_for_what_the_rules_need() -> None:
    asked = live.asked(loaded())
    assert {"execve", "open", "openat"} <= set(asked.events)
    assert asked.read.paths == ("/etc/shadow",)
    assert not asked.read.any


def test_rows_are_judged_and_what_is_no_row_is_counted() -> None:
    judge = live.Judge(loaded(), first=True)
    (alert,) = judge.alerts([row(), b"{", row(proc_name="cat"), row(evt_type="openat", fd_name="/etc/passwd")])
    assert alert["rule"] == "A shell was started"
    assert (
        alert["output"].endswith("a shell (command=sh -c id container=redis)") or "command=sh -c id" in alert["output"]
    )
    assert (judge.rows, judge.rejected) == (4, 1)


def test_alerts_and_rows_come_through_pipes_until_both_are_closed() -> None:
    (alerts, give_alerts), (rows, give_rows) = os.pipe(), os.pipe()
    os.write(give_alerts, b'{"subject":"s"}\n{"sub')
    os.write(give_rows, row() + b"\n" + row()[:20])

    def later() -> None:
        time.sleep(0.5)
        os.write(give_alerts, b'ject":"t"}\n')
        os.write(give_rows, row()[20:] + b"\n")
        os.close(give_alerts)
        os.close(give_rows)

    thread = threading.Thread(target=later)
    thread.start()
    told: list[Any] = []
    out = io.BytesIO()
    live._follow(live.Lines(alerts), live.Lines(rows), live.Judge(loaded(), first=True), told.append, out)
    thread.join()
    os.close(alerts)
    os.close(rows)
    assert out.getvalue() == b'{"subject":"s"}\n{"subject":"t"}\n'
    assert [alert["rule"] for alert in told] == ["A shell was started"] * 2


def test_a_row_without_end_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONGEST", 10)
    (lines, give) = os.pipe()
    os.write(give, b"x" * 50)
    found = live.Lines(lines)
    assert found.read() == []
    os.write(give, b"\nend\n")
    assert found.read() == [b"", b"end"]
    os.close(give)
    assert found.read() is None
    os.close(lines)


def test_for_people_a_line_holds_nothing_that_steers_a_terminal() -> None:
    out = io.BytesIO()
    live._text(out, {"rule": "r", "output": "x\x1b[2J\ny"})
    assert out.getvalue() == b"r: x?[2J?y\n"
