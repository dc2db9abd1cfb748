"""What attackers are known to do on a node: places, programs, ports and names, each with its weight and its technique.

A sign weighs in bits, on top of what being new weighs: 10 bits stand for a thousand times likelier in an attack
than by habit. Techniques are MITRE ATT&CK's.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple


class Sign(NamedTuple):
    """Something that speaks for an attack."""

    says: str
    bits: float
    attack: tuple[str, ...]


class Place(NamedTuple):
    """Files that attackers read or write."""

    where: re.Pattern[str]
    access: Literal["read", "write"]
    sign: Sign


def _place(where: str, access: Literal["read", "write"], says: str, bits: float, *attack: str) -> Place:
    return Place(re.compile(where, re.DOTALL), access, Sign(says, bits, attack))


PLACES: tuple[Place, ...] = (
    _place(r"/etc/g?shadow-?", "read", "password hashes", 10, "T1003.008"),
    _place(r"(?:/var)?/run/secrets/.*", "read", "a mounted credential", 8, "T1528", "T1552.007"),
    _place(r".*/\.ssh/.*|/etc/ssh/.*_key", "read", "SSH keys", 8, "T1552.004"),
    _place(r"/proc/(?:[0-9]+/|\*/)?environ|/proc/[0-9]+/environ", "read", "another process's environment", 4, "T1552.001"),
    _place(r"/proc/[0-9]+/mem|/proc/kcore|/dev/k?mem", "read", "memory", 10, "T1003.007"),
    _place(r"/(?:etc/kubernetes|var/lib/kubelet)/.*", "read", "the node's credentials", 10, "T1552.001"),
    _place(
        r".*/(?:\.aws/|\.azure/|\.config/gcloud/|\.kube/|\.docker/config\.json|\.git-credentials|\.netrc|\.pgpass|\.my\.cnf).*",
        "read", "stored credentials", 8, "T1552.001",
    ),
    _place(r".*\.(?:pem|key|p12|pfx|keystore|jks|kdbx)", "read", "a key", 4, "T1552.004"),
    _place(r"/etc/sudoers.*", "read", "who may become root", 5, "T1548.003"),
    _place(r"/(?:root|boot)/.*", "read", "root's files", 3, "T1005"),
    _place(r"/etc/passwd", "read", "the list of users", 1, "T1087.001"),
    _place(r"/etc/.*", "read", "configuration", 1, "T1005"),
    _place(r"/(?:etc/cron|var/spool/(?:cron|at)).*|/etc/anacrontab", "write", "timed jobs", 12, "T1053.003"),
    _place(r".*/systemd/.*\.(?:service|timer|socket|path)|/etc/(?:init\.d/.*|rc\.local)", "write", "services", 12, "T1543.002"),
    _place(r"/etc/ld\.so\.preload", "write", "a library for every program", 14, "T1574.006"),
    _place(r"/etc/ld\.so\..*", "write", "where libraries are found", 10, "T1574.006"),
    _place(r"/etc/(?:passwd|g?shadow|group|sudoers).*-?", "write", "users and their rights", 12, "T1098", "T1136.001"),
    _place(r".*/\.ssh/.*", "write", "SSH keys", 12, "T1098.004"),
    _place(r".*/\.(?:bashrc|profile|bash_profile|zshrc|bash_login)|/etc/(?:profile|bash\.bashrc).*", "write", "what every shell runs", 10, "T1546.004"),
    _place(r"/etc/pam\.d/.*", "write", "how people log in", 12, "T1556.003"),
    _place(r"/(?:usr/(?:local/)?)?s?bin/.*", "write", "programs", 10, "T1554"),
    _place(r"/(?:usr/(?:local/)?)?lib[0-9a-z]*/.*", "write", "libraries", 8, "T1574.006"),
    _place(r"/proc/(?:sys/|sysrq-trigger|[0-9]+/mem).*|/sys/.*|.*/(?:release_agent|core_pattern|uevent_helper)", "write", "the kernel's settings", 10, "T1611"),
    _place(r"/host.*|/var/lib/kubelet/.*|/etc/kubernetes/.*", "write", "the node's files", 12, "T1611"),
    _place(r"/var/log/.*|.*/\.bash_history", "write", "logs", 3, "T1070.002"),
    _place(r"/etc/.*", "write", "configuration", 5, "T1565.001"),
    _place(r".*\.(?:php[0-9]?|phtml|jspx?|war|aspx?|cgi|p[ly]|sh|so)", "write", "a page or a library that would be run", 5, "T1505.003"),
    _place(r"/boot/.*", "write", "what the machine starts from", 10, "T1542"),
)  # fmt: skip
"""The first that fits is the file's."""

_SCRATCH = re.compile(r"/(?:tmp|var/tmp|dev/shm|run/user|dev/mqueue)/", re.DOTALL)

SHELLS = frozenset((
    "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "tcsh", "csh", "rbash", "pwsh",
))  # fmt: skip
FETCHERS = frozenset((
    "curl", "wget", "fetch", "aria2c", "scp", "sftp", "rsync", "ftp", "tftp", "git", "pip", "pip3", "npm", "apt",
    "apt-get", "apk", "yum", "dnf",
))  # fmt: skip
NETTING = frozenset((
    "nc", "ncat", "netcat", "socat", "nmap", "masscan", "zmap", "tcpdump", "ssh", "sshd", "telnet", "chisel", "frpc",
    "ngrok", "cloudflared",
))  # fmt: skip
MINERS = frozenset((
    "xmrig", "xmr-stak", "minerd", "cpuminer", "ethminer", "nbminer", "t-rex", "lolminer", "cgminer", "kinsing",
    "kdevtmpfsi",
))  # fmt: skip
LANGUAGES = frozenset((
    "python", "python2", "python3", "perl", "ruby", "php", "node", "lua", "awk", "gawk", "gcc", "cc", "make",
))  # fmt: skip
CONTROL = frozenset((
    "kubectl", "crictl", "ctr", "docker", "nsenter", "unshare", "chroot", "runc", "mount", "capsh",
))  # fmt: skip

_PROGRAMS: tuple[tuple[frozenset[str], Sign], ...] = (
    (MINERS, Sign("a known miner", 12, ("T1496",))),
    (CONTROL, Sign("a tool to leave or steer containers", 5, ("T1611",))),
    (NETTING, Sign("a tool for connections", 4, ("T1095",))),
    (FETCHERS, Sign("a tool that fetches from elsewhere", 3, ("T1105",))),
    (SHELLS, Sign("a shell", 3, ("T1059.004",))),
    (LANGUAGES, Sign("an interpreter", 2, ("T1059",))),
    (frozenset(("busybox", "toybox")), Sign("a box of tools, a shell among them", 3, ("T1059.004",))),
)

MINING_PORTS = frozenset(
    (3333, 3334, 3335, 3336, 3357, 4444, 5555, 5556, 6666, 7777, 9332, 9999, 14433, 14444, 45560, 45700)
)
"""Ports that mining pools serve and hardly anybody else does."""
POOLS = (
    "minexmr.com", "supportxmr.com", "nanopool.org", "2miners.com", "f2pool.com", "moneroocean.stream", "hashvault.pro",
    "ethermine.org", "nicehash.com", "xmrpool.eu", "minergate.com", "c3pool.com", "unmineable.com", "herominers.com",
    "kryptex.network", "viabtc.com", "antpool.com", "poolin.com", "monerohash.com", "xmr.pt", "minexmr.org",
)  # fmt: skip
_METADATA = frozenset({"169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"})
_LABEL = re.compile(r"[0-9a-z]{24,}")

CALLS: dict[str, Sign] = {
    "ptrace": Sign("looks into another process", 8, ("T1055.008",)),
    "process_vm_writev": Sign("writes into another process", 10, ("T1055",)),
    "mount": Sign("mounts", 8, ("T1611",)),
    "move_mount": Sign("mounts", 8, ("T1611",)),
    "fsopen": Sign("mounts", 8, ("T1611",)),
    "umount2": Sign("unmounts", 4, ("T1611",)),
    "pivot_root": Sign("changes its root", 8, ("T1611",)),
    "chroot": Sign("changes its root", 4, ("T1611",)),
    "unshare": Sign("makes namespaces of its own", 6, ("T1611",)),
    "setns": Sign("enters other namespaces", 10, ("T1611",)),
    "init_module": Sign("loads code into the kernel", 14, ("T1547.006",)),
    "finit_module": Sign("loads code into the kernel", 14, ("T1547.006",)),
    "kexec_load": Sign("replaces the kernel", 14, ("T1547.006",)),
    "bpf": Sign("loads code into the kernel", 8, ("T1014",)),
    "memfd_create": Sign("makes a file that has no name", 2, ("T1620",)),
    "io_uring_setup": Sign("asks for a way round system calls", 2, ("T1106",)),
    "userfaultfd": Sign("handles page faults itself", 5, ("T1068",)),
    "perf_event_open": Sign("measures the kernel", 4, ("T1068",)),
    "keyctl": Sign("uses the kernel's keyring", 3, ("T1555",)),
    "capset": Sign("changes its capabilities", 2, ("T1548",)),
}
_USERS = Sign("changes its user", 2, ("T1548.001",))


def of_program(path: str) -> list[Sign]:
    """Return what speaks against a program, by its name and where it lies.

    >>> [sign.says for sign in of_program("/tmp/xmrig")]
    ['a known miner', 'run from a scratch folder']
    """
    name = path.rpartition("/")[2]
    found = [sign for names, sign in _PROGRAMS if name in names or name.rstrip("0123456789.") in names][:1]
    if _SCRATCH.match(path):
        found.append(Sign("run from a scratch folder", 3, ("T1105",)))
    return found


def of_file(path: str, access: Literal["read", "write"]) -> Sign | None:
    """Return what reading or writing a file is good for, where attackers like to.

    >>> of_file("/etc/shadow", "read").says, of_file("/etc/cron.d/job", "write").attack, of_file("/data/x", "write")
    ('password hashes', ('T1053.003',), None)
    """
    return next((place.sign for place in PLACES if place.access == access and place.where.fullmatch(path)), None)


def is_scratch(path: str) -> bool:
    """Return whether anybody may leave files there.

    >>> is_scratch("/tmp/x"), is_scratch("/data/tmp/x")
    (True, False)
    """
    return bool(_SCRATCH.match(path))


def of_end(address: str, port: int, name: str) -> list[Sign]:
    """Return what speaks against a far end.

    >>> [sign.says for sign in of_end("203.0.113.9", 3333, "")], of_end("10.0.0.1", 5432, "db")
    (['a port of mining pools'], [])
    """
    found = [Sign("a port of mining pools", 6, ("T1496",))] if port in MINING_PORTS else []
    if address in _METADATA:
        found.append(Sign("the cloud's metadata, which hands out credentials", 5, ("T1552.005",)))
    return found + of_name(name)[:1]


def of_name(name: str) -> list[Sign]:
    """Return what speaks against a DNS name.

    >>> [sign.says for sign in of_name("xmr.eu.nanopool.org")], of_name("db.shop.svc.cluster.local")
    (['a mining pool'], [])
    """
    if any(name == pool or name.endswith(f".{pool}") for pool in POOLS):
        return [Sign("a mining pool", 10, ("T1496",))]
    if name.endswith(".onion"):
        return [Sign("the Tor network", 8, ("T1090.003",))]
    labels = name.split(".")
    if any(_LABEL.fullmatch(label) and any(map(str.isdigit, label)) for label in labels[:-1]):
        return [Sign("a name that looks like data", 3, ("T1071.004", "T1048"))]
    return []


def of_call(name: str) -> Sign:
    """Return what a rare system call is good for.

    >>> of_call("setns").attack
    ('T1611',)
    """
    return CALLS.get(name, _USERS if name.startswith(("setuid", "setgid", "setre")) else Sign("rarely needed", 2, ()))


def is_mining(address: str, port: int, name: str) -> bool:
    """Return whether an end is a mining pool's by its port or name.

    >>> is_mining("203.0.113.9", 3333, ""), is_mining("203.0.113.9", 443, "")
    (True, False)
    """
    return any("T1496" in sign.attack for sign in of_end(address, port, name))
