"""Falco's rules at work on what the node's sensor sees: the agent beside us, what it tells judged as it comes.

The agent is a process of its own and small; rules need a dataframe engine, so they live here. Two pipes lead from it
to us: its alerts, which are handed on, and all that containers do that rules ask for.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import msgspec

from plimsoll import flow_rules
from plimsoll.rules import columns, needs, ruleset
from plimsoll.sensor import wanted
from plimsoll.sensor.agent import Settings
from plimsoll.sources import records

FORMAT = "plimsoll_activity"
PAUSE = 0.2
"""Seconds in which rows gather before they are judged together."""
BATCH = 4096
CHUNK = 1 << 16
LONGEST = 1 << 20
"""Bytes of a row; one that is longer is none of ours."""


def asked(rules: ruleset.Ruleset) -> wanted.Wanted:
    """Return what the sensor is to tell for these rules.

    >>> text = "- {rule: r, desc: d, condition: evt.type = execve and proc.name = nc, output: o, priority: info}"
    >>> asked(ruleset.load([("r.yaml", text)])).events
    ('execve',)
    """
    found = needs.needs(rules, given=lambda column: columns.activity(column) is not None)
    return wanted.Wanted(tuple(sorted(found.events)), *map(_places, (found.read, found.write, found.change)))


def _places(places: needs.Places) -> wanted.Places:
    return wanted.Places(places.any, tuple(sorted(places.paths)), tuple(sorted(places.prefixes)))


class Judge:
    """Rules over rows of activity, batch by batch."""

    def __init__(self, rules: ruleset.Ruleset, *, first: bool) -> None:
        self._room, self._first = flow_rules.Room(FORMAT, rules), first
        self.rows = self.rejected = 0

    @property
    def lacking(self) -> dict[str, list[str]]:
        """Rules that cannot be evaluated, with the fields the sensor does not have."""
        return self._room.engine.lacking

    def alerts(self, lines: Sequence[bytes]) -> Iterator[flow_rules.Alert]:
        """Yield the alerts on these rows."""
        parsed: records.Parsed = self._room.source.parse(lines, self.rows + 1)
        self.rows += len(lines)
        self.rejected += len(parsed.rejects)
        yield from self._room.alerts(parsed.events, first=self._first)


class Lines:
    """The lines that come through a pipe."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> list[bytes] | None:
        """Return the lines that are whole by now; None at the end."""
        chunk = os.read(self.descriptor, CHUNK)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST:
            self._rest = b""
        return lines


def run(settings: Settings, rules: ruleset.Ruleset, out: BinaryIO, *, first: bool = True) -> int:
    """Run the agent and rules beside it until either ends; return the agent's exit code."""
    judge = Judge(rules, first=first)
    told, rows = os.pipe()
    handed = msgspec.structs.replace(settings, wanted=asked(rules), rows_to=rows)
    command = [sys.executable, "-P", "-m", "plimsoll.sensor.daemon", msgspec.json.encode(handed).decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(rows,)) as agent:  # noqa: S603  our own words
        os.close(rows)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.terminate())
        assert agent.stdout  # noqa: S101  asked for above
        write = _text if settings.output == "text" else _json
        try:
            _follow(Lines(agent.stdout.fileno()), Lines(told), judge, lambda alert: write(out, alert), out)
        except BrokenPipeError:
            agent.terminate()
        finally:
            os.close(told)
        return agent.wait()


def _follow(alerts: Lines, rows: Lines, judge: Judge, tell: Callable[[flow_rules.Alert], None], out: BinaryIO) -> None:
    """Hand on the agent's alerts and judge its rows, until it has closed both pipes."""
    waiting: list[bytes] = []
    due = 0.0
    with selectors.DefaultSelector() as ready:
        for one in (alerts, rows):
            ready.register(one.descriptor, selectors.EVENT_READ, one)
        while ready.get_map():
            for key, _ in ready.select(max(0.0, due - time.monotonic()) if waiting else None):
                lines = key.data.read()
                if lines is None:
                    ready.unregister(key.fd)
                elif key.data is alerts:
                    out.writelines(line + b"\n" for line in lines)
                else:
                    due = due if waiting else time.monotonic() + PAUSE
                    waiting += lines
            if waiting and (len(waiting) >= BATCH or time.monotonic() >= due or not ready.get_map()):
                for alert in judge.alerts(waiting):
                    tell(alert)
                waiting = []
            out.flush()


def _json(out: BinaryIO, alert: flow_rules.Alert) -> None:
    out.write(msgspec.json.encode(alert) + b"\n")


def _text(out: BinaryIO, alert: flow_rules.Alert) -> None:
    line = f"{alert['rule']}: {alert['output']}"
    out.write("".join(char if char.isprintable() else "?" for char in line).encode("utf-8", "replace") + b"\n")
