"""The node agent: binds containers to profiles, learns, moves workloads on, tells what is new. One loop, one thread.

The kernel judges; the agent gives it names. What the agent is late for is only told later: a container is judged by
the kernel from its first program on, and a profile stays there while the agent is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec

from plimsoll.sensor import (
    activity,
    alerts,
    dns,
    hashes,
    losses,
    names,
    patterns,
    profiles,
    recorder,
    signs,
    vocabulary,
    wanted,
)
from plimsoll.sensor.identity import Identities, Identity
from plimsoll.sensor.kernel import Kernel
from plimsoll.sensor.shapes import Counters, Event, Flag, Kind, Mode, Task

MODES = {"off": Mode.OFF, "learn": Mode.LEARN, "alert": Mode.ALERT, "prevent": Mode.PREVENT}
FIRST_START = 60.0
"""Seconds in which the first start that is seen of a workload is learned, whatever its mode: what a program does
only while it starts was not seen where its containers ran before the sensor came."""
TRIAL, HARM = 600.0, 30.0
"""Seconds after a switch to prevent in which it is taken back where it does harm, and within which a container that
ends after something of it was stopped ended because of it."""
BY_RULE = "the agent"
"""Who decides what nobody was asked."""
HELD = 4096
"""Events of one container that wait until it is known whose it is."""
SOON, IDLE = 0.002, 0.1
"""Seconds to wait for events: while a container waits for its name, and else."""
HEARTBEAT, REFRESH, COUNT, ASK_AGAIN = 1.0, 0.5, 5.0, 60.0
RESTRAINT = 20
"""Working out a profile's patterns takes at most one part in so many of the time."""
READING = 1 << Kind.READ
WRITING = READING | 1 << Kind.WRITE | 1 << Kind.DELETE | 1 << Kind.RENAME | 1 << Kind.LINK | 1 << Kind.CHMOD
"""What a pattern lets pass, as bits of kinds: who may write may read, replace and delete what it wrote."""
ENFORCE = "enforce"
"""The setting that break-glass turns off."""


class Settings(msgspec.Struct, frozen=True):
    """How the agent runs; the command line hands it over as JSON."""

    profile: str
    learn_for: float = 86_400.0
    mode: Literal["learn", "alert", "prevent"] = "alert"
    """How far workloads go by themselves."""
    urls: tuple[str, ...] = ()
    token_file: str = ""
    """What the servers at `urls` want to be shown; read again for each batch, so that it can be renewed."""
    ca_file: str = ""
    """Whose certificates the servers may have; empty = whom this machine trusts."""
    output: Literal["jsonl", "text"] = "jsonl"
    socket: str = "/run/plimsoll/sensor.sock"
    pin: str = "/sys/fs/bpf/plimsoll"
    """Where the kernel's part is kept for the next agent."""
    max_silence: float = 60.0
    """Seconds without an agent after which nothing is stopped; 0 = go on stopping."""
    keep: bool = False
    """Leave the kernel's part at work when the agent ends."""
    prove_for: float = 86_400.0
    """Seconds without anything to stop after which a workload goes from alert to prevent where it may do so by itself,
    and a new image of a workload in prevent mode is stopped too; 0 = only when somebody says so."""
    wanted: wanted.Wanted = wanted.Wanted()
    """What rules are to be told of, known or not."""
    rows_to: int = -1
    """File descriptor that gets all that containers do as rows of activity, for rules; -1 = nobody wants them."""


class Bound(msgspec.Struct):
    """A container that is judged."""

    key: int
    workload: profiles.Workload
    identity: Identity
    given: tuple[int, Mode] | None = None
    """Profile and mode that the kernel judges it by."""
    starts_until: float = 0.0
    """Until when its start is learned; 0 = it is not."""
    isolated: bool = False
    frozen: bool = False
    unproved: bool = False
    """Whether its image is new to a workload in prevent mode: what is new of it is told and not stopped."""
    stopped: tuple[float, str] | None = None
    """When something of its own was stopped last, and what."""

    @property
    def image(self) -> str:
        """What its version goes by."""
        return self.identity.image_digest or self.identity.image

    @property
    def who(self) -> alerts.Who:
        """Its names, for alerts."""
        return alerts.Who(self.identity.pod, self.identity.container_id, self.identity.image, self.unproved)


class Teller(Protocol):
    """Whoever is told of an alert."""

    def __call__(self, alert: alerts.Alert, /) -> None:
        """Take an alert."""


class Agent:
    """The agent's state between two rounds of its loop."""

    def __init__(
        self,
        settings: Settings,
        kernel: Kernel,
        identities: Identities,
        kept: profiles.Profiles,
        tell: Teller,
        clock: Callable[[], float] = time.monotonic,
        show: Callable[[activity.Row], None] | None = None,
    ) -> None:
        """Make one; `show` is given all that containers do, as rows of activity."""
        self._show = show
        self.settings, self.kernel, self.identities, self.profiles = settings, kernel, identities, kept
        self._tell, self._clock = tell, clock
        self._bound: dict[int, Bound] = {}
        self._earlier: dict[int, tuple[int, Mode]] = {}
        """What an earlier agent left bound."""
        self._held: dict[int, list[Event]] = {}
        """Containers that are not known yet, and what they did so far."""
        self._overheld = 0
        """Events of such containers beyond what is held."""
        self._names = names.Names()
        self._teller = alerts.Teller(kept.usual, clock)
        self._losses = losses.Losses(clock)
        self._dirty: set[int] = set()
        """Workloads with new facts."""
        self._not_before: dict[int, float] = {}
        """When a workload's patterns may be worked out again."""
        self._sent: dict[int, tuple[object, ...]] = {}
        self._due: dict[str, float] = {}
        self.counters: dict[int, Counters] = {}
        """The kernel's, by the number of the profile."""
        self.drops = 0
        """Events that the kernel could not hand over, or that came in numbers before it was known whose they are."""
        self.events = 0

    def start(self) -> None:
        """Fill the kernel from the profile, and bind what already runs."""
        for workload in self.profiles.all():
            self._restore(workload)
        for number, found in self.kernel.counters().items():
            self._losses.known(found.drops, number)
        self._losses.known(self.kernel.drops().get(0, 0))
        self.kernel.want(wanted.kinds(self.settings.wanted), wanted.patterns(self.settings.wanted))
        self.arm()
        self.identities.seed()
        tasks = self.kernel.running()
        bindings = self.kernel.bound()
        self._earlier = {key: (one.profile, one.mode) for key, one in bindings.items() if not one.provisional}
        self._held = {key: [] for key in (*(task.container for task in tasks), *bindings) if key}
        self._look()
        for task in tasks:
            self._runs(task)
        self.profiles.commit()

    def _runs(self, task: Task) -> None:
        """Learn the program of a process that was there before us."""
        bound = self._bound.get(task.container)
        if bound and task.exe and self._mode(bound) == Mode.LEARN:
            at = datetime.fromtimestamp(self.profiles.clock(), UTC)
            event = Event(time=at, kind=Kind.EXEC, path=task.exe, hash=task.hash, container=task.container)
            self._learn(bound, event, ours=True)

    def _restore(self, workload: profiles.Workload) -> None:
        """Give the kernel what it lost, and take over what it learned while nobody looked."""
        known = self.profiles.learned(workload)
        there = self.kernel.allowed(workload.id) if self.kernel.reopened else set()
        self.kernel.allow((workload.id, *entry) for entry in known - there)
        self.profiles.adopt(workload, there - known)
        self._refresh(workload)

    def arm(self) -> None:
        """Tell the kernel whether and how long to stop anything."""
        enforce = self.profiles.kept(ENFORCE) != "off"
        self.kernel.control(enforce=enforce, max_silence=self.settings.max_silence, default_mode=Mode.LEARN)
        self.kernel.heartbeat()

    def step(self) -> None:
        """Take in the events there are and do what is due."""
        for event in self.kernel.poll(self.patience):
            self.take(event)
        if self._held:
            self._look()
        self._settle()
        for alert in self._teller.flush():
            self._tell(alert)
        self.profiles.commit()

    @property
    def patience(self) -> float:
        """How long to wait for events."""
        if self._held and set(self.identities.waiting()) & self._held.keys():
            return SOON
        return alerts.PAUSE / 5 if self._teller.waiting else IDLE

    def take(self, event: Event) -> None:
        """Take in one event."""
        self.events += 1
        if event.kind == Kind.BORN:
            self._held.setdefault(event.container, [])
            self.identities.look(event.container, event.path, event.pid)
        elif event.kind == Kind.JOINED:
            self.identities.look(event.container, event.path, event.argument or event.pid)
        elif event.kind == Kind.GONE:
            self._gone(event.container)
        elif (bound := self._bound.get(event.container)) is not None:
            self._judge(bound, event)
        elif len(held := self._held.setdefault(event.container, [])) < HELD:
            held.append(event)
        else:
            self._overheld += 1

    def _look(self) -> None:
        """Bind the containers that are known by now; give up those that are none."""
        waiting = set(self.identities.waiting())
        for key in list(self._held):
            identity = self.identities.look(key)
            if identity is not None:
                self._bind(key, identity)
            elif key not in waiting:
                self._held.pop(key)
                self.kernel.unbind(key)

    def _gone(self, key: int) -> None:
        held = self._held.get(key)
        if held and (identity := self.identities.look(key)):
            self._bind(key, identity)
        self._held.pop(key, None)
        if bound := self._bound.pop(key, None):
            self._ended(bound)
            self.count()
        self.kernel.unbind(key)
        self.identities.forget(key)

    def _bind(self, key: int, identity: Identity) -> None:
        """Judge a container by its workload's profile from now on; what it did before included."""
        held = self._held.pop(key, [])
        if identity.sandbox:
            self.kernel.unbind(key)
            return
        workload = self.profiles.workload(identity.subject)
        bound = self._bound[key] = Bound(key, workload, identity, self._earlier.pop(key, None))
        born = any(event.kind == Kind.EXEC for event in held)
        if born and not workload.starts and workload.mode > Mode.LEARN:
            bound.starts_until = self._clock() + FIRST_START
        if born:
            workload.starts += 1
            self.profiles.save(workload)
        self._look_at_image(bound)
        self._rebind(bound)
        for event in held:
            self._judge(bound, event)

    def _look_at_image(self, bound: Bound) -> None:
        bound.unproved = bool(bound.image) and not self.profiles.image(bound.workload, bound.image)

    def _rebind(self, bound: Bound) -> None:
        """Give the kernel a container's profile and mode, where it has them not."""
        workload, mode = bound.workload, self._mode(bound)
        if bound.given != (workload.id, mode):
            self.kernel.bind(bound.key, workload.id, mode, workload.options, workload.budget)
            bound.given = (workload.id, mode)

    def _mode(self, bound: Bound) -> Mode:
        """The mode of a container: its workload's, unless its first start is learned, or it may not be stopped (yet)."""
        if bound.starts_until and bound.workload.mode > Mode.LEARN:
            return Mode.LEARN
        if bound.identity.protected or bound.unproved:
            return min(bound.workload.mode, Mode.ALERT)
        return bound.workload.mode

    def _judge(self, bound: Bound, event: Event) -> None:
        told = recorder.columns(bound.identity) | {"fd_sip_name": self._name(bound, event)} if self._show else {}
        if self._show and (row := activity.row(event, told)):
            self._show({"evt_num": self.events, **row})
        if event.kind == Kind.ANSWER:
            self._answered(bound, event)
            return
        provisional = bool(event.flags & Flag.PROVISIONAL)
        mode = self._mode(bound) if provisional else event.mode
        if not event.flags & (Flag.NEW | Flag.PROVISIONAL) or mode == Mode.OFF or _empty(event):
            return
        event = msgspec.structs.replace(event, mode=mode)
        if mode == Mode.LEARN:
            if self._poisonous(bound, event):
                self.kernel.disallow([(bound.workload.id, event.kind, event.hash)])
                self._novel(bound, event)
            elif not event.flags & Flag.FULL:
                self._learn(bound, event, ours=provisional)
        elif not self._known(bound, event):
            self._novel(bound, event)

    def _known(self, bound: Bound, event: Event) -> bool:
        """Whether the profile knows it after all: the kernel may be a moment behind, and no names are known there."""
        if self.profiles.knows(bound.workload, event):
            return True
        name = self._name(bound, event)
        port = (event.protocol, event.port)
        return (
            bool(name) and not event.flags & Flag.DENIED and port in self.profiles.names(bound.workload).get(name, ())
        )

    def _name(self, bound: Bound, event: Event) -> str:
        """Return the name of the address that is connected to."""
        return self._names.of(bound.workload.id, event.address, event.time) if event.kind == Kind.CONNECT else ""

    def _poisonous(self, bound: Bound, event: Event) -> bool:
        """Whether this is never normal, so that a profile cannot be taught it."""
        if event.kind == Kind.CONNECT:
            return signs.is_mining(event.address, event.port, self._name(bound, event))
        return event.kind == Kind.EXEC and bool(event.flags & Flag.MEMFD)

    def _learn(self, bound: Bound, event: Event, *, ours: bool) -> None:
        """Add a fact; where the kernel did not add it itself (`ours`), it is told to."""
        workload = bound.workload
        name = self._name(bound, event)
        entries = self.profiles.learn(workload, event, name)
        if ours:
            entries += [(part.kind, part.hash) for part in profiles.parts(event)]
        self.kernel.allow([(workload.id, *entry) for entry in entries])
        self._dirty.add(workload.id)

    def _novel(self, bound: Bound, event: Event) -> None:
        workload = bound.workload
        name = self._name(bound, event)
        novelty = alerts.weighed(event, self.events, self.profiles.wider(workload).folders, name)
        if novelty is None:
            return
        for alert in self._teller.tell(workload, bound.who, novelty):
            self._tell(alert)
        self.profiles.saw(workload, event, name)
        if not event.flags & Flag.ENTERED:  # what people do from outside says nothing of the workload
            self._weigh_prevention(bound, event, alerts.did(novelty))

    def _weigh_prevention(self, bound: Bound, event: Event, did: str) -> None:
        """Remember what speaks against stopping a workload from what is new, and end it where that was just begun."""
        if event.flags & Flag.WOULD_STOP:
            self.profiles.stir(bound.workload, bound.image)
        if event.flags & (Flag.KILLED | Flag.DENIED):
            bound.stopped = self._clock(), did
        if event.flags & Flag.SUPPRESSED and self._on_trial(bound.workload):
            self._roll_back(bound, f"more than {bound.workload.budget} different facts were new within a minute")

    def _on_trial(self, workload: profiles.Workload) -> bool:
        return workload.mode == Mode.PREVENT and self.profiles.clock() - workload.armed <= TRIAL

    def _ended(self, bound: Bound) -> None:
        """Judge prevention by the end of a container: soon after something of it was stopped, that was why."""
        if not bound.stopped or not self._on_trial(bound.workload):
            return
        at, did = bound.stopped
        if (since := self._clock() - at) <= HARM:
            self._roll_back(bound, f"a container ended {since:.0f} s after it {did}, which was stopped")

    def _roll_back(self, bound: Bound, why: str) -> None:
        """Take a workload back to alert mode: prevention does it harm."""
        workload = bound.workload
        workload.pinned = 1
        self.switch(workload, Mode.ALERT)
        self.profiles.noted(BY_RULE, "mode alert", workload.subject, why)
        at = datetime.fromtimestamp(self.profiles.clock(), UTC)
        self._tell(alerts.rolled_back(workload, bound.who, at, why))

    def _answered(self, bound: Bound, event: Event) -> None:
        """Remember names; an address of a name that is known is known too, before it is connected to."""
        told = dns.answer(event.payload)
        if not told.addresses:
            return
        workload = bound.workload
        self._names.remember(workload.id, told, event.time)
        ends = self.profiles.names(workload).get(told.name, ())
        entries = [
            (workload.id, Kind.CONNECT, hashes.end(address, port, vocabulary.number_of(protocol)))
            for address in told.addresses
            for protocol, port in ends
        ]
        if entries:
            self.kernel.allow(entries)

    def _settle(self) -> None:
        now = self._clock()
        if self._is_due("heartbeat", HEARTBEAT, now):
            self.kernel.heartbeat()
            self._move_on()
        for number in [one for one in self._dirty if self._not_before.get(one, 0.0) <= now]:
            if workload := self.profiles.numbered(number):
                self._refresh(workload)
        if self._is_due("count", COUNT, now):
            self.count()
        if self._is_due("ask", ASK_AGAIN, now):
            self._ask_again()

    def _is_due(self, what: str, every: float, now: float) -> bool:
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every
        return True

    def _move_on(self) -> None:
        """Take workloads that have learned for long enough further, and end what is learned of a first start."""
        for bound in self._bound.values():
            if bound.starts_until and self._clock() >= bound.starts_until:
                bound.starts_until = 0.0
                self._refresh(bound.workload)
                self._rebind(bound)
        for workload in self.profiles.all():
            self._promote(workload)

    def _promote(self, workload: profiles.Workload) -> None:
        """Take a workload as far as it may go by itself: to alert once it has learned, to prevent once that is proved."""
        goal, now, prove_for = MODES[self.settings.mode], self.profiles.clock(), self.settings.prove_for
        if workload.mode == Mode.LEARN and goal > Mode.LEARN and now - workload.since >= self.settings.learn_for:
            self._move(workload, Mode.ALERT, "it has learned for long enough")
        elif not prove_for:
            return
        elif workload.mode == Mode.ALERT and goal == Mode.PREVENT and not workload.pinned:
            if now - workload.stirred >= prove_for and self.profiles.counts(workload)[0]:
                self._move(workload, Mode.PREVENT, "nothing that would be stopped was seen for long enough")
        elif workload.mode == Mode.PREVENT and any(bound.unproved for bound in self.of(workload)):
            for image in self.profiles.prove(workload, prove_for):
                self.profiles.noted(BY_RULE, "image proved", workload.subject, image)
                self._image_proved(workload)

    def _move(self, workload: profiles.Workload, mode: Mode, why: str) -> None:
        self.switch(workload, mode)
        self.profiles.noted(BY_RULE, f"mode {alerts.MODES[mode]}", workload.subject, why)

    def _image_proved(self, workload: profiles.Workload) -> None:
        for bound in self.of(workload):
            self._look_at_image(bound)
            self._rebind(bound)

    def switch(self, workload: profiles.Workload, mode: Mode) -> None:
        """Switch a workload's mode, its patterns brought up to date first."""
        self._refresh(workload)
        now = self.profiles.clock()
        if mode == Mode.LEARN and workload.mode != Mode.LEARN:
            workload.since = now
        if mode == Mode.ALERT and workload.mode != Mode.ALERT:
            workload.stirred = now
        if mode == Mode.PREVENT:
            workload.armed = now
            self.profiles.prove(workload)
        workload.mode = mode
        self.profiles.save(workload)
        self.profiles.commit()
        for bound in self.of(workload):
            self._look_at_image(bound)
            bound.given = None  # options may be others, too
            self._rebind(bound)

    def decide(
        self, workload: profiles.Workload, facts: Iterable[profiles.Known], *, known: bool
    ) -> list[profiles.Known]:
        """Make facts known that were told, or unknown again; return those that changed."""
        before = self.profiles.wider(workload).entries
        entries, changed = self.profiles.decide(workload, facts, learned=known)
        if known:
            self.kernel.allow((workload.id, *entry) for entry in entries)
            self._refresh(workload)
        else:
            self._refresh(workload)
            stay = self.profiles.learned(workload)
            self.kernel.disallow((workload.id, *entry) for entry in (entries | before) - stay)
        self.profiles.commit()
        return changed

    def covered(self, workload: profiles.Workload, fact: profiles.Known) -> bool:
        """Return whether a fact is known for what others of the workload amount to."""
        wider, kind = self.profiles.wider(workload), fact.kind
        event = Event(time=datetime.fromtimestamp(fact.last, UTC), kind=kind, path=fact.text)
        if kind == Kind.CONNECT:
            end = patterns.end(fact.text)
            return end is not None and wider.reaches(
                msgspec.structs.replace(event, address=end.address, port=end.port, protocol=end.protocol)
            )
        return kind in profiles.FILES and wider.covers(event)

    def _refresh(self, workload: profiles.Workload) -> None:
        """Work out what the workload's facts amount to, and tell the kernel where that has changed."""
        began = self._clock()
        wider = self.profiles.wider(workload, afresh=True)
        self._dirty.discard(workload.id)
        self._not_before[workload.id] = began + max(REFRESH, RESTRAINT * (self._clock() - began))
        sent = (wider.patterns, wider.entries)
        if self._sent.get(workload.id) != sent:
            self._sent[workload.id] = sent
            self.kernel.set_patterns(
                workload.id, [(one.text, _mask(one)) for one in (*wider.patterns, *patterns.HARMLESS)]
            )
            self.kernel.allow((workload.id, *entry) for entry in wider.entries)

    def count(self) -> None:
        """Take over the kernel's counters."""
        self.counters = self.kernel.counters()
        for workload in self.profiles.all():
            if found := self.counters.get(workload.id):
                self.profiles.counted(workload, found.hits)
        known = [(one, self.counters[one.id].drops) for one in self.profiles.all() if one.id in self.counters]
        nobodys = self.kernel.drops().get(0, 0) + self._overheld
        self.drops = nobodys + sum(drops for _, drops in known)
        self._tell_losses(known, nobodys)

    def _tell_losses(self, known: Sequence[tuple[profiles.Workload, int]], nobodys: int) -> None:
        now = self.profiles.clock()
        for workload, drops in known:
            if (lost := self._losses.count(drops, workload.id)) and workload.mode > Mode.LEARN:
                self._tell(losses.of_workload(workload, lost, now))
        if lost := self._losses.count(nobodys):
            self._tell(losses.of_node(self.identities.node, lost, now))

    def _ask_again(self) -> None:
        for key in self.identities.refresh():
            identity = self.identities.look(key)
            if identity and (bound := self._bound.get(key)):
                bound.identity = identity
                self._look_at_image(bound)
                self._rebind(bound)

    def bound(self) -> list[Bound]:
        """Return the containers that are judged."""
        return list(self._bound.values())

    def of(self, workload: profiles.Workload) -> list[Bound]:
        """Return the containers of a workload."""
        return [bound for bound in self._bound.values() if bound.workload is workload]


def _mask(pattern: patterns.Pattern) -> int:
    return READING if pattern.access == "read" else WRITING


def _empty(event: Event) -> bool:
    """Whether it says nothing: resolvers connect to port 0 to learn which of their addresses would be used."""
    return event.kind == Kind.CONNECT and not (event.address and event.port)
