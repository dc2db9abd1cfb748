"""The simulated cluster: workloads of some images, and what each image does that rules tell of.

The volume of the rules follows a recorded cluster of 14 nodes (https://github.com/JiRaska/open-bank-oss/issues/5734):
29,465 alerts a day of one rule, 3,150 of a second, 450 of a third. The rest is a tail of rules that seldom tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

NODES = 14
WORKLOADS = 120
NAMESPACES = ("shop", "bank", "search", "media", "data", "ci", "monitoring", "platform")
VOLUME = {
    "Contact K8S API Server From Container": 29_465.0,
    "Run shell untrusted": 3_150.0,
    "Drop and execute new binary in container": 450.0,
}
"""Alerts a day of the rules that make the noise."""
OURS = (7, 14, 30)
RELEASES = dict.fromkeys(("operator", "monitoring", "agent", "db"), (30, 45, 60))
"""Days from one release to the next: what others make is updated seldom, what is made here often."""
TAIL = 0.6
"""How much seldomer images do what the tail tells of than `often` says: a first day has some 200 cases so."""
SEVERITY = {"critical": "critical", "error": "high", "warning": "medium", "notice": "low", "info": "info"}
"""What Falco's priorities are called here."""


class Habit(NamedTuple):
    """Something an image does that a rule tells of."""

    rule: str
    priority: str
    exe: str
    parent: str
    command: str
    destination: str = ""
    daily: float = 1.0
    """Alerts a day at one workload; of the rules in VOLUME a weight."""
    often: float = 1.0
    """Share of the images of its kind that do it."""
    hours: tuple[int, ...] = ()
    """Hours it is done at; empty for any."""
    own: bool = False
    """The executable is the application's: another one with every release."""


class Image(NamedTuple):
    """An image and what it does."""

    name: str
    kind: str
    habits: tuple[Habit, ...]
    release: int
    """Days from one release to the next."""
    offset: int


class Workload(NamedTuple):
    """A workload."""

    name: str
    image: int
    replicas: int
    busy: tuple[float, ...]
    """Alerts a day of each habit of its image."""


class Person(NamedTuple):
    """Somebody who works on the cluster."""

    name: str
    admin: bool
    ip: str
    agent: str


class Cluster(NamedTuple):
    """All of it."""

    images: tuple[Image, ...]
    workloads: tuple[Workload, ...]
    people: tuple[Person, ...]


API = "10.96.0.1:443"
KINDS: dict[str, tuple[int, Sequence[Habit]]] = {
    "operator": (9, (
        Habit("Contact K8S API Server From Container", "notice", "/{n}", "/pause", "/{n} --leader-elect --v=2", API, 8, own=True),
        Habit("Contact K8S API Server From Container", "notice", "/usr/bin/kubectl", "/bin/bash", "kubectl get {n} -o json", API, 1, .3),
        Habit("Write below etc", "error", "/{n}", "/pause", "/{n} --leader-elect --v=2", "/etc/{n}/tls.crt", .7, .3, own=True),
        Habit("Read sensitive file trusted after startup", "warning", "/{n}", "/pause", "/{n} --leader-elect --v=2", "/etc/shadow", .5, .2, own=True),
    )),
    "monitoring": (5, (
        Habit("Contact K8S API Server From Container", "notice", "/bin/{n}", "/pause", "/bin/{n} --config=/etc/{n}.yml", API, 10, own=True),
        Habit("Read environment variable from /proc files", "warning", "/bin/{n}", "/pause", "/bin/{n} --config=/etc/{n}.yml", "/proc/*/environ", 4, .6, own=True),
        Habit("Unexpected UDP Traffic", "notice", "/bin/{n}", "/pause", "/bin/{n} --config=/etc/{n}.yml", "10.0.0.0/8:8125", 6, .4, own=True),
        Habit("Packet socket created in container", "notice", "/bin/{n}", "/pause", "/bin/{n} --capture", "", .8, .3, own=True),
    )),
    "web": (13, (
        Habit("Run shell untrusted", "notice", "/bin/sh", "/usr/bin/node", "sh -c curl -sf http://localhost:8080/{n}/health", "", 6, .6),
        Habit("Run shell untrusted", "notice", "/bin/sh", "/usr/local/bin/{n}", "sh -c /app/bin/warm-cache.sh {n}", "", 2, .35),
        Habit("Read sensitive file untrusted", "warning", "/usr/bin/node", "/usr/local/bin/{n}", "node /app/{n}.js", "/etc/pam.d/common-auth", .4, .25),
        Habit("Network Connection outside Local Subnet", "warning", "/usr/bin/node", "/usr/local/bin/{n}", "node /app/{n}.js", "payments.example:443", 9, .4),
        Habit("Interpreted procs outbound network activity", "notice", "/usr/bin/python3", "/usr/local/bin/{n}", "python3 /app/{n}/sync.py", "api.example:443", 5, .3),
        Habit("Modify Shell Configuration File", "warning", "/bin/sh", "/usr/local/bin/{n}", "sh -c /entrypoint.sh {n}", "/root/.bashrc", .15, .2),
    )),
    "db": (5, (
        Habit("Run shell untrusted", "notice", "/bin/sh", "/usr/bin/{n}", "sh -c pg_isready -U {n}", "", 8, .8),
        Habit("DB program spawned process", "notice", "/bin/sh", "/usr/bin/{n}", "sh -c /usr/bin/archive-wal {n}", "", 12, .7),
        Habit("Read sensitive file trusted after startup", "warning", "/usr/bin/{n}", "/sbin/tini", "{n} -D /data", "/etc/shadow", .5, .4),
        Habit("Remove Bulk Data from Disk", "warning", "/usr/bin/shred", "/bin/sh", "shred -u /data/{n}/old", "", .12, .2),
    )),
    "batch": (7, (
        Habit("Run shell untrusted", "notice", "/bin/bash", "/usr/sbin/cron", "bash /jobs/{n}.sh", "", 3, .8, (1, 2, 3)),
        Habit("Launch Remote File Copy Tools in Container", "notice", "/usr/bin/rsync", "/bin/bash", "rsync -a /data backup.example:/{n}", "backup.example:22", 3, .5, (2, 3)),
        Habit("Write below root", "error", "/usr/bin/python3", "/bin/bash", "python3 /jobs/{n}.py", "/root/.cache", 2, .4, (1, 2, 3)),
        Habit("Network Connection outside Local Subnet", "warning", "/usr/bin/python3", "/bin/bash", "python3 /jobs/{n}.py", "storage.example:443", 7, .5, (1, 2, 3)),
        Habit("Contact K8S API Server From Container", "notice", "/usr/bin/kubectl", "/bin/bash", "kubectl rollout status deploy/{n}", API, .3, .4),
        Habit("Search Private Keys or Passwords", "warning", "/bin/grep", "/bin/bash", "grep -r PRIVATE /jobs/{n}", "", .1, .2, (2,)),
    )),
    "ci": (3, (
        Habit("Drop and execute new binary in container", "critical", "/workspace/{n}/bin/tool", "/bin/bash", "/workspace/{n}/bin/tool --build", "", 6, 1.0),
        Habit("Drop and execute new binary in container", "critical", "/root/.npm/{n}/esbuild", "/usr/bin/node", "esbuild --bundle {n}", "", 3, .8),
        Habit("Launch Package Management Process in Container", "error", "/usr/bin/apt-get", "/bin/bash", "apt-get install -y {n}-dev", "", 11, .9),
        Habit("Write below binary dir", "error", "/usr/bin/dpkg", "/usr/bin/apt-get", "dpkg --unpack {n}-dev.deb", "/usr/bin/{n}", 8, .8),
        Habit("Run shell untrusted", "notice", "/bin/sh", "/usr/bin/node", "sh -c npm run build:{n}", "", 7, 1.0),
        Habit("Launch Ingress Remote File Copy Tools in Container", "notice", "/usr/bin/wget", "/bin/bash", "wget -q https://mirror.example/{n}.tgz", "mirror.example:443", 9, .7),
        Habit("Contact K8S API Server From Container", "notice", "/usr/bin/helm", "/bin/bash", "helm upgrade {n} ./chart", API, .5, .8),
    )),
    "agent": (3, (
        Habit("Contact K8S API Server From Container", "notice", "/opt/{n}/agent", "/pause", "/opt/{n}/agent --node", API, .05, .6, own=True),
        Habit("Change thread namespace", "notice", "/opt/{n}/agent", "/pause", "/opt/{n}/agent --node", "", 14, .8, own=True),
        Habit("Launch Privileged Container", "info", "/opt/{n}/agent", "/pause", "/opt/{n}/agent --node", "", .4, .7, own=True),
        Habit("Mount Launched in Privileged Container", "warning", "/bin/mount", "/opt/{n}/agent", "mount --bind /var/lib/{n} /mnt/{n}", "", .5, .4),
        Habit("Create files below dev", "error", "/opt/{n}/agent", "/pause", "/opt/{n}/agent --node", "/dev/{n}", .6, .4, own=True),
    )),
}  # fmt: skip
"""How many images of each kind there are, and what they may do."""
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "iris", "juno", "kelp", "lotus",
         "maple", "nova", "onyx", "pine", "quartz", "raven", "sage", "topaz", "umber", "violet", "willow", "xenon",
         "yarrow", "zephyr")  # fmt: skip
STAFF = 14
ADMINS = 5


def made(dice: np.random.Generator) -> Cluster:
    """Return a cluster.

    >>> one = made(np.random.default_rng(1))
    >>> len(one.workloads), len(one.images), len(one.people)
    (120, 45, 14)
    """
    images = tuple(_images(dice))
    drawn = [_workload(dice, number, images) for number in range(WORKLOADS)]
    return Cluster(images, tuple(_scaled(drawn, images)), tuple(_people(dice)))


def _images(dice: np.random.Generator) -> list[Image]:
    images: list[Image] = []
    for kind, (count, habits) in KINDS.items():
        for _ in range(count):
            name = f"{WORDS[len(images) % len(WORDS)]}-{kind}{len(images)}"
            does = tuple(_named(habit, name) for habit in habits if dice.random() < _share(habit))
            release = int(dice.choice(RELEASES.get(kind, OURS)))
            images.append(Image(name, kind, does, release, int(dice.integers(release))))
    return images


def _share(habit: Habit) -> float:
    return habit.often if habit.rule in VOLUME else TAIL * habit.often


def _named(habit: Habit, name: str) -> Habit:
    texts = {part: getattr(habit, part).replace("{n}", name) for part in ("exe", "parent", "command", "destination")}
    return habit._replace(**texts)


def _workload(dice: np.random.Generator, number: int, images: Sequence[Image]) -> Workload:
    image = number if number < len(images) else int(dice.integers(len(images)))
    kind = images[image].kind
    place = "kube-system" if kind == "agent" and dice.random() < 0.5 else str(dice.choice(NAMESPACES))
    owner = {"agent": "DaemonSet", "db": "StatefulSet", "batch": "CronJob"}.get(kind, "Deployment")
    replicas = NODES if kind == "agent" else int(dice.choice([1, 2, 3, 5], p=[0.4, 0.3, 0.2, 0.1]))
    busy = tuple(float(habit.daily * dice.lognormal(0.0, 0.8)) for habit in images[image].habits)
    return Workload(f"{place}/{owner}/{images[image].name}-{number}", image, replicas, busy)


def _scaled(workloads: Sequence[Workload], images: Sequence[Image]) -> list[Workload]:
    """Return the workloads as busy as the recorded volume of each rule has it."""
    sums = dict.fromkeys(VOLUME, 0.0)
    for one in workloads:
        for habit, busy in zip(images[one.image].habits, one.busy, strict=True):
            if habit.rule in sums:
                sums[habit.rule] += busy
    return [
        one._replace(
            busy=tuple(
                busy * VOLUME[habit.rule] / sums[habit.rule] if habit.rule in sums else busy
                for habit, busy in zip(images[one.image].habits, one.busy, strict=True)
            )
        )
        for one in workloads
    ]


def _people(dice: np.random.Generator) -> list[Person]:
    agents = ("kubectl/v1.34.1 (linux/amd64)", "kubectl/v1.33.4 (darwin/arm64)", "k9s/v0.50.9 (linux/amd64)")
    return [
        Person(f"{word}@acme.example", number < ADMINS, f"203.0.{113 + number}.{dice.integers(2, 250)}", str(dice.choice(agents)))
        for number, word in enumerate(WORDS[:STAFF])
    ]  # fmt: skip
