"""A kernel kept in memory, containers that are whoever the test says, and a clock that only goes when it is told to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from plimsoll.sensor import agent, alerts, hashes, profiles
from plimsoll.sensor.identity import Identity
from plimsoll.sensor.shapes import Binding, Counters, Coverage, Event, Flag, Kind, Loss, Mode, Option, Task

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
REDIS = "shop/Deployment/redis:redis"


class FakeKernel:
    """The API of plimsoll.sensor.kernel.Kernel."""

    def __init__(
        self, *, reopened: bool = False, pin: Path | None = None, probes: Collection[str] | None = None
    ) -> None:
        self.coverage = [Coverage("exec", working=True, reason=""), Coverage("files", working=True, reason="")]
        self.reopened = reopened
        self.events: list[Event] = []
        self.bindings: dict[int, Binding] = {}
        self.facts: set[tuple[int, Kind, int]] = set()
        self.patterns: dict[int, list[tuple[str, int]]] = {}
        self.hits: dict[int, int] = {}
        self.lost: dict[int, int] = {}
        self.tasks: list[Task] = []
        self.isolated: set[int] = set()
        self.settings: dict[str, Any] = {}
        self.beats = 0
        self.closed: bool | None = None

    def poll(self, timeout: float) -> list[Event]:
        found, self.events = self.events, []
        return found

    def bind(self, container: int, profile: int, mode: Mode, options: int = 0, budget: int = 20) -> None:
        self.bindings[container] = Binding(profile, mode, Option(options), Counters(), False)

    def unbind(self, container: int) -> None:
        self.bindings.pop(container, None)

    def bound(self) -> dict[int, Binding]:
        return dict(self.bindings)

    def set_mode(self, profile: int, mode: Mode, options: int | None = None) -> None:
        for key, one in self.bindings.items():
            if one.profile == profile:
                self.bindings[key] = one._replace(mode=mode)

    def allow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        self.facts |= set(entries)

    def disallow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        self.facts -= set(entries)

    def allowed(self, profile: int) -> set[tuple[Kind, int]]:
        return {(kind, number) for owner, kind, number in self.facts if owner == profile}

    def set_patterns(self, profile: int, patterns: Iterable[tuple[str, int]]) -> None:
        self.patterns[profile] = list(patterns)

    def control(self, **settings: Any) -> None:
        self.settings = settings

    def want(self, kinds: int, patterns: Iterable[tuple[str, int]] = ()) -> None:
        self.wanted = kinds, [*patterns]

    def heartbeat(self) -> None:
        self.beats += 1

    def counters(self) -> dict[int, Counters]:
        known = self.hits.keys() | self.lost.keys()
        return {one: Counters(hits=self.hits.get(one, 0), drops=self.lost.get(one, 0)) for one in known if one}

    def drops(self) -> dict[int, int]:
        return {0: self.lost.get(0, 0)}

    def losses(self) -> dict[Loss, int]:
        return {Loss.RING_FULL: 2}

    def running(self) -> list[Task]:
        return self.tasks

    def isolate(self, container: int, on: bool, probes: Iterable[str] = ()) -> None:
        (self.isolated.add if on else self.isolated.discard)(container)

    def close(self, *, unpin: bool = False) -> None:
        self.closed = unpin


class FakeGroups:
    hierarchy: Any = None

    def path(self, key: int, told: str = "") -> str | None:
        return None


class FakeIdentities:
    """Containers by key; those in `late` are not known yet."""

    def __init__(self, known: dict[int, Identity] | None = None) -> None:
        self.known = known or {}
        self.late: set[int] = set()
        self.groups = FakeGroups()
        self.node = "node-1"

    def look(self, key: int, path: str = "", pid: int = 0) -> Identity | None:
        return None if key in self.late else self.known.get(key)

    def waiting(self) -> list[int]:
        return list(self.late)

    def seed(self) -> dict[int, Identity]:
        return self.known

    def refresh(self) -> list[int]:
        return []

    def forget(self, key: int) -> None:
        pass


def identity(
    pod: str = "redis-7d9c5b8f6d-x2k4q",
    workload: str = "redis",
    *,
    protected: bool = False,
    sandbox: bool = False,
    image: str = "redis:7",
    digest: str = "",
) -> Identity:
    return Identity(
        container_id=pod, namespace="shop", pod=pod, pod_uid="u", container=workload, workload_kind="Deployment",
        workload_name=workload, labels={}, image=image, image_digest=digest, protected=protected,
        subject=f"shop/Deployment/{workload}:{workload}", sandbox=sandbox, reason="namespace kube-system" if protected else "",
    )  # fmt: skip


def event(
    kind: Kind, path: str = "", *, mode: Mode = Mode.LEARN, container: int = 1, flags: Flag = Flag.NEW, **more: Any
) -> Event:
    hashed = more.pop("hash", None)
    if hashed is None:
        hashed = (
            hashes.path(path)
            if path
            else hash((kind, more.get("address"), more.get("port"), more.get("local_port"))) & (2**64 - 1)
        )
    return Event(
        time=more.pop("time", START), kind=kind, path=path, mode=mode, container=container, flags=flags, hash=hashed,
        pid=more.pop("pid", 100), **more,
    )  # fmt: skip


class Clock:
    """Seconds that only go by when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return (START + timedelta(seconds=self.now - 1000.0)).timestamp()


class Bench:
    """An agent on a fake kernel, with all it told."""

    def __init__(
        self,
        place: Path,
        *,
        known: dict[int, Identity] | None = None,
        kernel: FakeKernel | None = None,
        **settings: Any,
    ) -> None:
        self.clock = Clock()
        self.kernel = kernel or FakeKernel()
        self.identities = FakeIdentities({1: identity()} if known is None else known)
        self.profiles = profiles.Profiles(place, self.clock.wall)
        self.told: list[alerts.Alert] = []
        made: Any = agent.Settings(profile=str(place), **{"learn_for": 60.0, **settings})
        self.agent = agent.Agent(made, self.kernel, self.identities, self.profiles, self.told.append, self.clock)  # type: ignore[arg-type]
        self.agent.start()

    def give(self, *events: Event) -> None:
        """Let the kernel tell these events."""
        self.kernel.events += events
        self.agent.step()

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.now += seconds
        self.agent.step()

    def born(self, key: int = 1, *events: Event) -> None:
        """Let a container start."""
        self.give(event(Kind.BORN, f"/kubepods/{key}", container=key), *events)

    @property
    def redis(self) -> profiles.Workload:
        return self.profiles.workload(REDIS)


SERVER = event(Kind.EXEC, "/usr/bin/redis-server", flags=Flag.NEW | Flag.PROVISIONAL)
SHELL = event(Kind.EXEC, "/bin/sh", mode=Mode.ALERT, flags=Flag.NEW | Flag.ENTERED)


def learned(place: Path, **more: object) -> Bench:
    """An agent that knows redis."""
    bench = Bench(place, **more)
    bench.born(1, SERVER)
    bench.give(event(Kind.WRITE, "/data/temp-13.rdb"), event(Kind.LISTEN, local_port=6379))
    bench.wait(61)
    assert bench.redis.mode == Mode.ALERT
    return bench
