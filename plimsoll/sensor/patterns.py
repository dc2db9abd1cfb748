"""What a workload's names have in common: from paths and addresses seen to what the kernel matches in general.

The kernel knows paths segment by segment, so a pattern is a path where `*` stands for one whole segment, or one
that ends in `/**` for all that lies below. Three things make patterns of paths:

    a name that a program made up     /data/temp-13.rdb          → /data/*
    a folder where much is used       8 files written, 50 read   → /spool/*
    too many patterns                 the deepest folders        → /srv/cache/**

A write that was learned for a name is also a read, a new file, a rename onto it and a deletion. In folders where
one file more is an attack (programs, libraries, configuration, credentials, timers) nothing but process ids and
the folders of a mounted Secret's versions is generalised: names there stay exact.

Of far ends, three addresses of a network stand for the network, eight networks of a port for any address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from plimsoll import normal

Access = Literal["read", "write"]

WRITES_OF_A_FOLDER, READS_OF_A_FOLDER = 8, 50
"""Different files of one folder from which on the folder is what was learned."""
FOLDERS_OF_A_FOLDER = 4
"""How many times as many subfolders it takes."""
MOST = 1024
"""Patterns of one workload; beyond, the deepest folders are taken as a whole."""
DEEPEST = 26
"""Segments the kernel walks."""

NETWORK_ADDRESSES, PORT_NETWORKS = 3, 8
"""Addresses of a network, and networks of a port, from which on any other is known."""

_EXACT = re.compile(
    r"""
      /(?:etc|bin|sbin|boot|root|proc|sys|lib[0-9a-z]*|host[a-z]*)(?:/|\Z)
    | /usr(?:/local)?(?:\Z|/(?:s?bin|lib[0-9a-z]*|libexec)(?:/|\Z))
    | (?:/var)?/run/(?:secrets|systemd)(?:/|\Z)
    | /var/spool/(?:cron|at)(?:/|\Z) | /var/lib/kubelet(?:/|\Z) | /dev\Z
    | .*/\.(?:ssh|gnupg|aws|kube|docker|config/systemd)(?:/|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_VERSION = re.compile(r"\.\.[0-9]{4}_[0-9]{2}_[0-9]{2}_.*", re.DOTALL)  # what a mounted Secret's files really lie in

_STARS = frozenset({"*", "**"})


class Pattern(NamedTuple):
    """Names that count as known, and for what."""

    text: str
    access: Access


def _reads(*texts: str) -> tuple[Pattern, ...]:
    return tuple(Pattern(text, "read") for text in texts)


HARMLESS: tuple[Pattern, ...] = (
    *_reads(*(f"{folder}/**" for folder in (
        "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share", "/usr/local/lib",
        "/usr/local/lib64", "/usr/local/share", "/etc/ssl/certs", "/etc/pki/tls/certs", "/sys",
    ))),
    *_reads(*(f"/etc/{name}" for name in (
        "ld.so.cache", "ld.so.preload", "hosts", "hostname", "resolv.conf", "host.conf", "nsswitch.conf", "gai.conf",
        "localtime", "timezone", "services", "protocols", "locale.alias", "mime.types", "ssl/openssl.cnf", "ssl/certs",
        "os-release",
    ))),
    *_reads(*(f"/proc/{name}" for name in (
        "cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version", "vmstat", "sys/**",
    ))),
    *_reads(*(f"/proc/*{thread}/{name}" for thread in ("", "/task/*") for name in (
        "auxv", "cgroup", "cmdline", "comm", "fd", "limits", "maps", "mountinfo", "mounts", "oom_score_adj", "sched",
        "schedstat", "smaps", "smaps_rollup", "stat", "statm", "status",
    ))),
    *_reads("/", "/proc", "/sys", "/proc/*/task", "/proc/*/task/*", "/dev", "/lib", "/usr/lib", "/usr/share"),
    *(Pattern(f"/dev/{name}", "write") for name in (
        "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts/*", "console",
    )),
)  # fmt: skip
"""What any program does and no attacker gains from: loading libraries, looking at processes and the machine."""


def exact(folder: str) -> bool:
    """Return whether names in this folder stay as they are, because one file more there is an attack.

    >>> exact("/etc/cron.d"), exact("/usr/local/bin"), exact("/root/.ssh"), exact(""), exact("/data")
    (True, True, True, True, False)
    """
    return not folder or bool(_EXACT.match(folder))


def generalised(path: str) -> str:
    """Return a path with the segments that a program made up as `*`.

    >>> generalised("/data/temp-13.rdb"), generalised("/proc/13/smaps"), generalised("/etc/tmp.18c3f2")
    ('/data/*', '/proc/*/smaps', '/etc/tmp.18c3f2')
    >>> generalised("/run/secrets/kubernetes.io/serviceaccount/..2026_03_05_12_00_00.123456789/token")
    '/run/secrets/kubernetes.io/serviceaccount/*/token'
    """
    segments = _segments(path)
    names = _segments(normal.path(path))
    if len(names) != len(segments):
        return path
    return "/" + "/".join(
        "*" if name != segment and _may_vary("/".join(["", *segments[:place]]), segment) else segment
        for place, (segment, name) in enumerate(zip(segments, names, strict=True))
    )


def _may_vary(folder: str, segment: str) -> bool:
    if not exact(folder):
        return True
    return bool(_VERSION.fullmatch(segment)) or (folder.startswith("/proc") and segment.isdecimal())


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


Tree = dict[str, "Tree"]
"""Segments below segments; the key "" marks where a path ends."""


def learned(reads: Iterable[str], writes: Iterable[str]) -> list[Pattern]:
    """Return the patterns that paths read and paths written amount to; exact paths are not among them.

    >>> learned(["/proc/13/smaps"], ["/data/temp-13.rdb", "/data/dump.rdb"])
    [Pattern(text='/data/*', access='write'), Pattern(text='/proc/*/smaps', access='read')]
    >>> learned([], [f"/spool/{name}" for name in "abcdefgh"])
    [Pattern(text='/spool/*', access='write')]
    >>> learned([], [f"/etc/{name}" for name in "abcdefgh"])
    []
    """
    found = [
        *_patterns(writes, "write", WRITES_OF_A_FOLDER),
        *_patterns(reads, "read", READS_OF_A_FOLDER),
    ]
    return sorted(set(found))


def _patterns(paths: Iterable[str], access: Access, limit: int) -> list[Pattern]:
    tree: Tree = {}
    for path in paths:
        if path.startswith("/") and _STARS.isdisjoint(_segments(path)):  # a file of that name would open its folder
            _plant(tree, _segments(generalised(path))[:DEEPEST])
    _collapse(tree, "", limit)
    for depth in range(DEEPEST, 1, -1):
        found = [text for text in _texts(tree, "", depth) if not _STARS.isdisjoint(_segments(text))]
        if len(found) <= MOST:
            break
    return [Pattern(text, access) for text in found[:MOST]]


def _plant(tree: Tree, segments: Sequence[str]) -> None:
    for segment in segments:
        tree = tree.setdefault(segment, {})
    tree[""] = {}


def _collapse(tree: Tree, folder: str, limit: int) -> None:
    """Make one `*` of what is too much to be told by name, from the top down."""
    if not exact(folder):
        files = [name for name, below in tree.items() if name not in ("", "*") and "" in below]
        folders = [name for name, below in tree.items() if name not in ("", "*") and below.keys() - {""}]
        if len(files) >= limit:
            tree.setdefault("*", {})[""] = {}
            for name in files:
                _without_end(tree, name)
        if len(folders) >= FOLDERS_OF_A_FOLDER * limit:
            for name in folders:
                _merge(tree.setdefault("*", {}), tree.pop(name, {}))
    for name, below in tree.items():
        _collapse(below, f"{folder}/{name}", limit)


def _without_end(tree: Tree, name: str) -> None:
    del tree[name][""]
    if not tree[name]:
        del tree[name]


def _merge(into: Tree, other: Tree) -> None:
    for name, below in other.items():
        _merge(into.setdefault(name, {}), below)


def _texts(tree: Tree, folder: str, depth: int) -> Iterator[str]:
    """Yield the paths of a tree; where it is deeper than `depth`, its folder with all that lies below."""
    for name, below in tree.items():
        if name == "":
            yield folder
        elif depth == 1 and below.keys() - {""} and not exact(f"{folder}/{name}"):
            yield f"{folder}/{name}/**"
        else:
            yield from _texts(below, f"{folder}/{name}", max(1, depth - 1))


def covers(pattern: str, path: str) -> bool:
    """Return whether a path is one of the pattern's.

    >>> covers("/data/*", "/data/x"), covers("/data/*", "/data/x/y"), covers("/lib/**", "/lib/x/y"), covers("/lib/**", "/lib")
    (True, False, True, False)
    """
    wanted, segments = _segments(pattern), _segments(path)
    if wanted and wanted[-1] == "**":
        wanted.pop()
        return len(segments) > len(wanted) and _agree(wanted, segments)
    return len(wanted) == len(segments) and _agree(wanted, segments)


def _agree(wanted: Sequence[str], segments: Sequence[str]) -> bool:
    return all(one in ("*", other) for one, other in zip(wanted, segments, strict=False))


class End(NamedTuple):
    """The far end of a connection."""

    protocol: str
    address: str
    port: int


_END = re.compile(r"\[?([0-9a-fA-F:.]{2,45})\]?:([0-9]{1,5})/([a-z]{1,8})")


def end(text: str) -> End | None:
    """Return the end that a text like `address:port/protocol` names.

    >>> end("10.0.0.1:443/tcp"), end("[2001:db8::1]:53/udp")
    (End(protocol='tcp', address='10.0.0.1', port=443), End(protocol='udp', address='2001:db8::1', port=53))
    """
    found = _END.fullmatch(text)
    return End(found[3], found[1], int(found[2])) if found else None


def reached(ends: Iterable[End]) -> tuple[list[End], list[tuple[str, int]]]:
    """Return what ends amount to: networks, each as one end in it, and ports (protocol, port) of any address.

    >>> reached(End("tcp", f"10.0.0.{n}", 443) for n in range(3))
    ([End(protocol='tcp', address='10.0.0.0', port=443)], [])
    >>> reached(End("tcp", f"10.0.{n}.1", 443) for n in range(8))
    ([], [('tcp', 443)])
    """
    networks: dict[tuple[str, int, str], set[str]] = {}
    for one in ends:
        networks.setdefault((one.protocol, one.port, normal.network(one.address)), set()).add(one.address)
    ports: dict[tuple[str, int], int] = {}
    for protocol, port, _ in networks:
        ports[protocol, port] = ports.get((protocol, port), 0) + 1
    return (
        [
            End(protocol, min(addresses), port)
            for (protocol, port, _), addresses in sorted(networks.items())
            if len(addresses) >= NETWORK_ADDRESSES
        ],
        sorted(port for port, count in ports.items() if count >= PORT_NETWORKS),
    )
