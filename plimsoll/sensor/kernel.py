"""The kernel's side as one object: programs loaded and attached, profiles in its maps, events from its ring."""

from __future__ import annotations

import hashlib
import ipaddress
import mmap
import os
import re
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from plimsoll.errors import PlimsollError
from plimsoll.sensor import automaton, building, calls, libbpf, pins, probes, ring, shapes
from plimsoll.sensor.shapes import Binding, Counters, Coverage, Event, Kind, Loss, Mode, Option, Task

PIN = Path("/sys/fs/bpf/plimsoll")
MAPS = (
    "ring", "controls", "containers", "profiles", "allow", "patterns", "told", "opened", "rares", "isolated", "probes",
    "lost", "marks",
)  # fmt: skip

_ZERO = bytes(4)
_KEPT = Option.STARTED | Option.HAS_JOINED
_PROGRAM_AT_FAULT = re.compile(r"prog '(\w+)'(?:: failed|: BPF program load failed|.*can't)")


class Kernel:
    """The sensor's programs in this kernel. Reopens what an earlier agent left pinned."""

    def __init__(self, *, pin: Path | None = PIN, probes: Collection[str] | None = None) -> None:
        """Load and attach what this kernel allows; PlimsollError where nothing works. `probes` limits the groups."""
        self.coverage: list[Coverage] = []
        self.reopened = False
        self.pin = pin
        self._links: list[libbpf.Link] = []
        self._maps: dict[str, libbpf.Map] = {}
        self._seed: libbpf.Link | int | None = None
        self._retired: dict[int, Counters] = defaultdict(Counters)
        self._dropped: dict[int, int] = defaultdict(int)
        self._open(set(probes) if probes is not None else None)
        self._ring = ring.Ring(self._maps["ring"].descriptor, self._maps["ring"].size)
        self._control = mmap.mmap(self._maps["controls"].descriptor, mmap.PAGESIZE)
        # By words that are set at once: struct.pack_into clears first, and the kernel would see no heartbeat.
        self._words, self._halves = memoryview(self._control).cast("Q"), memoryview(self._control).cast("I")
        self._settle()

    # What is loaded, attached and pinned

    def _open(self, wanted: set[str] | None) -> None:
        if not building.OBJECT.exists():
            raise PlimsollError(f"the sensor's kernel programs are not built: {building.missing() or 'make bpf'}")
        names = wanted if wanted is not None else set(probes.NAMES)
        digest = _digest(names)
        lack = pins.ready(self.pin) if self.pin else "not asked for"
        if lack:
            self.pin = None
        folder = pins.current(self.pin, digest) if self.pin else None
        if not (folder and self._reopen(folder, names)):
            self._load(names, digest)
        self.coverage.append(Coverage("pinning", working=self.pin is not None, reason=lack))

    def _reopen(self, folder: Path, names: set[str]) -> bool:
        """Take up what an earlier agent left; False where it is not whole."""
        try:
            self._maps = {name: libbpf.Map(libbpf.pinned(folder.parent / "maps" / name)) for name in MAPS}
            there = {link.name for link in folder.iterdir()}
            if probes.SEED in there:
                self._seed = libbpf.pinned(folder / probes.SEED)
        except (libbpf.Refused, OSError):
            return False
        for group in probes.GROUPS:
            if group.name in names:
                own = {
                    *group.programs,
                    *(f"{name}-{event}" for name, events in group.tracepoints.items() for event in events),
                }
                self._cover(
                    group.name, "" if own & there else "an earlier agent could not attach it: sensor run --fresh"
                )
        if probes.SEED in names:
            self._cover(probes.SEED, "" if self._seed else "an earlier agent could not attach it")
        self.reopened = all(one.working for one in self.coverage)
        if not self.reopened:  # perhaps what was missing is there by now
            self._forget_maps()
        return self.reopened

    def _forget_maps(self) -> None:
        self.coverage.clear()
        for one in self._maps.values():
            one.close()
        if isinstance(self._seed, int):
            os.close(self._seed)
        self._maps, self._seed = {}, None

    def _load(self, names: set[str], digest: str) -> None:
        loaded, reasons = self._loaded(names)
        self._maps = loaded.maps
        folder = pins.prepare(self.pin, digest) if self.pin else None
        self._prepare_maps()
        if probes.SEED in names:  # first: it finds out which mounts are the host's
            self._attach_seed(loaded, folder, reasons)
        done: set[str] = set()
        for group in probes.GROUPS:
            if group.name in names:
                self._cover(group.name, reasons.get(group.name) or self._attach(group, loaded, folder, done))
        loaded.close()
        if not any(one.working for one in self.coverage):
            raise PlimsollError(f"nothing of the sensor works on this kernel: {self.coverage[0].reason}")
        if self.pin:
            replaced = pins.take_over(self.pin, digest)
            # Detaching waits for every CPU, seconds in all; nobody else needs to.
            threading.Thread(target=pins.remove_each, args=(replaced,)).start()

    def _loaded(self, names: set[str]) -> tuple[libbpf.Object, dict[str, str]]:
        """Load the programs of these groups, leaving out groups that the kernel refuses; with the reasons."""
        reasons: dict[str, str] = {}
        place = self.pin / "maps" if self.pin else None
        every = probes.programs_of(set(probes.NAMES))
        for _ in range(len(probes.NAMES) + 2):
            skip = every - probes.programs_of(names - reasons.keys())
            try:
                return libbpf.Object(building.OBJECT, skip=skip, pins=place), reasons
            except libbpf.Refused as refused:
                if (
                    place and "parameter mismatch" in refused.log
                ):  # maps of an older version: their content is in the store
                    pins.remove_all(place.parent)
                    place.mkdir(parents=True)
                    continue
                fault = _PROGRAM_AT_FAULT.findall(refused.log)
                groups = {name for name in names if fault and fault[-1] in probes.programs_of({name})} - reasons.keys()
                if not groups:
                    raise PlimsollError(_mend(refused)) from refused
                reasons |= dict.fromkeys(groups, f"the kernel refuses {fault[-1]}: {os.strerror(refused.code)}")
        raise PlimsollError("the kernel refuses the sensor's programs, one after the other")

    def _attach(self, group: probes.Group, loaded: libbpf.Object, folder: Path | None, done: set[str]) -> str:
        try:
            for name, link in probes.attach(group, loaded.programs, done):
                self._links.append(link)
                done.add(name)
                if folder:
                    link.pin(folder / name)
        except (libbpf.Refused, OSError) as error:
            return str(error)
        return ""

    def _attach_seed(self, loaded: libbpf.Object, folder: Path | None, reasons: dict[str, str]) -> None:
        reason = reasons.get(probes.SEED, "")
        try:
            if not reason:
                link = loaded.programs[probes.SEED].attach_iterator()
                self._seed = link
                link.read()
                if folder:
                    link.pin(folder / probes.SEED)
        except (libbpf.Refused, OSError) as error:
            reason = str(error)
        self._cover(probes.SEED, reason)

    def _cover(self, name: str, reason: str) -> None:
        self.coverage.append(Coverage(name, working=not reason, reason=reason))

    def _prepare_maps(self) -> None:
        for call in (*calls.NAMES, *calls.RIGHTS):
            if call.number is not None:
                self._maps["rares"].put(struct.pack("<I", call.number), call.packed())
        control = list(shapes.CONTROL.unpack(self._maps["controls"].get(_ZERO) or bytes(shapes.CONTROL.size)))
        control[4] = control[4] or Path("/proc/self/ns/mnt").stat().st_ino  # until the seed has found the host's
        self._maps["controls"].put(_ZERO, shapes.CONTROL.pack(*control))

    def _settle(self) -> None:
        """Learn how things stand: what a reopened map holds."""
        self.heartbeat()

    # Events

    def poll(self, timeout: float) -> list[Event]:
        """Return the events there are, in order; wait for the first at most `timeout` seconds."""
        boot = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return [told for raw in self.read(timeout) if (told := shapes.event(raw, boot))]

    def read(self, timeout: float) -> list[bytes]:
        """Return the events there are as the kernel wrote them; wait for the first at most `timeout` seconds."""
        return self._ring.poll(timeout)

    def running(self) -> list[Task]:
        """Return the processes of containers that run now, and mark them as inside."""
        if self._seed is None:
            return []
        raw = libbpf.read_iterator(self._seed) if isinstance(self._seed, int) else self._seed.read()
        size = shapes.TASK.size
        return [shapes.task(raw[at : at + size]) for at in range(0, len(raw) - size + 1, size)]

    # Who is judged by which profile

    def bind(self, container: int, profile: int, mode: Mode, options: int = 0, budget: int = 20) -> None:
        """Judge a container by a profile. `budget`: distinct facts stopped a minute in a profile, 0 = no limit."""
        self._set_budget(profile, budget)
        key = struct.pack("<Q", container)
        old = self._maps["containers"].get(key)
        fields = list(shapes.BINDING.unpack(old)) if old else [0, 0, Option.STARTED] + [0] * 8
        if fields[0] != profile:
            self._retire(container, fields)
            fields[5:] = [0] * 6
        fields[:3] = [profile, mode, int(options) | (fields[2] & _KEPT)]
        self._maps["containers"].put(key, shapes.BINDING.pack(*fields))

    def unbind(self, container: int) -> None:
        """Judge a container no more."""
        key = struct.pack("<Q", container)
        old = self._maps["containers"].get(key)
        if old:
            self._retire(container, shapes.BINDING.unpack(old))
        self._maps["containers"].drop(key)
        self._maps["isolated"].drop(key)

    def bound(self) -> dict[int, Binding]:
        """Return every binding, provisional ones too."""
        return {container: _binding(fields) for container, fields in self._bindings()}

    def set_mode(self, profile: int, mode: Mode, options: int | None = None) -> None:
        """Switch every container bound to a profile."""
        for container, fields in self._bindings():
            if fields[0] == profile and not fields[2] & Option.PROVISIONAL:
                kept = fields[2] if options is None else int(options) | (fields[2] & _KEPT)
                entry = shapes.BINDING.pack(profile, mode, kept, *fields[3:])
                self._maps["containers"].put(struct.pack("<Q", container), entry)

    def _bindings(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        for key, value in self._maps["containers"].items():
            yield int.from_bytes(key, "little"), shapes.BINDING.unpack(value)

    def _set_budget(self, profile: int, budget: int) -> None:
        key = struct.pack("<I", profile)
        old = self._maps["profiles"].get(key)
        had, tokens, since, facts = shapes.PROFILE.unpack(old) if old else (None, budget, 0, 0)
        if had != budget:
            self._maps["profiles"].put(key, shapes.PROFILE.pack(budget, min(tokens, budget) or budget, since, facts))

    # What a profile holds

    def allow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        """Add facts: (profile, kind, hash)."""
        added: dict[int, int] = defaultdict(int)
        for profile, kind, hash_ in entries:
            fact = shapes.FACT.pack(profile, kind, hash_)
            added[profile] += self._maps["allow"].put(fact, b"\1\0\0\0", libbpf.NOEXIST)
        self._count(added)

    def disallow(self, entries: Iterable[tuple[int, Kind, int]]) -> None:
        """Remove facts."""
        removed: dict[int, int] = defaultdict(int)
        for profile, kind, hash_ in entries:
            removed[profile] -= self._maps["allow"].drop(shapes.FACT.pack(profile, kind, hash_))
        self._count(removed)
        self._revise()

    def allowed(self, profile: int) -> set[tuple[Kind, int]]:
        """Return the facts of a profile."""
        facts = (shapes.FACT.unpack(key) for key in self._maps["allow"].keys())  # noqa: SIM118 - no dict
        return {(Kind(kind), hash_) for owner, kind, hash_ in facts if owner == profile}

    def set_patterns(self, profile: int, patterns: Iterable[tuple[str, int]]) -> None:
        """Replace the patterns of a profile: (`/proc/*/stat` or `/data/**`, mask of 1 << kind)."""
        edges = automaton.edges(patterns)
        wanted = {
            shapes.EDGE.pack(profile, node, name): shapes.TARGET.pack(*target) for (node, name), target in edges.items()
        }
        stale = [key for key in self._maps["patterns"].keys() if key[:4] == struct.pack("<I", profile)]  # noqa: SIM118
        for key, target in wanted.items():
            self._maps["patterns"].put(key, target)
        for key in stale:
            if key not in wanted:
                self._maps["patterns"].drop(key)
        self._revise()

    def _count(self, changes: dict[int, int]) -> None:
        for profile, change in changes.items():
            key = struct.pack("<I", profile)
            budget, tokens, since, facts = shapes.PROFILE.unpack(
                self._maps["profiles"].get(key) or bytes(shapes.PROFILE.size)
            )
            self._maps["profiles"].put(key, shapes.PROFILE.pack(budget, tokens, since, max(0, facts + change)))

    def _revise(self) -> None:
        """Let the kernel forget which open files were known."""
        at = shapes.CONTROL.size // 8 - 1
        self._words[at] = (self._words[at] + 1) & 0xFFFFFFFF

    # How it is run

    def control(self, *, enforce: bool, max_silence: float, default_mode: Mode) -> None:
        """Set break glass, how many seconds without heartbeat stop enforcement (0 = none do), and new containers' mode."""
        self.heartbeat()
        self._words[1] = int(max_silence * 1e9)
        self._halves[4], self._halves[5] = int(enforce), default_mode

    def want(self, kinds: int, patterns: Iterable[tuple[str, int]] = ()) -> None:
        """Tell of these kinds (a mask of 1 << kind) whatever the profiles know; of files only those of the patterns."""
        self.set_patterns(shapes.RULES, patterns)
        self._halves[8] = kinds & 0xFFFFFFFF

    def heartbeat(self) -> None:
        """Say that the agent lives."""
        self._words[0] = time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def counters(self) -> dict[int, Counters]:
        """Return the counters of each profile, those of containers since gone included."""
        totals = dict(self._retired)
        for key, value in self._maps["profiles"].items():
            (profile,) = struct.unpack("<I", key)
            totals[profile] = totals.get(profile, Counters())._replace(facts=shapes.PROFILE.unpack(value)[3])
        for _, fields in self._bindings():
            if not fields[2] & Option.PROVISIONAL:
                totals[fields[0]] = _sum(totals.get(fields[0], Counters()), _counted(fields))
        return totals

    def drops(self) -> dict[int, int]:
        """Return how many events each container lost; key 0 for those of no container, or none that is known."""
        losses = self.losses()
        found = {**self._dropped, 0: losses.get(Loss.OF_NODE, 0) + losses.get(Loss.NO_SLOT, 0)}
        for container, fields in self._bindings():
            found[container] = found.get(container, 0) + _counted(fields).drops
        return {container: count for container, count in found.items() if count}

    def losses(self) -> dict[Loss, int]:
        """Return how many events were lost on this node, by cause."""
        counts = {why: self._maps["lost"].get(struct.pack("<I", why)) or b"" for why in Loss}
        return {why: int.from_bytes(count, "little") for why, count in counts.items() if any(count)}

    def isolate(self, container: int, on: bool, probes: Iterable[str] = ()) -> None:
        """Cut or restore the network of a container; loopback and the addresses in `probes` pass."""
        key = struct.pack("<Q", container)
        for address in probes:
            self._maps["probes"].put(_packed(address), b"\1\0\0\0")
        if on:
            self._maps["isolated"].put(key, b"\1\0\0\0")
        else:
            self._maps["isolated"].drop(key)
        self._halves[7] = sum(1 for _ in self._maps["isolated"].keys())  # noqa: SIM118

    def close(self, *, unpin: bool = False) -> None:
        """Let go; with `unpin` the programs are detached, else pinned ones go on."""
        self._ring.close()
        for view in (self._words, self._halves):
            view.release()
        self._control.close()
        if self.pin is None or unpin:
            for link in self._links:
                link.destroy()
        if isinstance(self._seed, int):
            os.close(self._seed)
        if self.pin and unpin:
            pins.remove_all(self.pin)
        for one in self._maps.values():
            one.close()

    def _retire(self, container: int, fields: Iterable[int]) -> None:
        """Keep the counters of a binding that ends."""
        values = tuple(fields)
        if not values[2] & Option.PROVISIONAL:
            self._retired[values[0]] = _sum(self._retired[values[0]], _counted(values))
        self._dropped[container] += _counted(values).drops


def _digest(names: Iterable[str]) -> str:
    found = hashlib.sha256(building.OBJECT.read_bytes())
    found.update(" ".join(sorted(names)).encode())
    return found.hexdigest()[:16]


def _mend(refused: libbpf.Refused) -> str:
    if refused.code in (1, 13) and os.geteuid():
        return "the sensor may not load its programs: run it as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
    if "BTF" in refused.log and not Path("/sys/kernel/btf/vmlinux").exists():
        return "this kernel tells nothing of its structures: it needs CONFIG_DEBUG_INFO_BTF"
    last = refused.log.strip().rpartition("\n")[2]
    return f"{refused} ({last})" if last else str(refused)


def _counted(fields: Iterable[int]) -> Counters:
    hits, misses, drops, kills, denies, suppressed = tuple(fields)[5:]
    return Counters(0, hits, misses, drops, kills, denies, suppressed)


def _sum(one: Counters, other: Counters) -> Counters:
    return Counters(*map(int.__add__, one, other))


def _binding(fields: tuple[int, ...]) -> Binding:
    options = Option(fields[2])
    return Binding(fields[0], Mode(fields[1]), options, _counted(fields), bool(options & Option.PROVISIONAL))


def _packed(address: str) -> bytes:
    found = ipaddress.ip_address(address)
    return found.packed if found.version == 6 else bytes(10) + b"\xff\xff" + found.packed
