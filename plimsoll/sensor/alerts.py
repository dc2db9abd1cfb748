"""A novelty explained: what is new, what is usual, why it matters; and what one actor does at once told as one story.

Every fact outside the profile weighs by its kind and its signs. An actor (a process, and what it starts) gathers
its facts for some seconds; from enough bits on it is an alert, printed at once. What the same actor adds makes
another line with the same id, which tells all there is so far.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec

from plimsoll.sensor import dns, patterns, profiles, signs, vocabulary
from plimsoll.sensor.shapes import Event, Flag, Kind, Mode

TELL = 7.0
"""Bits from which an actor is told of."""
BREATH = 10.0
"""Seconds within which what an actor does belongs together, and the same fact is not told again."""
PAUSE = 0.25
"""Seconds between two lines about the same actor."""
OTHERS = 0.25
"""Share of an actor's other facts beside the gravest."""
REASONS, EVIDENCE, GATHERED = 6, 50, 64
OPEN = 8
"""Actors of a workload that are kept apart at a time; more are a flood, told as one."""
SEVERITIES = ((20.0, "critical"), (14.0, "high"), (10.0, "medium"), (0.0, "low"))
"""As `detect` calls them."""

NOVELTY = {
    Kind.EXEC: 8.0, Kind.SPAWN: 4.0, Kind.READ: 2.0, Kind.WRITE: 4.0, Kind.DELETE: 3.0, Kind.RENAME: 4.0,
    Kind.LINK: 4.0, Kind.CHMOD: 4.0, Kind.CONNECT: 8.0, Kind.LISTEN: 9.0, Kind.ACCEPT: 2.0, Kind.DNS: 4.0,
    Kind.SYSCALL: 4.0, Kind.URING: 5.0,
}  # fmt: skip
"""Bits of being new alone."""
NEW_FOLDER = {"read": 2.0, "write": 4.0}
"""More of them where nothing of the folder was ever used."""
NEAR = 1.0
"""Bits of one more file in or below a folder that is used so anyway: a program's own data, which grows with it."""
TECHNIQUE = {
    "exec": "T1059", "spawn": "T1059", "connect": "T1071", "resolve": "T1071.004", "listen": "T1571", "accept": "T1021",
    "read": "T1005", "write": "T1565.001", "delete": "T1070.004", "syscall": "T1106",
}  # fmt: skip

Action = Literal["none", "would-stop", "stopped"]
ACTIONS: tuple[Action, ...] = ("none", "would-stop", "stopped")
MODES = {Mode.OFF: "off", Mode.LEARN: "learn", Mode.ALERT: "alert", Mode.PREVENT: "prevent"}


class Alert(msgspec.Struct, frozen=True):
    """What is printed: the columns of `tables.ALERTS`, and how the sensor took it."""

    id: str
    time: datetime
    subject: str
    title: str
    severity: str
    bits: float
    why: list[str]
    evidence: list[str]
    attack: list[str]
    kind: str
    controls: list[str]
    maturity: str
    mode: str
    action: Action
    pod: str
    container_id: str
    image: str
    node: str = ""


class Who(NamedTuple):
    """The container an event comes from, in names."""

    pod: str = ""
    container_id: str = ""
    image: str = ""
    unproved: bool = False
    """Whether its image is new to a workload in prevent mode."""


class Novelty(NamedTuple):
    """One new fact and what it weighs."""

    fact: vocabulary.Fact
    event: Event
    number: int
    bits: float
    signs: tuple[signs.Sign, ...]
    action: Action


def weighed(event: Event, number: int, usual_folders: dict[str, frozenset[str]], name: str = "") -> Novelty | None:
    """Return what an event outside the profile weighs, or None where it states no fact.

    `name` is what the address of a connection was resolved from.

    >>> found = weighed(Event(time=datetime(2026, 3, 2, tzinfo=UTC), kind=Kind.READ, path="/etc/shadow"), 1, {})
    >>> found.bits, found.fact.verb
    (14.0, 'read')
    """
    fact = vocabulary.said(event)
    if fact is None:
        return None
    found = tuple(_signs(event, name))
    if not found and _is_near(event, usual_folders):
        bits = NEAR
    else:
        bits = NOVELTY.get(event.kind, 2.0) + _unvisited(event, usual_folders) + sum(sign.bits for sign in found)
    return Novelty(fact, event, number, bits, found, _action(event.flags))


def _unvisited(event: Event, usual_folders: dict[str, frozenset[str]]) -> float:
    if event.kind == Kind.READ:
        known, bits = usual_folders.get("read", frozenset()), NEW_FOLDER["read"]
    elif event.kind in (Kind.WRITE, Kind.RENAME, Kind.LINK):
        known, bits = usual_folders.get("write", frozenset()), NEW_FOLDER["write"]
    else:
        return 0.0
    return 0.0 if profiles.folder(event.path) in known else bits


_DATA = {
    Kind.READ: ("read", "write"), Kind.WRITE: ("write",), Kind.DELETE: ("write",), Kind.RENAME: ("write",),
    Kind.LINK: ("write",), Kind.CHMOD: ("write",),
}  # fmt: skip


def _is_near(event: Event, usual_folders: dict[str, frozenset[str]]) -> bool:
    """Whether a file lies in or below a folder of the workload's own data, which it uses in this way anyway."""
    if signs.is_scratch(event.path):
        return False
    known = frozenset().union(*(usual_folders.get(access, frozenset()) for access in _DATA.get(event.kind, ())))
    above = profiles.folder(event.path)
    while above and not patterns.exact(above):
        if above in known:
            return True
        above = profiles.folder(above)
    return False


def _signs(event: Event, name: str) -> Iterator[signs.Sign]:
    flags = event.flags
    if event.kind in (Kind.EXEC, Kind.SPAWN):
        yield from signs.of_program(event.path)
        yield from _origin(flags)
    elif event.kind == Kind.READ:
        yield from filter(None, [signs.of_file(event.path, "read")])
    elif event.kind in (Kind.WRITE, Kind.DELETE, Kind.RENAME, Kind.LINK, Kind.CHMOD):
        yield from filter(None, [signs.of_file(event.path2 or event.path, "write")])
    elif event.kind == Kind.CONNECT:
        yield from signs.of_end(event.address, event.port, name)
    elif event.kind == Kind.DNS:
        yield from signs.of_name(dns.question(event.payload))
    elif event.kind == Kind.SYSCALL:
        fact = vocabulary.said(event)
        yield signs.of_call(fact.object if fact else "")


def _origin(flags: Flag) -> Iterator[signs.Sign]:
    """Where a program's file came from, and who started it."""
    if flags & Flag.MEMFD:
        yield signs.Sign("it has no file: it was run from memory", 10, ("T1620",))
    elif flags & Flag.DELETED:
        yield signs.Sign("its file was deleted", 6, ("T1070.004",))
    elif flags & Flag.UPPER_LAYER:
        yield signs.Sign("not from the image: its file was written in the running container", 6, ("T1105",))
    if flags & Flag.ENTERED:
        yield signs.Sign("entered from outside, as kubectl exec does", 2, ("T1609",))


def _action(flags: Flag) -> Action:
    if flags & (Flag.KILLED | Flag.DENIED):
        return "stopped"
    return "would-stop" if flags & (Flag.WOULD_STOP | Flag.SUPPRESSED) else "none"


class Actor(msgspec.Struct):
    """A process and what it starts, with the new facts of some seconds."""

    id: str
    workload: profiles.Workload
    who: Who
    began: float
    last: float
    novelties: dict[tuple[str, str, str], Novelty] = {}
    numbers: list[int] = []
    mode: Mode = Mode.ALERT
    spoke: float = 0.0
    news: bool = False
    """Whether there is something to tell that was not told."""

    @property
    def bits(self) -> float:
        """The gravest fact, and a share of the others."""
        each = sorted((one.bits for one in self.novelties.values()), reverse=True)
        return each[0] + OTHERS * sum(bits for bits in each[1:] if bits > NEAR) if each else 0.0

    @property
    def gravest(self) -> list[Novelty]:
        """Its facts, gravest first."""
        return sorted(self.novelties.values(), key=lambda one: (-one.bits, one.number))


class Teller:
    """Gathers novelties by actor and says when an alert is due."""

    def __init__(self, usual: Callable[[profiles.Workload, str], profiles.Usual], clock: Callable[[], float]) -> None:
        self._usual, self._clock = usual, clock
        self._actors: dict[tuple[int, int], Actor] = {}
        self._open: dict[str, list[Actor]] = {}
        self.number = 0

    def tell(self, workload: profiles.Workload, who: Who, novelty: Novelty) -> list[Alert]:
        """Take a novelty in; return the alerts that are due at once."""
        now = self._clock()
        actor = self._actor(workload, who, novelty, now)
        actor.last = now
        key = novelty.fact[:3]
        before = actor.novelties.get(key)
        if len(actor.numbers) < EVIDENCE:
            actor.numbers.append(novelty.number)
        if before is None and len(actor.novelties) >= GATHERED:
            return []
        if before is None or (novelty.bits, ACTIONS.index(novelty.action)) > (
            before.bits,
            ACTIONS.index(before.action),
        ):
            actor.novelties[key] = novelty
            actor.mode = novelty.event.mode
            actor.news = True
        return self._due(actor, now)

    def _actor(self, workload: profiles.Workload, who: Who, novelty: Novelty, now: float) -> Actor:
        event = novelty.event
        family = [(event.container, event.pid), (event.container, event.ppid)]
        found = next((self._actors[one] for one in family if one in self._actors), None)
        opened = self._open.setdefault(workload.subject, [])
        entered = bool(event.flags & Flag.ENTERED)
        if found is None or now - found.began > BREATH:
            same = (one for one in opened if novelty.fact[:3] in one.novelties and now - one.began <= BREATH)
            found = None if entered and len(opened) < OPEN else next(same, None)  # who comes in again is told again
        if found is None and len(opened) >= OPEN:
            found = opened[-1]
        if found is None:
            named = identity(workload.subject, event.container, event.pid, event.time)
            found = Actor(named, workload, who, now, now, {}, [])
            opened.append(found)
        self._actors[family[0]] = found
        return found

    def _due(self, actor: Actor, now: float) -> list[Alert]:
        if not actor.news or actor.bits < TELL or now - actor.spoke < PAUSE:
            return []
        actor.spoke, actor.news = now, False
        return [self._alert(actor)]

    def flush(self) -> list[Alert]:
        """Return what had to wait, and forget actors that have been quiet."""
        now = self._clock()
        due = [alert for opened in self._open.values() for actor in opened for alert in self._due(actor, now)]
        over = {id(one) for opened in self._open.values() for one in opened if now - one.last > BREATH}
        if over:
            self._actors = {key: one for key, one in self._actors.items() if id(one) not in over}
            kept = {subject: [one for one in opened if id(one) not in over] for subject, opened in self._open.items()}
            self._open = {subject: opened for subject, opened in kept.items() if opened}
        return due

    @property
    def waiting(self) -> bool:
        """Whether something is to be told soon."""
        return any(actor.news and actor.bits >= TELL for opened in self._open.values() for actor in opened)

    def _alert(self, actor: Actor) -> Alert:
        gravest = actor.gravest
        bits = actor.bits
        return Alert(
            id=actor.id,
            time=min(one.event.time for one in gravest),
            subject=actor.workload.subject,
            title=_title(actor, gravest),
            severity=severity(bits),
            bits=round(bits, 1),
            why=_why(actor, gravest, self._usual),
            evidence=[str(number) for number in dict.fromkeys([*(one.number for one in gravest), *actor.numbers])][
                :EVIDENCE
            ],
            attack=_attack(gravest),
            kind="deviation",
            controls=[],
            maturity=maturity(actor.workload),
            mode=MODES[actor.mode],
            action=max((one.action for one in gravest), key=ACTIONS.index),
            pod=actor.who.pod,
            container_id=actor.who.container_id,
            image=actor.who.image,
        )


def rolled_back(workload: profiles.Workload, who: Who, at: datetime, why: str) -> Alert:
    """Return the alert that a workload is no longer in prevent mode, because that did it harm."""
    reasons = [
        why,
        f"what was told and is normal: plimsoll sensor allow '{workload.subject}' FACT; then mode set again",
    ]
    return Alert(
        identity(workload.subject, at), at, workload.subject, f"{workload.subject} is back in alert mode: prevention did it harm",
        severity(10.0), 10.0, reasons, [], [], "mode", [], maturity(workload), "alert", "none", *who[:3],
    )  # fmt: skip


def severity(bits: float) -> str:
    """Return what an alert of so many bits is called.

    >>> severity(21.0), severity(7.5)
    ('critical', 'low')
    """
    return next(name for least, name in SEVERITIES if bits >= least)


def identity(*told: object) -> str:
    """Return the id of an alert that this tells apart.

    >>> identity("shop/Deployment/web", 7) == identity("shop/Deployment/web", 7) != identity("shop/Deployment/web", 8)
    True
    """
    text = "\n".join(one.isoformat() if isinstance(one, datetime) else str(one) for one in told)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]


def maturity(workload: profiles.Workload) -> str:
    """In `detect`'s words."""
    if not workload.days:
        return "learning" if workload.hits or workload.quiet else "unknown"
    return "mature" if workload.maturity.state == "mature" else "learning"


def _attack(gravest: list[Novelty]) -> list[str]:
    found: list[str] = []
    for one in gravest:
        named = [technique for sign in sorted(one.signs, key=lambda sign: -sign.bits) for technique in sign.attack]
        found += named or [TECHNIQUE[one.fact.verb]]
    return list(dict.fromkeys(found))[:6]


_DID = {"stopped": ": stopped", "would-stop": ": would be stopped in prevent mode", "none": ""}


def _title(actor: Actor, gravest: list[Novelty]) -> str:
    first = gravest[0]
    more = len(gravest) - 1
    return (
        f"{actor.workload.subject} {did(first)}"
        + _DID[first.action]
        + (f", and {more} more new fact{'s' * (more != 1)}" if more else "")
    )


def did(novelty: Novelty) -> str:
    """Say what was done, in words."""
    fact, event = novelty.fact, novelty.event
    match event.kind:
        case Kind.EXEC:
            entered = ", entered from outside" if event.flags & Flag.ENTERED else ""
            return f"ran {fact.text or 'a program without a name'}{entered}"
        case Kind.SPAWN:
            return f"started {fact.text} from {fact.given or 'outside'}"
        case Kind.READ:
            return f"read {fact.text}"
        case Kind.WRITE:
            return f"wrote {fact.text}" + (f", once {event.path2}" if event.path2 else "")
        case Kind.DELETE:
            return f"deleted {fact.text}"
        case Kind.LINK:
            return f"linked to {event.path}" + (f" as {event.path2}" if event.path2 else "")
        case Kind.CHMOD:
            return f"changed the mode of {fact.text}"
        case Kind.CONNECT:
            return f"connected to {fact.text}"
        case Kind.LISTEN:
            return f"listened on {fact.text}"
        case Kind.ACCEPT:
            return f"was called on {fact.given} from {event.address}"
        case Kind.DNS:
            return f"asked for the name {fact.text}"
        case _:
            return f"called {fact.object}"


def _why(actor: Actor, gravest: list[Novelty], usual: Callable[[profiles.Workload, str], profiles.Usual]) -> list[str]:
    said = [reason for one in gravest[:REASONS] for reason in _reasons(actor, one, usual)]
    if len(gravest) > REASONS:
        said.append(f"and {len(gravest) - REASONS} more new facts")
    said += _command(gravest[0].event)
    if actor.who.unproved:
        said.append(f"not stopped: the image {actor.who.image or 'of its container'} is new and not proved yet")
    if gravest[0].event.flags & Flag.SUPPRESSED:
        said.append(
            f"not stopped: more than {actor.workload.budget} different facts of it were stopped within a minute"
        )
    if maturity(actor.workload) != "mature":
        said.append(f"judged against a young profile: {actor.workload.maturity.sentence}, a week is wanted")
    return list(dict.fromkeys(said))


def _reasons(
    actor: Actor, novelty: Novelty, usual: Callable[[profiles.Workload, str], profiles.Usual]
) -> Iterator[str]:
    known = usual(actor.workload, novelty.fact.verb)
    weight = f"+{novelty.bits:.0f} bits"
    if known.many:
        since = datetime.fromtimestamp(known.since, UTC)
        yield (
            f"{did(novelty)}, new: {weight}; {_number(known.many, _NOUN[novelty.fact.verb])} learned since "
            f"{since:%Y-%m-%d %H:%M}, usually {', '.join(known.objects)}"
        )
    else:
        yield f"{did(novelty)}, new: {weight}; nothing of the kind was ever seen"
    for sign in novelty.signs:
        yield f"{novelty.fact.text or novelty.fact.object}: {sign.says}"


_NOUN = {
    "exec": "program", "spawn": "start", "read": "place read", "write": "place written", "delete": "place deleted in",
    "connect": "end", "listen": "port", "accept": "caller", "resolve": "name", "syscall": "rare call",
}  # fmt: skip


def _number(count: int, noun: str) -> str:
    head, space, tail = noun.partition(" ")
    return f"{count:,} {head}{'s' * (count != 1)}{space}{tail}"


def _command(event: Event) -> Iterator[str]:
    """Who did it: the process, its command where it is one, its user and its ancestors."""
    by = " ".join(event.args)[:300] if event.args else event.comm
    line = " ← ".join(name for name in (event.comm, *event.ancestors) if name)
    yield (
        f"by `{by or event.exe}`, user {event.uid}"
        + (f", from {event.cwd}" if event.cwd else "")
        + (f", process {line}" if line else "")
    )
