"""A day of the simulated cluster: alerts of machines and of people at work, and what context says of their work.

Alerts are columns: a time, and the number of the row that says the rest. Most are exact repeats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from plimsoll.evaluate.simulated import cluster as clusters
from plimsoll.evaluate.simulated.cluster import NODES, SEVERITY, Cluster, Habit, Person, Workload

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_550 * DAY
"""A Tuesday of 2026."""
SESSIONS = 6
CHANGED = 0.2
"""Share of releases whose base changed too, so that even the shell is another file."""
GROWS = 0.15
"""Share of releases that do something new."""
BURSTS = 0.5
"""Crash loops a day: something usual twenty times as often for an hour."""
GAPS = 5
"""Alerts a day that tell of lost events, all of one bad moment of one node."""
FAMILIAR, TICKETED, SCHEDULED, SELF = 0.9, 0.7, 0.1, 0.1
"""Of sessions: from the usual place; with a ticket; in a window. Of tickets: opened by the one who does the work."""
SESSION_STEPS = (
    ("Run shell untrusted", "notice", "/bin/sh", "/bin/bash", "sh -c ps aux", "", "shell"),
    ("Read sensitive file untrusted", "warning", "/usr/bin/less", "/bin/bash", "less /etc/passwd", "/etc/passwd", "sensitive-file"),
    ("Launch Package Management Process in Container", "error", "/usr/bin/apt-get", "/bin/bash", "apt-get install -y strace", "", "package-management"),
    ("Launch Suspicious Network Tool in Container", "notice", "/usr/bin/dig", "/bin/bash", "dig shop.svc.cluster.local", "", "network-tool"),
    ("Launch Remote File Copy Tools in Container", "notice", "/bin/tar", "/bin/bash", "tar cf - /app/config", "", "file-copy"),
)  # fmt: skip
SHELL = ("Terminal shell in container", "notice", "/bin/bash", "/usr/bin/runc", "bash", "", "shell")
WINDOWS = (1, 3)
"""Days of the week with a maintenance window, from 22 to 24 o'clock."""


class Row(NamedTuple):
    """What an alert says beside its time."""

    rule: str
    severity: str
    workload: str
    image: str
    digest: str
    exe: str
    exe_hash: str
    parent: str
    command: str
    destination: str
    pod: str
    node: str
    actor: str = ""
    ip: str = ""
    agent: str = ""
    groups: tuple[str, ...] = ()
    gap: bool = False

    @property
    def signature(self) -> tuple[str, ...]:
        """What is the same for all alerts of one kind, wherever they are."""
        return self.rule, self.image, self.exe, self.parent, self.command, self.destination, self.actor


class Told(NamedTuple):
    """What context says: the columns of tables.CONTEXT, times in microseconds."""

    kind: str
    id: str
    subjects: tuple[str, ...]
    creator: str
    approver: str
    created: int
    approved: int
    since: int
    until: int
    scope: tuple[str, ...]
    allows: tuple[str, ...]
    strong: bool
    edited: int


class Day(NamedTuple):
    """The alerts of a day in order of time, and what context says of it."""

    number: int
    times: NDArray[np.int64]
    of: NDArray[np.int64]
    """For each alert its row."""
    rows: list[Row]
    told: list[Told]


class World:
    """A cluster that goes on from day to day; the same for the same seed.

    >>> one, again = World(1).day(0), World(1).day(0)
    >>> bool((one.times == again.times).all()), one.rows == again.rows, 25_000 < len(one.times) < 45_000
    (True, True, True)
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cluster: Cluster = clusters.made(np.random.default_rng([seed, 1]))
        self._extra = {number: _grown(image, seed) for number, image in enumerate(self.cluster.images)}

    def day(self, number: int) -> Day:
        """Return a day, from 0."""
        dice = np.random.default_rng([self.seed, 2, number])
        rows: list[Row] = []
        parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        told = self.standing(number)
        for times, made in self._all(dice, number, told):
            base = len(rows)
            rows += made
            parts.append(
                (times, base + dice.integers(0, len(made), len(times)) if len(made) > 1 else np.full(len(times), base))
            )
        when, of = np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])
        order = np.argsort(when, kind="stable")
        return Day(number, when[order], of[order], rows, told)

    def _all(
        self, dice: np.random.Generator, number: int, told: list[Told]
    ) -> Iterator[tuple[NDArray[np.int64], list[Row]]]:
        start = START + number * DAY
        bursting = int(dice.integers(len(self.cluster.workloads))) if dice.random() < BURSTS else -1
        for index, workload in enumerate(self.cluster.workloads):
            for habit, busy in self.habits(workload, number):
                count = int(dice.poisson(busy * dice.lognormal(0, 0.2)))
                times = start + _moments(dice, habit, count)
                if index == bursting and count:
                    around = start + dice.integers(0, DAY - HOUR)
                    times = np.concatenate([times, around + dice.integers(0, HOUR, min(20 * count, 3_000))])
                for part, on in self._parts(workload, number, times):
                    pods = self.pods(workload, on)
                    yield part, [self.row(workload, habit, on, pod, node) for pod, node in pods]
        yield from self._sessions(dice, number, told)
        node, moment = f"node-{dice.integers(NODES)}", start + int(dice.integers(DAY - HOUR))
        lost = Row(
            "Falco internal: syscall event drop",
            "critical",
            f"host:{node}",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            "",
            node,
            gap=True,
        )
        yield moment + dice.integers(0, 2 * MINUTE, GAPS), [lost]

    def _parts(
        self, workload: Workload, number: int, times: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Yield the times before and after noon, when a release comes, each with the day whose release it is."""
        if self.version(workload.image, number) == self.version(workload.image, number + 1):
            parts = [(times, number)]
        else:
            noon = START + number * DAY + DAY // 2
            parts = [(times[times < noon], number), (times[times >= noon], number + 1)]
        yield from ((part, on) for part, on in parts if len(part))

    def habits(self, workload: Workload, number: int) -> list[tuple[Habit, float]]:
        """Return what a workload does on a day, and how often."""
        image = self.cluster.images[workload.image]
        known = list(zip(image.habits, workload.busy, strict=True))
        return known + [(habit, habit.daily) for since, habit in self._extra[workload.image] if since <= number]

    def pods(self, workload: Workload, number: int) -> list[tuple[str, str]]:
        """Return the pods of a workload on a day, each with its node; a release makes new ones."""
        version = self.version(workload.image, number)
        place, _, rest = workload.name.partition("/")
        name = rest.partition("/")[2]
        made = []
        for replica in range(workload.replicas):
            mark = _hash(self.seed, name, version, replica)
            made.append((f"{place}/{name}-{mark[:10]}-{mark[10:15]}", f"node-{int(mark[:8], 16) % NODES}"))
        return made

    def version(self, image: int, number: int) -> int:
        """Return how many releases an image has had."""
        one = self.cluster.images[image]
        return (number + one.offset) // one.release

    def row(self, workload: Workload, habit: Habit, number: int, pod: str, node: str) -> Row:
        """Return an alert of a habit."""
        image, version = self.cluster.images[workload.image], self.version(workload.image, number)
        base = sum(int(_hash(self.seed, image.name, one)[:8], 16) / 2**32 < CHANGED for one in range(version))
        return Row(
            habit.rule,
            SEVERITY[habit.priority],
            workload.name,
            f"registry.example/{image.name}:1.{version}",
            f"sha256:{_hash(self.seed, image.name, 'image', version)}",
            habit.exe,
            _hash(self.seed, habit.exe, image.name, "own", version) if habit.own else _hash(self.seed, habit.exe, image.name, base),
            habit.parent,
            habit.command,
            habit.destination,
            pod,
            node,
        )  # fmt: skip

    def standing(self, number: int) -> list[Told]:
        """Return what holds for long: who is an administrator, and the windows of the calendar."""
        start = START + number * DAY
        long_ago = START - 90 * DAY
        admins = [
            Told("admin", f"admin/{one.name}", (one.name,), "directory", "directory", long_ago, long_ago, long_ago, start + 400 * DAY,
                 ("*/*/*",), (), True, long_ago)
            for one in self.cluster.people if one.admin
        ]  # fmt: skip
        windows = [
            Told("window", "patching", (), "board", "board", long_ago, long_ago, opens, opens + 2 * HOUR, ("*/*/*",),
                 ("shell", "package-management"), False, long_ago)
            for opens in [start + 22 * HOUR] if number % 7 in WINDOWS
        ]  # fmt: skip
        return admins + windows

    def _sessions(
        self, dice: np.random.Generator, number: int, told: list[Told]
    ) -> Iterator[tuple[NDArray[np.int64], list[Row]]]:
        for session in range(max(1, int(dice.poisson(SESSIONS)))):
            who = self.cluster.people[int(min(dice.geometric(0.25) - 1, len(self.cluster.people) - 1))]
            workload = self.cluster.workloads[int(dice.integers(len(self.cluster.workloads)))]
            scheduled = number % 7 in WINDOWS and dice.random() < SCHEDULED * 7 / len(WINDOWS)
            at = (
                START
                + number * DAY
                + (int(dice.integers(22 * HOUR, 24 * HOUR - 20 * MINUTE)) if scheduled else _working(dice))
            )
            steps = [
                SHELL,
                *(SESSION_STEPS[int(dice.integers(len(SESSION_STEPS)))] for _ in range(int(dice.integers(0, 3)))),
            ]
            if not scheduled and dice.random() < TICKETED / (1 - SCHEDULED):
                told.append(
                    self._ticket(dice, f"OPS-{number}-{session}", who, workload, at, [step[6] for step in steps])
                )
            familiar = dice.random() < FAMILIAR
            ip = who.ip if familiar else f"198.51.{dice.integers(100, 120)}.{dice.integers(2, 250)}"
            for minute, step in enumerate(steps):
                pod, node = self.pods(workload, number)[0]
                yield np.array([at + minute * 2 * MINUTE]), [self.acted(workload, step, number, pod, node, who, ip)]

    def _ticket(
        self, dice: np.random.Generator, name: str, who: Person, workload: Workload, at: int, classes: Sequence[str]
    ) -> Told:
        others = [one.name for one in self.cluster.people if one != who]
        created = at - int(dice.integers(30 * MINUTE, 2 * DAY))
        approved = created + (at - created) // 3
        creator = who.name if dice.random() < SELF else str(dice.choice(others))
        approver = str(dice.choice([one for one in others if one != creator]))
        return Told("ticket", name, (who.name,), creator, approver, created, approved, approved, at + 4 * HOUR, (workload.name,),
                    tuple(dict.fromkeys(classes)), False, approved)  # fmt: skip

    def acted(
        self, workload: Workload, step: Sequence[str], number: int, pod: str, node: str, who: Person, ip: str
    ) -> Row:
        """Return an alert of what a person did in a container."""
        rule, priority, exe, parent, command, destination, _ = step
        made = self.row(workload, Habit(rule, priority, exe, parent, command, destination), number, pod, node)
        return made._replace(actor=who.name, ip=ip, agent=who.agent, groups=("admins",) if who.admin else ("staff",))


def _moments(dice: np.random.Generator, habit: Habit, count: int) -> NDArray[np.int64]:
    if habit.hours:
        return dice.choice(np.array(habit.hours), count) * HOUR + dice.integers(0, HOUR, count)
    return dice.integers(0, DAY, count)


def _working(dice: np.random.Generator) -> int:
    """Return a moment of a day that people work at: mostly by day."""
    return int(dice.integers(8 * HOUR, 18 * HOUR)) if dice.random() < 0.85 else int(dice.integers(0, 22 * HOUR))


def _grown(image: clusters.Image, seed: int) -> list[tuple[int, Habit]]:
    """Return what an image begins to do, and from which day: something of its kind, with another command."""
    grown = []
    for version in range(1, 9):
        mark = _hash(seed, image.name, "grows", version)
        if image.habits and int(mark[:8], 16) / 2**32 < GROWS:
            model = image.habits[int(mark[8:12], 16) % len(image.habits)]
            fresh = model._replace(
                command=f"{model.command} --{mark[:4].translate(_LETTERS)}", daily=0.3 + int(mark[12:14], 16) / 64
            )
            grown.append((version * image.release - image.offset, fresh))
    return grown


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def _hash(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
