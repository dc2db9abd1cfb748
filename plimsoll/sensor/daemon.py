"""The node agent as a process of its own: `python -m plimsoll.sensor.daemon SETTINGS`, without the command line's weight."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import uuid
from pathlib import Path
from types import FrameType

import msgspec

from plimsoll import errors
from plimsoll.sensor import alerts, control, doctor, identity, kernel, profiles, sink
from plimsoll.sensor.agent import Agent, Settings
from plimsoll.sensor.orders import Orders

INSTANCE = "instance"
"""The setting that names what a profile pins in the kernel: two profiles never share facts."""


def main(arguments: list[str]) -> int:
    """Run the agent until it is told to end; return the exit code."""
    try:
        return run(msgspec.json.decode(arguments[0], type=Settings))
    except errors.PlimsollError as error:
        print(f"plimsoll: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as refused:
        print(f"plimsoll: {type(refused).__name__}: {refused}", file=sys.stderr)
        return errors.PlimsollError.exit_code


def run(settings: Settings) -> int:
    """Run one agent; PlimsollError where this host or these rights do not let it."""
    if lack := doctor.refusal():
        raise errors.PlimsollError(lack)
    ended = Ended()
    asked = control.Control(Path(settings.socket))
    try:
        kept = profiles.Profiles(Path(settings.profile))
        loaded = kernel.Kernel(pin=_pin(kept, Path(settings.pin)))
        try:
            _watch(settings, loaded, kept, asked, ended)
        finally:
            kept.close()
            loaded.close(unpin=not settings.keep)
    finally:
        asked.close()
    return 0


class Ended:
    """Whether it is time to end."""

    def __init__(self) -> None:
        self.now = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.now = True

    def end(self) -> None:
        """End soon."""
        self.now = True


def _watch(
    settings: Settings, loaded: kernel.Kernel, kept: profiles.Profiles, asked: control.Control, ended: Ended
) -> None:
    sinks = [sink.Output(os.fdopen(os.dup(sys.stdout.fileno()), "wb"), ended.end), *_spools(settings)]
    for one in sinks:
        one.start()
    write = msgspec.json.encode if settings.output == "jsonl" else _text

    out, *spools = sinks

    identities = identity.of_host()

    def tell(told: alerts.Alert) -> None:
        alert = msgspec.structs.replace(told, node=identities.node)
        out.put(write(alert) + b"\n")
        line = msgspec.json.encode(alert) + b"\n" if spools else b""
        for spool in spools:
            spool.put(line)

    rows = sink.Output(os.fdopen(settings.rows_to, "wb"), ended.end) if settings.rows_to >= 0 else None
    encode = msgspec.json.Encoder().encode
    show = (lambda row: rows.put(encode(row) + b"\n")) if rows else None
    agent = Agent(settings, loaded, identities, kept, tell, show=show)
    if rows:
        rows.start()
        sinks.append(rows)
    agent.start()
    orders = Orders(agent, sinks)
    _say(loaded)
    while not ended.now:
        agent.step()
        asked.answer(orders.answer)
    agent.count()
    for one in sinks:
        one.close()


def _spools(settings: Settings) -> list[sink.Sink]:
    if not settings.urls:
        return []
    from plimsoll.sensor import spool  # noqa: PLC0415  http and ssl weigh a third of the agent, for those who send

    trust = spool.Trust(settings.token_file, settings.ca_file)
    return [spool.Spool(Path(settings.profile) / "spool", url, trust) for url in settings.urls]


def _pin(kept: profiles.Profiles, place: Path) -> Path:
    """Return where this profile's part of the kernel is pinned; what other profiles left there is taken away."""
    name = kept.kept(INSTANCE)
    if not name:
        name = uuid.uuid4().hex
        kept.keep(INSTANCE, name)
    for other in place.glob("*"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True) if other.is_dir() else other.unlink(missing_ok=True)
    return place / name


def _say(loaded: kernel.Kernel) -> None:
    """Say on stderr what cannot be seen here."""
    lacking = [one for one in loaded.coverage if not one.working]
    for one in lacking:
        print(f"plimsoll: reduced coverage: {one.name}: {one.reason}", file=sys.stderr)
    working = ", ".join(one.name for one in loaded.coverage if one.working)
    print(f"plimsoll: watching {working} since {time.strftime('%H:%M:%S')}", file=sys.stderr, flush=True)


def _text(alert: alerts.Alert) -> bytes:
    """One alert for people: a line, and its reasons below."""
    head = f"{alert.time:%Y-%m-%d %H:%M:%S} {alert.severity:8} {alert.title}"
    lines = [head, *(f"    {reason}" for reason in alert.why)]
    return "\n".join("".join(char if char.isprintable() else "?" for char in line) for line in lines).encode(
        "utf-8", "replace"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
