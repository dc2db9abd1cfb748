"""What is known of signatures, cases and actors: what judging needs of the past, and nothing more."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

State = Literal["open", "muted", "judged", "closed"]
Kind = Literal["signature", "session", "audit"]
DAY = 86_400_000_000
NEAR = 30 * 60_000_000
"""How long what happened matters to what happens beside it."""
MOST_KEYS = 64
"""Signatures told apart in one case."""
MOST_SAMPLES = 5
MOST_WINDOWS = 8
MOST_DIGESTS = 16


class Habit(msgspec.Struct):
    """What a signature did at its workload."""

    first: int = 0
    first_hour: int = 0
    hour: int = 0
    """The hour of its last alert, in hours since 1970."""
    count: int = 0
    """Alerts of that hour."""
    total: int = 0
    """Alerts of the hours before."""
    peak: int = 0
    """Most alerts of one hour that was no burst."""
    opened: str = ""
    """The case that waits for a verdict."""
    quiet: str = ""
    """The case that muted alerts join."""
    cases: int = 0
    """Cases so far."""
    spared: int = 0
    """Muted alerts that were shown all the same because the signature is newly muted."""
    audit_day: int = -1
    """Day for which an audit was drawn."""
    windows: list[str] = []
    """Windows of the calendar it was seen in."""
    digest: str = ""
    """The image it was last seen in."""
    digest_before: str = ""
    """The image it was seen in before that."""


class Part(msgspec.Struct):
    """What one signature adds to a case."""

    keys: tuple[str, str, str, str]
    title: str
    """The rule."""
    rule: str
    """The rule's class."""
    severity: str
    count: int = 0
    muted: int = 0
    peak: int = 0
    """Most alerts of it in one hour."""
    detailed: bool = False
    features: tuple[float, ...] = ()
    digests: list[str] = []
    exe_hashes: list[str] = []
    details: tuple[tuple[str, str], ...] = ()


class Case(msgspec.Struct):
    """Alerts that one verdict can answer."""

    id: str
    kind: Kind
    title: str
    workload: str
    actor: str
    severity: str
    first: int
    last: int
    state: State = "open"
    count: int = 0
    muted: int = 0
    hours: int = 0
    """Hours in which it had alerts."""
    last_hour: int = -1
    settled: int = 0
    """Alerts that a verdict had answered, or that were muted, when it came back."""
    settled_hours: int = 0
    parts: dict[str, Part] = {}
    """By key of the lowest rung."""
    entities: list[str] = []
    """Pods, nodes and actors it is about."""
    places: list[str] = []
    """Networks and clients its actor was at."""
    samples: list[str] = []
    """Ids of its first alerts."""
    told: dict[str, int] = {}
    """What repeats in it, and how often that was told on `told_day`."""
    told_day: int = -1
    folded_since: int = 0
    """When it was first that a repeat was only counted."""
    wanting: bool = True
    """Its verdict would teach something that verdicts did not say yet."""
    reasons: list[str] = []
    """Gates that kept it from being muted."""
    verdict: str = ""
    resurfaced: str = ""
    """Why it is here again."""
    asks: str = ""
    """Who has to confirm it, since it was muted on his word."""
    due: int = 0
    """When it surfaces if he did not."""
    opener: str = ""
    """Who made the paper that it was muted on; that alone lets nobody confirm it."""
    papers: list[str] = []
    """Where the papers are that it was muted on."""
    confirmed: str = ""
    """Who confirmed all that it held then."""
    rollouts: dict[str, str] = {}
    """Rollouts of its workload just before, in words: they stand beside its history and excuse nothing."""
    z: float | None = None


class Memory(msgspec.Struct):
    """The past as judging knows it."""

    habits: dict[str, Habit] = {}
    cases: dict[str, Case] = {}
    sessions: dict[str, str] = {}
    """Actor and workload → the case of the session that goes on."""
    loud: dict[str, int] = {}
    """Pod, node or actor → its last loud alert."""
    near: dict[str, dict[str, int]] = {}
    """Pod, node or actor → cases muted of late, with their last alert."""
    gaps: dict[str, int] = {}
    """Node → last loss of events."""
    denied: dict[str, str] = {}
    """Actor → case that who was asked about it did not confirm: nothing he does is muted until it is answered."""
    clock: int = 0
    """Time of the latest alert."""
    judged: int = 0
    muted: int = 0
    episodes: dict[int, int] = {}
    """Day → signatures that were muted on it."""


def case_id(key: str, number: int) -> str:
    """Return the id of a signature's or a session's n-th case: the same in every run.

    >>> case_id("a", 1) == case_id("a", 1) != case_id("a", 2)
    True
    """
    return "c" + hashlib.blake2b(f"{key}\x1f{number}".encode("utf-8", "replace"), digest_size=6).hexdigest()


def prune(memory: Memory) -> None:
    """Let go of what can no longer matter: chains and sessions that are over."""
    near = memory.clock - NEAR
    memory.loud = {entity: time for entity, time in memory.loud.items() if time >= near}
    fresh = ((entity, {id_: last for id_, last in of.items() if last >= near}) for entity, of in memory.near.items())
    memory.near = {entity: of for entity, of in fresh if of}
    memory.gaps = {node: time for node, time in memory.gaps.items() if time >= near}
    cases = {key: memory.cases.get(id_) for key, id_ in memory.sessions.items()}
    memory.sessions = {
        key: case.id
        for key, case in cases.items()
        if case and case.state in ("open", "muted") and (case.kind == "audit" or case.last >= near)
    }
    memory.denied = {actor: id_ for actor, id_ in memory.denied.items() if id_ in memory.cases}
    memory.episodes = {day: count for day, count in memory.episodes.items() if day >= memory.clock // DAY - 2}
