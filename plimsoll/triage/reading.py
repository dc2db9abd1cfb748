"""A line → what was seen: whose alert it is, of which rule, and its signature on the ladder.

    L0 all · L1 rule · L2 rule × image · L3 the signature: × executable, parent, command, destination · L4 × workload

Three kinds of lines are read: our own alerts, Falco's, and anything that has `id`, `time`, `subject`, `title`,
`severity` and `kind`. Each may also tell `actor`, `workload`, `pod`, `node`, `image`, `digest`, `exe`, `exe_hash`,
`parent`, `command`, `destination`, `ip`, `agent` and `groups`: what is told is used, what is not is unknown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from plimsoll import normal
from plimsoll.triage import rule_classes

LONGEST = 1_000
"""Characters of a text that tell signatures apart."""
SEVERITIES = ("info", "low", "medium", "high", "critical")
_PRIORITIES = {
    "emergency": "critical",
    "alert": "critical",
    "critical": "critical",
    "error": "high",
    "warning": "medium",
    "notice": "low",
    "informational": "info",
    "debug": "info",
}
_INTO = re.compile(
    r"`(?:create|get|patch|update|delete) pods(?:/[a-z]{1,32})?(?: [^`]{0,80})?` in ([a-z0-9-]{1,63}) of ([a-z0-9.-]{1,253})(?=[, ]|$)"
)
"""How our own alerts tell of a request about one pod: a command run in it, a container put into it, its creation."""
MOST_INTO = 4
_VARYING = re.compile(r"[0-9a-fA-F]{8,}|[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)
NOBODY = "(unknown)"
"""The workload of an alert that tells of none."""
_NOTHING = ("<NA>", "null")
"""What Falco says where a field has no value."""


class Unreadable(ValueError):
    """A line that is no alert; its text is the reason."""


class Shape(msgspec.Struct, frozen=True):
    """What alerts of one kind about one workload have in common."""

    rule: str
    workload: str
    namespace: str
    actor: str
    """Who did it, as the cluster names him; empty where a machine did it by itself."""
    guarded: bool
    """Nothing excuses it."""
    rule_class: str
    keys: tuple[str, str, str, str]
    """Digests of the ladder's rungs L1 … L4."""
    detailed: bool
    """The signature says more than rule and image."""
    details: tuple[tuple[str, str], ...]
    """What the signature says: image, exe, parent, command, destination."""


class Seen(msgspec.Struct, frozen=True):
    """One alert as triage sees it."""

    id: str
    time: int
    """Microseconds since 1970."""
    severity: str
    shape: Shape
    title: str = ""
    pod: str = ""
    node: str = ""
    digest: str = ""
    """Digest of the image."""
    exe_hash: str = ""
    ip: str = ""
    agent: str = ""
    groups: tuple[str, ...] = ()
    gap: bool = False
    """The sensor says that it lost events here."""
    into: tuple[str, ...] = ()
    """Pods that an identity made, or went into, through the API."""


class _Line(msgspec.Struct):
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    id: str | int | None = None
    subject: str | None = None
    title: str | None = None
    severity: str | None = None
    kind: str | None = None
    attack: list[str] | None = None
    facts: list[str] | None = None
    why: msgspec.Raw = msgspec.Raw()
    actor: str | None = None
    workload: str | None = None
    pod: str | None = None
    node: str | None = None
    image: str | None = None
    digest: str | None = None
    exe: str | None = None
    exe_hash: str | None = None
    parent: str | None = None
    command: str | None = None
    destination: str | None = None
    ip: str | None = None
    agent: str | None = None
    groups: list[str] | None = None
    rule: str | None = None
    priority: str | None = None
    hostname: str | None = None
    uuid: str | None = None
    output_fields: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Line).decode


def read(line: bytes) -> Seen:
    """Return the alert of a line; raise Unreadable where it is none.

    >>> seen = read(b'{"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "host:mail", "title": "IDS event 7"}')
    >>> seen.shape.workload, seen.shape.rule
    ('host:mail', 'IDS event *')
    """
    try:
        told = _decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as broken:
        raise Unreadable(str(broken)) from None
    return _seen(told, line)


def of(row: Mapping[str, Any]) -> Seen:
    """Return the alert of a row, as it would be read from a line.

    >>> of({"id": "1", "time": "2026-01-01T00:00:00Z", "subject": "user:bob", "title": "x"}).shape.actor
    'bob'
    """
    return read(msgspec.json.encode(row))


def _seen(told: _Line, line: bytes) -> Seen:
    if not _EPOCH <= told.time <= _LAST:
        raise Unreadable("the time is out of reach")
    time = (told.time - _EPOCH) // _MICROSECOND
    if told.rule is not None and told.title is None:
        return _of_falco(told, time, line)
    if told.id is None or not (told.title or told.kind):
        raise Unreadable("an alert has `id`, `time` and `title`")
    kind, title, subject = told.kind or "", told.title or "", told.subject or ""
    shape = _shape(
        kind,
        _rule(kind, title, subject, tuple(told.facts or ())),
        subject,
        told.workload or "",
        told.actor or "",
        *(told.image or "", told.exe or "", told.parent or "", _template(told.command or ""), told.destination or ""),
        tuple(told.facts or ()),
        tuple(told.attack or ()),
    )
    return Seen(
        id=str(told.id),
        time=time,
        severity=severity(told.severity or ""),
        shape=shape,
        title=title,
        pod=told.pod or "",
        node=told.node or "",
        digest=told.digest or "",
        exe_hash=told.exe_hash or "",
        ip=told.ip or "",
        agent=told.agent or "",
        groups=tuple(told.groups or ()),
        into=_into(told.why) if subject.startswith(_IDENTITIES) else (),
        gap=kind == LOSS,
    )


_IDENTITIES = ("user:", "sa:", "node:")
LOSS = "loss"
"""The kind of the sensor's own word that it lost events."""


def _into(why: msgspec.Raw) -> tuple[str, ...]:
    """Return the pods that the reasons of one of our alerts name.

    >>> _into(msgspec.Raw(b'["`create pods/exec` in shop of web-0 from 203.0.113.7 with kubectl, 1 time"]'))
    ('shop/web-0',)
    """
    found = _INTO.findall(bytes(why)[: 4 * LONGEST].decode("utf-8", "replace"))
    return tuple(dict.fromkeys(f"{namespace}/{pod}" for namespace, pod in found[:MOST_INTO]))


def severity(word: str) -> str:
    """Return a severity of ours for one of ours or a priority of Falco's; an unknown one counts as medium.

    >>> severity("Warning"), severity("HIGH"), severity("?")
    ('medium', 'high', 'medium')
    """
    small = word.lower()
    return small if small in SEVERITIES else _PRIORITIES.get(small, "medium")


def _of_falco(told: _Line, time: int, line: bytes) -> Seen:
    fields = told.output_fields or {}

    def field(*names: str) -> str:
        for name in names:
            value = fields.get(name)
            if value is not None and value != "" and value not in _NOTHING:
                return str(value)[:LONGEST]
        return ""

    rule, pod, host = told.rule or "", field("k8s.pod.name", "ka.target.pod.name"), told.hostname or ""
    namespace = field("k8s.ns.name", "ka.target.namespace")
    shape = _shape(
        "falco",
        rule[:LONGEST],
        "",
        _workload(namespace, pod, field("container.name", "container.id"), field("container.image.repository"), host),
        field("ka.user.name") or _person(field("user.loginname")),
        field("container.image.repository", "container.image"),
        field("proc.exepath", "proc.name"),
        field("proc.pexepath", "proc.pname"),
        _template(field("proc.cmdline", "ka.uri")),
        _destination(field("fd.sip", "fd.rip"), field("fd.sport", "fd.rport"), field("fd.name")),
        (),
        (),
    )
    return Seen(
        id=told.uuid or hashlib.blake2b(line.strip(), digest_size=12).hexdigest(),
        time=time,
        severity=severity(told.priority or ""),
        shape=shape,
        title=rule,
        pod=f"{namespace}/{pod}" if pod else "",
        node=host,
        digest=field("container.image.digest"),
        exe_hash=field("proc.hash.sha256"),
        ip=field("ka.sourceips"),
        agent=field("ka.useragent"),
        gap="Falco internal" in rule and "drop" in rule,
    )


def _person(login: str) -> str:
    return "" if login == "root" else login


@lru_cache(maxsize=65_536)
def _workload(namespace: str, pod: str, container: str, image: str, host: str) -> str:
    if pod:
        kind, name = normal.workload_of_pod(pod)
        return f"{namespace}/{kind}/{name}"
    if container and container != "host":
        return f"{namespace or 'host'}/Container/{image or container}"
    return f"host:{host}"


@lru_cache(maxsize=65_536)
def _destination(address: str, port: str, name: str) -> str:
    if address:
        return f"{normal.zone(address)}:{port}"
    return normal.path(name) if name.startswith("/") else _template(name)


def _template(text: str) -> str:
    """Return a text with numbers and digests as `*`.

    >>> _template("curl -o /tmp/4f3a9c0d1e2b x 17")
    'curl -o /tmp/* x *'
    """
    return _VARYING.sub("*", text[:LONGEST])


@lru_cache(maxsize=65_536)
def _shape(
    kind: str,
    rule: str,
    subject: str,
    workload: str,
    actor: str,
    image: str,
    exe: str,
    parent: str,
    command: str,
    destination: str,
    facts: tuple[str, ...],
    attack: tuple[str, ...],
) -> Shape:
    who = actor or _named(subject)
    whose = workload or subject or NOBODY
    told = "; ".join(sorted({fact for fact in facts if not fact.startswith(_NO_DETAIL)}))[:LONGEST]
    details = {
        "image": _repository(image),
        "exe": normal.path(exe) if exe.startswith("/") else exe,
        "parent": normal.path(parent) if parent.startswith("/") else parent,
        "command": command,
        "destination": destination,
        "facts": told,
    }
    return shape_of(rule, whose, details, actor=who, guarded=rule_classes.never_muted(rule, kind, attack))


def _repository(image: str) -> str:
    """Return an image without tag and digest.

    >>> _repository("registry:5000/shop/web:1.2@sha256:ab"), _repository("web")
    ('registry:5000/shop/web', 'web')
    """
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


_NO_DETAIL = ("rule ", "address ", "version ")
"""Facts that only repeat the rule, or are too fleeting to tell signatures apart."""


def _rule(kind: str, title: str, subject: str, facts: tuple[str, ...]) -> str:
    """Return what is counted as one rule: Falco's name, our rule's title, the verbs of a deviation, else the title.

    >>> _rule("rule", "user:bob: Debug container put into a running pod, `patch pods` in a", "user:bob", ())
    'Debug container put into a running pod'
    >>> _rule("deviation", "sa:ci/x: list secrets for the first time", "sa:ci/x", ("request list secrets", "agent curl"))
    'deviation: agent, request'
    """
    if kind == "falco":
        return title[:LONGEST]
    plain = title.removeprefix(f"{subject}: ") if subject else title
    if kind == "rule":
        return plain.partition(", `")[0][:LONGEST]
    if kind == "deviation" and facts:
        return "deviation: " + ", ".join(sorted({fact.partition(" ")[0] for fact in facts}))[:LONGEST]
    return _template(plain.replace(subject, "*") if subject else plain)


DETAILS = ("image", "exe", "parent", "command", "destination", "facts")
"""What a signature says beyond its rule, in order."""


def shape_of(rule: str, workload: str, details: Mapping[str, str], *, actor: str = "", guarded: bool = False) -> Shape:
    """Return the shape of an alert whose rule and details are in their general form already.

    >>> one = of({"id": "1", "time": "2026-01-01T00:00:00Z", "title": "x", "exe": "/bin/sh", "workload": "a/Pod/b"}).shape
    >>> shape_of(one.rule, one.workload, dict(one.details)) == one
    True
    """
    told = {name: details.get(name, "") for name in DETAILS}
    third = (rule, *told.values())
    return Shape(
        rule=rule,
        workload=workload,
        namespace=_namespace(workload),
        actor=actor,
        guarded=guarded,
        rule_class=rule_classes.class_of(rule),
        keys=(_key(1, (rule,)), _key(2, (rule, told["image"])), _key(3, third), _key(4, (*third, workload))),
        detailed=any(text for name, text in told.items() if name != "image"),
        details=tuple((name, text) for name, text in told.items() if text),
    )


def _named(subject: str) -> str:
    """Return the person a subject is, and who has not logged in; machines are none."""
    kind, _, name = subject.partition(":")
    return name if kind == "user" and (name == "system:anonymous" or not name.startswith("system:")) else ""


def _namespace(workload: str) -> str:
    """Return the namespace of a workload or a service account."""
    head, slash, _ = workload.removeprefix("sa:").partition("/")
    return head if slash else ""


def _key(level: int, parts: tuple[str, ...]) -> str:
    text = "\x1f".join((str(level), *parts)).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
