"""The wiring of the server: doors → journals → the same judging and learning as of a file that grows → alerts.

Whoever reads a journal runs in a thread of its own and keeps its place on disk, after what it found was handed on. So
what was acknowledged is judged and told though the process is killed at any moment; some of it twice, then.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from plimsoll import errors, flow, flow_profile, store
from plimsoll.server import app, aside, doors, guard, journal, listening, meters, relay
from plimsoll.sources import checkpoints
from plimsoll.store import durable

POLL = 0.25
AGAIN = 5.0
"""Seconds after which a reader that met trouble, such as a full disk, goes back to its place and tries again."""
Emit = Callable[[list[flow.Alert]], None]
"""Hands alerts on; it is called by one thread at a time."""


class Settings(NamedTuple):
    """What `serve` was asked to do."""

    directory: Path | None
    """Of the profile; without one, rules and the token ledger judge alone."""
    folder: Path
    """Of the journals."""
    where: tuple[str, int]
    access: guard.Access = guard.Access()
    learn: bool = False
    """Learn what comes; it is judged too, by the profile as it is now."""
    objects: Sequence[str] = ()
    quota: int = journal.QUOTA
    keep_days: int = 0


class Step(NamedTuple):
    """What one batch gave."""

    accepted: int
    rejected: int
    alerts: list[flow.Alert]


class Reader(NamedTuple):
    """One that reads a journal to its end and goes on."""

    door: doors.Door
    kept: journal.Journal
    checkpoint: Path
    steps: Callable[[Path, threading.Event], Iterator[Step]]

    @property
    def name(self) -> str:
        """What people know it by."""
        return f"{self.door.name} {self.checkpoint.stem}"

    def place(self) -> checkpoints.Place | None:
        """Return how far it came; None where that is not known."""
        try:
            return checkpoints.load(self.checkpoint)
        except errors.PlimsollError:
            return None

    def run(self, stop: threading.Event) -> Iterator[Step]:
        """Yield what each batch gives; a door that nobody uses costs nothing."""
        while not (self.kept.written or self.door.awaited):
            if stop.wait(POLL):
                return
        yield from self.steps(self.checkpoint, stop)


class Server:
    """Doors, journals and their readers, until `close`."""

    def __init__(self, settings: Settings, emit: Emit, warn: Callable[[str], None]) -> None:
        """Open everything, and listen; `emit` is given alerts as they are found, `warn` what went wrong."""
        self._settings, self._emit, self._warn = settings, emit, warn
        self._stop, self._printing = threading.Event(), threading.Lock()
        self._threads: list[threading.Thread] = []
        self._meter = meters.Meters()
        self._trouble: dict[str, str] = {}
        self.failure: BaseException | None = None
        """What ended a reader that should not have ended."""
        self.ended = threading.Event()
        """Set when a reader failed, or by whoever wants the server to end."""
        with contextlib.ExitStack() as stack:
            durable.folder(settings.folder)
            stack.enter_context(self._alone())
            _check(settings)
            # A profile that is still to be learned cannot judge; rules and the ledger can.
            known = settings.directory if settings.directory and _is_profile(settings.directory) else None
            self._shared = flow_profile.Shared(known)
            self._journals = {door.name: self._journal(door, stack) for door in doors.DOORS}
            self._readers = {door.name: self._readers_of(door) for door in doors.DOORS}
            application = app.application(self._receivers(), self._meter, self._told)
            self._listener = listening.Listener(application, settings.where, settings.access)
            self._meter.watch({name: self._lag_of(name) for name in self._journals})
            self._closing = stack.pop_all()
        self.url = self._listener.url

    def start(self) -> None:
        """Begin to receive and to judge."""
        for readers in self._readers.values():
            for reader in readers:
                thread = threading.Thread(target=self._read, args=(reader,), name=reader.name, daemon=True)
                thread.start()
                self._threads.append(thread)
        self._listener.start()

    def close(self) -> None:
        """Acknowledge what has come, and end; what was not judged yet is judged by the next run."""
        self._listener.close()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._closing.close()

    def _alone(self) -> AbstractContextManager[None]:
        return durable.locked(self._settings.folder)

    def _journal(self, door: doors.Door, stack: contextlib.ExitStack) -> journal.Journal:
        kept = journal.opened(
            self._settings.folder, door.name, quota=self._settings.quota, keep_days=self._settings.keep_days
        )
        stack.callback(kept.close)
        return kept

    def _receivers(self) -> list[app.Receiver]:
        token, room = guard.Token(self._settings.access.token_file), app.Room()
        return [
            app.Receiver(
                door,
                self._journals[door.name],
                aside.Aside(self._journals[door.name].folder / "rejects.jsonl"),
                self._meter,
                token,
                room,
            )
            for door in doors.DOORS
        ]

    def _readers_of(self, door: doors.Door) -> list[Reader]:
        """Return who reads a door's journal: one that judges, one that learns where asked to."""
        kept, settings = self._journals[door.name], self._settings
        path, form = str(kept.path), door.source
        if form is None:
            return [Reader(door, kept, kept.folder / "relay.json", lambda place, stop: _relayed(kept, place, stop))]
        judging = Reader(
            door, kept, kept.folder / "detect.json",
            lambda place, stop: _judged(path, self._shared, place, form, settings.objects, stop),
        )  # fmt: skip
        if not (settings.learn and settings.directory):
            return [judging]
        directory = settings.directory
        learning = Reader(
            door, kept, kept.folder / "learn.json",
            lambda place, stop: _learned(path, directory, place, form, settings.objects, stop),
        )  # fmt: skip
        return [judging, learning]

    def _read(self, reader: Reader) -> None:
        """Read on until the end, through trouble that may pass."""
        while not self._stop.is_set():
            try:
                for step in reader.run(self._stop):
                    self._hand_on(reader, step)
            except (errors.PlimsollError, OSError) as trouble:
                self._say(reader, str(trouble))
                self._stop.wait(AGAIN)
            except Exception as failed:  # noqa: BLE001  whatever it is, the main thread raises it
                self.failure = failed
                self.ended.set()
                return

    def _say(self, reader: Reader, trouble: str) -> None:
        """Tell of trouble, once."""
        if self._trouble.get(reader.name) != trouble:
            self._trouble[reader.name] = trouble
            self._warn(f"{reader.name}: {trouble}; it will try again")

    def _hand_on(self, reader: Reader, step: Step) -> None:
        name = reader.door.name
        if step.alerts:
            with self._printing:
                self._emit(step.alerts)
        for alert in step.alerts:
            self._meter.alerts.labels(name, str(alert.get("severity"))).inc()
        self._meter.judged.labels(reader.name, "accepted").set(step.accepted)
        self._meter.judged.labels(reader.name, "rejected").set(step.rejected)
        self._journals[name].tidy([one.place() for one in self._readers[name]])
        self._trouble.pop(reader.name, None)

    def _lag_of(self, name: str) -> Callable[[], meters.Lag]:
        def lag() -> meters.Lag:
            kept = self._journals[name]
            waiting = kept.waiting([one.place() for one in self._readers[name]])
            return meters.Lag(waiting, kept.lag(waiting))

        return lag

    def _told(self) -> str:
        return "; ".join(f"{name}: {trouble}" for name, trouble in self._trouble.items())


def _judged(
    path: str, shared: flow_profile.Shared, place: Path, form: str, objects: Sequence[str], stop: threading.Event
) -> Iterator[Step]:
    for intake, alerts in flow.detect_on(path, None, place, form=form, objects=objects, stop=stop, shared=shared):
        yield Step(intake.accepted, intake.rejects.total, alerts)


def _learned(
    path: str, directory: Path, place: Path, form: str, objects: Sequence[str], stop: threading.Event
) -> Iterator[Step]:
    for intake in flow.learn_on(path, directory, place, form=form, objects=objects, stop=stop):
        yield Step(intake.accepted, intake.rejects.total, [])


def _relayed(kept: journal.Journal, place: Path, stop: threading.Event) -> Iterator[Step]:
    handed_on = 0
    for alerts in relay.relay(kept, place, stop):
        handed_on += len(alerts)
        yield Step(handed_on, 0, alerts)


def _check(settings: Settings) -> None:
    """Say before we listen what would end us later."""
    flow.cluster_of(settings.objects)
    if settings.directory and not (settings.learn and not _is_profile(settings.directory)):
        store.Profile.open(settings.directory)
    if settings.learn and not settings.directory:
        raise errors.UsageError("--learn needs --profile DIR")


def _is_profile(directory: Path) -> bool:
    return (directory / "profile.json").exists()
