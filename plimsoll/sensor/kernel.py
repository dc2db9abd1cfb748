"""The kernel's side as one object: programs loaded and attached, profiles in its maps, events from its ring."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from plimsoll.sensor.shapes import Binding, Counters, Coverage, Event, Kind, Mode, Option, Task

PIN = Path("/sys/fs/bpf/plimsoll")


class Kernel:
    """The sensor's programs in this kernel. Reopens what an earlier agent left pinned."""

    def __init__(self, *, pin: Path | None = PIN, probes: Collection[str] | None = None) -> None:
        """Load and attach what this kernel allows; PlimsollError where nothing works. `probes` limits the groups."""
        self.coverage: list[Coverage] = []
        self.reopened = False

    def poll(self, timeout: float) -> list[Event]:
        """Return the events there are, in order; wait for the first at most `timeout` seconds."""
        raise NotImplementedError

    def bind(self, container: int, profile: int, mode: Mode, options: int = 0, budget: int = 20) -> None:
        """Judge a container by a profile. `budget`: distinct facts stopped a minute in a profile, 0 = no limit."""
        raise NotImplementedError

    def unbind(self, container: int) -> None:
        """Judge a container no more."""
        raise NotImplementedError

    def bound(self) -> dict[int, Binding]:
        """Return every binding, provisional ones too."""
        raise NotImplementedError

    def set_mode(self, profile: int, mode: Mode, options: int | None = None) -> None:
        """Switch every container bound to a profile."""
        raise NotImplementedError

    def allow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        """Add facts: (profile, kind, hash)."""
        raise NotImplementedError

    def disallow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        """Remove facts."""
        raise NotImplementedError

    def allowed(self, profile: int) -> set[tuple[Kind, int]]:
        """Return the facts of a profile."""
        raise NotImplementedError

    def set_patterns(self, profile: int, patterns: Iterable[tuple[str, int]]) -> None:
        """Replace the patterns of a profile: (`/proc/*/stat` or `/data/**`, mask of 1 << kind)."""
        raise NotImplementedError

    def control(self, *, enforce: bool, max_silence: float, default_mode: Mode) -> None:
        """Break glass (enforce), the seconds without heartbeat after which nothing is stopped (0 = never), new containers' mode."""
        raise NotImplementedError

    def heartbeat(self) -> None:
        """Say that the agent lives."""
        raise NotImplementedError

    def counters(self) -> dict[int, Counters]:
        """Return the counters of each profile, those of containers since gone included."""
        raise NotImplementedError

    def drops(self) -> dict[int, int]:
        """Return how many events each container lost; key 0 for those of no container."""
        raise NotImplementedError

    def running(self) -> list[Task]:
        """Return the processes of containers that run now, and mark them as inside."""
        raise NotImplementedError

    def isolate(self, container: int, on: bool, probes: Iterable[str] = ()) -> None:
        """Cut or restore the network of a container; loopback and the addresses in `probes` pass."""
        raise NotImplementedError

    def close(self, *, unpin: bool = False) -> None:
        """Let go; with `unpin` the programs are detached, else pinned ones go on."""
