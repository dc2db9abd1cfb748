"""How names are made comparable: what differs between two runs of the same thing becomes `*`.

Two pods of a Deployment, two nights of a backup, two saves of a database do the same under other
names. A fact keeps the part of a name that somebody chose and drops the part that a program made
up: process ids, hashes, dates, counters, random endings. Every function here is pure and total:
any text in, a comparable text out, no longer than it was but for a few characters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

_LONGEST_PATH = 4096  # PATH_MAX: the kernel hands out no longer path
_LONGEST_NAME = 255  # NAME_MAX; Kubernetes stops at 253
_LONGEST_AGENT = 1024
_LONGEST_ADDRESS = 64

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""The letters of Kubernetes' generated names (apimachinery, util/rand): no vowels, so no words.

A pod-template-hash is a decimal number written in it, hence only `456789bcdf`.
"""

_VARYING = re.compile(
    rf"""
      \A[0-9]+\Z                                                                                      # a process id
    | [0-9A-Fa-f]{{8}}(?P<u>[-_])(?:[0-9A-Fa-f]{{4}}(?P=u)){{3}}[0-9A-Fa-f]{{12}}                     # a UUID
    | (?<![0-9])(?:19|20)[0-9]{{2}}(?P<d>[-_.]?)(?:0[1-9]|1[0-2])(?P=d)(?:0[1-9]|[12][0-9]|3[01])     # a date …
      (?:[T_ .-]?[0-9]{{2}}(?P<t>[-:_.]?)[0-9]{{2}}(?:(?P=t)[0-9]{{2}})?(?:[.,][0-9]+)?Z?)?(?![0-9])  # … and time
    | (?<![0-9])(?:19|20)[0-9]{{2}}[-_](?:0[1-9]|1[0-2])(?![0-9])                                     # a month
    | (?<![0-9])[0-9]{{2}}(?P<c>[:_])[0-9]{{2}}(?P=c)[0-9]{{2}}(?![0-9])                              # a time of day
    | (?<![0-9A-Za-z])(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{{8,}}(?![0-9A-Za-z])                              # a hash
    | (?<![0-9A-Za-z])(?=[0-9A-Za-z]*[0-9][A-Za-z])[0-9A-Za-z]{{20,}}(?![0-9A-Za-z])                  # a ULID, base 32
    | [0-9]{{5,}}                                                                                     # a long number
    | (?<=\[)[0-9]+(?=\])                                                                             # pipe:[17]
    | (?<=[A-Za-z]\.)(?<!\.so\.)[0-9]+(?=\.[A-Za-z])                                                  # aof.3.incr.aof
    | \A[0-9]{{3,}}(?=_(?:fsm|vm|init)\Z)                                                             # oid: 2619_fsm
    | \A[0-9]{{4,}}(?=\.[0-9]+\Z)                                                                     # and 2619.1
    | (?<=-)(?=[a-z]*[0-9])[{_SAFE}]{{5}}(?=_)                                                        # agent-x2k4q_…
    """,
    re.VERBOSE,
)
_AFTER = re.compile(rf"\*(?:[-_.:]?\*|[-_.:][0-9]+(?![0-9A-Za-z])|-[{_SAFE}]{{5}}(?![0-9A-Za-z]))+")
"""A number or pod ending right after what varies varies with it."""

_TEMPORARY = (
    re.compile(r"((?<![0-9A-Za-z])tmp)[0-9a-z_]{8}(?![0-9A-Za-z_])"),  # Python's tempfile
    re.compile(r"((?<![0-9A-Za-z])tmp\.)[0-9A-Za-z]{6,12}(?![0-9A-Za-z])"),  # mktemp
    re.compile(r"(\Ased)(?=[a-z]*[0-9A-Z])[0-9A-Za-z]{6}\Z"),  # sed -i
    re.compile(r"(?s)(\A\..*\.)(?=[0-9A-Za-z]*(?:[0-9][A-Za-z]|[a-z][A-Z]))[0-9A-Za-z]{6}\Z"),  # rsync: .name.AbC123
)
_RANDOM = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:(?=[0-9A-Za-z]*[0-9][A-Za-z])[0-9A-Za-z]{6,}"
    r"|(?=[0-9A-Za-z]*[a-z][A-Z])(?:[0-9A-Za-z]{6}|[0-9A-Za-z]{8}|[0-9A-Za-z]{10}))"
    r"(?![0-9A-Za-z])"
)
"""A made-up word of a scratch name: digits before letters, or capitals inside one of mkstemp's lengths."""
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?![0-9A-Za-z])|(?<=[A-Za-z])[0-9]{3,}(?![0-9])")
_DELETED = re.compile(r"(?<=[^.]) \(deleted\)\Z")  # what /proc adds to the path of an unlinked file
_WORD = re.compile(r"[0-9A-Za-z]+")
_FAN = re.compile(r"[0-9a-f]|[0-9][a-f]|[a-f][0-9]")  # directories that spread hashes: cache/c/29/b7f54b2d…

_SCRATCH_WORDS = frozenset({"tmp", "temp", "swp"})
_COUNTED = re.compile(r"(?i)[._](?:log|pid|bak)(?![0-9A-Za-z])")  # log.1, access_log.2.gz
_COUNTED_FOLDERS = frozenset({"run", "log", "logs"})


def path(text: str) -> str:
    """Return a file path with what varies in it as `*`; `.`, `..` and double slashes are resolved.

    >>> path("/proc/1234/fd/7"), path("/proc/self//status")
    ('/proc/*/fd/*', '/proc/self/status')
    >>> path("/data/temp-13.rdb"), path("/var/log/syslog.2.gz"), path("/tmp/tmpk3_x9w2a/x")
    ('/data/temp-*.rdb', '/var/log/syslog.*.gz', '/tmp/tmp*/x')
    >>> path("/usr/lib/libssl.so.3"), path("/usr/bin/python3.11"), path("../etc/./log4j2.xml")
    ('/usr/lib/libssl.so.3', '/usr/bin/python3.11', '../etc/log4j2.xml')
    """
    text = text[:_LONGEST_PATH]
    root = "/" if text.startswith("/") else ""
    segments = _comparable(_resolved(text, absolute=bool(root)))
    return root + "/".join(segments) or (text and ".")


def directory(text: str) -> str:
    """Return the pattern of a path's directory.

    >>> directory("/data/temp-13.rdb"), directory("/data/*"), directory("dump.rdb")
    ('/data/*', '/data/*', '*')
    """
    parent, slash, _ = path(text).rpartition("/")
    return parent + slash + "*" if text else ""


def _resolved(text: str, *, absolute: bool) -> list[str]:
    """Return the segments of a path without empty ones, `.`, and each `..` with what it leaves."""
    segments: list[str] = []
    for segment in text.split("/"):
        if segment in ("", "."):
            continue
        if segment != "..":
            segments.append(segment)
        elif segments and segments[-1] != "..":
            segments.pop()
        elif not absolute:
            segments.append("..")
    return segments


def _comparable(segments: Sequence[str]) -> list[str]:
    """Return the segments of a path, each made comparable in the light of the directories above it."""
    found: list[str] = []
    scratch = counted = False
    for segment in segments:
        name = _segment(segment, scratch=scratch, counted=counted)
        scratch = scratch or name == "shm" or _is_scratch(name)
        counted = counted or name in _COUNTED_FOLDERS
        found.append(name)
    for place in range(len(found) - 2, -1, -1):
        if found[place + 1] == "*" != segments[place + 1] and _FAN.fullmatch(found[place]):
            found[place] = "*"
    return found


@lru_cache(maxsize=8192)  # paths share their directories
def _segment(name: str, *, scratch: bool, counted: bool) -> str:
    return _settled(name, partial(_once_in_path, scratch=scratch, counted=counted))


def _settled(name: str, once: Callable[[str], str]) -> str:
    """Return what is left of a name when taking out finds no more; each round turns some text to `*`, so it ends."""
    if len(name) > _LONGEST_NAME:
        return "*"
    while (calmer := once(name)) != name:
        name = calmer
    return name


def _once(name: str) -> str:
    return _AFTER.sub("*", _VARYING.sub("*", name))


def _once_in_path(name: str, *, scratch: bool, counted: bool) -> str:
    scratch = scratch or _is_scratch(name)
    counted = counted or scratch or bool(_COUNTED.search(name))
    name = _DELETED.sub("", name)
    for pattern in _TEMPORARY:
        name = pattern.sub(r"\1*", name)
    name = _VARYING.sub("*", name)
    if scratch:
        name = _RANDOM.sub("*", name)
    if counted:
        name = _NUMBER.sub("*", name)
    return _AFTER.sub("*", name)


def _is_scratch(name: str) -> bool:
    return not _SCRATCH_WORDS.isdisjoint(_WORD.findall(name.lower()))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_METADATA = frozenset({"169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"})
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_CGNAT = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598; some clouds give it to pods


def network(ip: str) -> str:
    """Return the network next to an address: /24 of IPv4, /64 of IPv6; a text that is no address stays.

    >>> network("203.0.113.7"), network("2001:db8::1"), network("::ffff:10.8.0.33"), network("")
    ('203.0.113.0/24', '2001:db8::/64', '10.8.0.0/24', '')
    """
    address = _address(ip)
    return ip if address is None else _within(address, 24, 64)


def zone(ip: str) -> str:
    """Return where on the map an address lies; a text that is no address stays.

    >>> zone("10.8.0.33"), zone("203.0.113.7"), zone("169.254.169.254"), zone("::1")
    ('private 10.8.0.0/16', 'external 203.0.0.0/8', 'metadata', 'loopback')
    """
    address = _address(ip)
    if address is None:
        return ip
    if str(address) in _METADATA:
        return "metadata"
    for name in ("loopback", "unspecified", "multicast"):
        if getattr(address, f"is_{name}"):
            return name
    if address.is_link_local:
        return "link-local"
    if any(address in private for private in _PRIVATE):
        return f"private {_within(address, 16, 48)}"
    return f"cgnat {_CGNAT}" if address in _CGNAT else f"external {_within(address, 8, 32)}"


def _address(ip: str) -> _Address | None:
    """Return the address a text is, without zone index; an IPv4 one where it is mapped into IPv6."""
    if len(ip) > _LONGEST_ADDRESS:
        return None
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: _Address, bits4: int, bits6: int) -> str:
    bits = bits4 if address.version == 4 else bits6
    return str(ipaddress.ip_network((address.packed, bits), strict=False))


class Agent(NamedTuple):
    """What a client calls itself."""

    product: str
    version: str
    """Major and minor; a patch release is no news."""
    platform: str
    """`linux/amd64`, or the operating system or language where no more is told."""


_PRODUCT = re.compile(r"\s*(?P<product>[^/()]*[^/()\s])(?:/(?P<version>[^/\s]*)(?:/(?P<language>[a-z]+)(?!\S))?)?")
_BROWSER = re.compile(r"(?<!\S)([A-Za-z][^\s/]*)/(\S+)")
_VERSION = re.compile(r"v?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_ENGINES = frozenset({"Mozilla", "AppleWebKit", "Gecko", "KHTML", "Version", "Mobile", "Safari"})
_PLATFORM = re.compile(r"\(([a-z0-9]+/[a-z0-9_]+)\)")
_SYSTEM = re.compile(r"windows|android|iphone|ipad|darwin|macintosh|mac os|linux|freebsd")
_SAME_SYSTEM = {"macintosh": "darwin", "mac os": "darwin", "iphone": "ios", "ipad": "ios"}


def agent(text: str) -> Agent:
    """Return product, version and platform of a user agent.

    >>> agent("kubectl/v1.34.1 (linux/amd64) kubernetes/5cb9f9c")
    Agent(product='kubectl', version='v1.34', platform='linux/amd64')
    >>> agent("OpenAPI-Generator/30.1.0/python")
    Agent(product='OpenAPI-Generator', version='30.1', platform='python')
    >>> agent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.1.2 Safari/537.36")
    Agent(product='Chrome', version='126.0', platform='linux')
    """
    text = text[:_LONGEST_AGENT]
    found = _PRODUCT.match(text)
    if not found:
        return Agent("", "", _platform(text, ""))
    product, version = found["product"], found["version"] or ""
    if product == "Mozilla":
        product, version = _browser(text)
    return Agent(_settled(product, _once), _version(version), _platform(text, found["language"] or ""))


def _browser(text: str) -> tuple[str, str]:
    """Return product and version of who says `Mozilla/5.0` first, as everybody does."""
    products: list[tuple[str, str]] = _BROWSER.findall(re.sub(r"\([^()]*\)", " ", text))
    telling = [each for each in products if each[0] not in _ENGINES]
    safari = [each for each in products if each[0] == "Safari"]
    return (telling or safari or products or [("Mozilla", "")])[-1]


def _version(text: str) -> str:
    short = _VERSION.match(text)
    return short[0] if short else _settled(text, _once)


def _platform(text: str, language: str) -> str:
    exact = _PLATFORM.search(text)
    if exact or language:
        return exact[1] if exact else language
    system = _SYSTEM.search(text.lower())
    return _SAME_SYSTEM.get(system[0], system[0]) if system else ""


_HASH = rf"(?:[4-9bcdf]{{6,10}}|[{_SAFE}]{{8,10}})"
_STAMP = r"(?:[23][0-9]{7}|1[0-9]{9})"  # minutes since 1970, seconds before Kubernetes 1.21; no hash has a 1, 2 or 3
_CRON = re.compile(rf"(?s)(.+)-{_STAMP}")
_ORDINAL = re.compile(r"(?s)(.+)-(?:0|[1-9][0-9]{0,3})")
_ENDING = re.compile(rf"(?s)(.+)-(?!https|html5)[{_SAFE}]{{5}}")
_SHAPES = (
    ("CronJob", re.compile(rf"(?s)(.+)-{_STAMP}-[0-9a-z]{{5}}")),
    ("Deployment", re.compile(rf"(?s)(.+)-{_HASH}-[{_SAFE}]{{5}}")),
    ("StatefulSet", _ORDINAL),
    ("DaemonSet", _ENDING),
)
_TEMPLATE_LABELS = (("rollouts-pod-template-hash", "Rollout"), ("pod-template-hash", "Deployment"))


def workload_of_pod(name: str, labels: Mapping[str, str] | None = None, node: str = "") -> tuple[str, str]:
    """Return kind and name of the workload a pod belongs to, as its labels tell, else as its name looks.

    A static pod, which bears its node's name, is a `Pod` under the name in its manifest. A pod of
    a bare Job without labels looks like one of a DaemonSet.

    >>> workload_of_pod("web-7d9c5b8f6d-x2k4q"), workload_of_pod("redis-0"), workload_of_pod("fluent-bit-x2k4q")
    (('Deployment', 'web'), ('StatefulSet', 'redis'), ('DaemonSet', 'fluent-bit'))
    >>> workload_of_pod("report-28912345-abcde"), workload_of_pod("etcd-node-1", node="node-1"), workload_of_pod("web")
    (('CronJob', 'report'), ('Pod', 'etcd'), ('Pod', 'web'))
    """
    if node and name.endswith(f"-{node}") and len(name) > len(node) + 1:
        return "Pod", name[: -len(node) - 1]
    told = _by_labels(name, labels or {})
    if told:
        return told
    shapes = ((kind, shape.fullmatch(name)) for kind, shape in _SHAPES)
    return next(((kind, match[1]) for kind, match in shapes if match), ("Pod", name))


def _by_labels(name: str, labels: Mapping[str, str]) -> tuple[str, str] | None:
    for label, kind in _TEMPLATE_LABELS:
        head = name.rpartition(f"-{labels[label]}-")[0] if labels.get(label) else ""
        if head:
            return kind, head
    job = labels.get("batch.kubernetes.io/job-name") or labels.get("job-name")
    if job:
        cron = _CRON.fullmatch(job)
        return ("CronJob", cron[1]) if cron else ("Job", _without(_ENDING, job))
    if "statefulset.kubernetes.io/pod-name" in labels:
        return "StatefulSet", _without(_ORDINAL, name)
    return ("DaemonSet", _without(_ENDING, name)) if "controller-revision-hash" in labels else None


def _without(ending: re.Pattern[str], name: str) -> str:
    match = ending.fullmatch(name)
    return match[1] if match else name


def identity(username: str, groups: Sequence[str] | None = None) -> str:
    """Return whose a request is: `sa:`, `node:` or `user:`.

    A node is one only within the group `system:nodes`, where groups are told: the node authorizer asks for both.

    >>> identity("system:serviceaccount:ci:deployer"), identity("system:node:ip-10-0-1-2", ["system:nodes"])
    ('sa:ci/deployer', 'node:ip-10-0-1-2')
    >>> identity("alice@acme.io"), identity("system:anonymous")
    ('user:alice@acme.io', 'user:system:anonymous')
    """
    system, _, rest = username.partition(":")
    kind, _, name = rest.partition(":")
    if system == "system" and kind == "serviceaccount":
        namespace, _, account = name.partition(":")
        if namespace and account and ":" not in account and "/" not in name:
            return f"sa:{namespace}/{account}"
    if system == "system" and kind == "node" and name and (not groups or "system:nodes" in groups):
        return f"node:{name}"
    return f"user:{username}"


_HASHED = re.compile(rf"(?s)(.+-){_HASH}")
_RUN = re.compile(rf"(?s)(.+-)(?:{_STAMP}|(?!https|html5)[{_SAFE}]{{5}})")
_RELEASE = re.compile(r"(?s)(sh\.helm\.release\.v[0-9]+\..+\.v)[0-9]+")
_TOKEN = re.compile(r"(?s)((?:.+-)?(?:token|dockercfg)-)[0-9a-z]{5,6}")
_GENERATED: dict[str, tuple[re.Pattern[str], ...]] = {
    "replicasets": (_HASHED,),
    "controllerrevisions": (_HASHED,),
    "jobs": (_RUN,),
    "endpointslices": (_RUN,),
    "certificatesigningrequests": (_RUN,),
    "certificaterequests": (_RUN,),
    "workflows": (_RUN,),
    "pipelineruns": (_RUN,),
    "taskruns": (_RUN,),
    "secrets": (_RELEASE, _TOKEN),
    "configmaps": (_RELEASE,),
}
_NUMBERED = frozenset({"nodes", "csinodes", "leases", "ipaddresses"})
_EVENT = re.compile(r"(?s)(.+)\.[0-9a-f]{14,16}")  # the object's name and a time in nanoseconds
_KUSTOMIZED = re.compile(rf"(?<=-)(?=[a-z]*[0-9])[{_SAFE}]{{10}}\Z")  # the hash of a ConfigMap's or Secret's content


def object_name(resource: str, name: str) -> str:
    """Return the name of a Kubernetes object with its generated parts as `*`.

    >>> object_name("pods", "web-7d9c5b8f6d-x2k4q"), object_name("pods", "redis-0")
    ('web-*', 'redis-0')
    >>> object_name("secrets", "sh.helm.release.v1.web.v12"), object_name("secrets", "payments-db")
    ('sh.helm.release.v1.web.v*', 'payments-db')
    >>> object_name("leases", "ip-10-20-1-20"), object_name("jobs", "report-28912345")
    ('ip-*', 'report-*')
    """
    return _settled(name, partial(_once_of_object, resource))


def _once_of_object(resource: str, name: str) -> str:
    if resource == "events":
        name = _EVENT.sub(r"\1.*", name) if _EVENT.fullmatch(name) else name
    for pattern in _GENERATED.get(resource, ()):
        match = pattern.fullmatch(name)
        name = f"{match[1]}*" if match else name
    if resource in ("pods", "events"):
        name = _pod(name)
    name = _once(_KUSTOMIZED.sub("*", name))
    return re.sub(r"[0-9]+", "*", name) if resource in _NUMBERED else name


def _pod(name: str) -> str:
    name, dot, rest = name.partition(".*")
    kind, workload = workload_of_pod(name)
    return (name if kind in ("Pod", "StatefulSet") else f"{workload}-*") + dot + rest
