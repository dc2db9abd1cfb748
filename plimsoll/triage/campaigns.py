"""Synthetic attacks on what is known today: families of steps, some of which copy what was called harmless here.

A campaign is three to six steps at one workload. A step copies approved behaviour with the probability of mimicry,
of this workload or of another; else it is one of its family's. Steps that people do are done by an adversary with
one of six kinds of context. A campaign whose every step is an exact copy of what was approved at this very workload
cannot be told from it: such ones are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from plimsoll.triage import gates, reading
from plimsoll.triage.belief import HARMLESS
from plimsoll.triage.excuses import MINUTE, Statement
from plimsoll.triage.memory import Case
from plimsoll.triage.reading import Seen, Shape

CONTEXTS = ("none", "stolen-admin", "self-ticket", "window-squat", "piggyback", "insider")
MIMICRY = 0.15
FOOLED = 0.15
"""How often an approver who is asked confirms what he should not."""
STEPS = range(3, 7)
OTHER = "trent"
"""Who creates and approves what an adversary has not made himself."""


class Adversary(NamedTuple):
    """In whose name it is done, and from where."""

    name: str = "mallory"
    ip: str = "192.0.2.7"
    agent: str = "curl/8.5.0"


STRANGER = Adversary()
"""Nobody's name at nobody's address (RFC 5737)."""


class _Step(msgspec.Struct, frozen=True):
    rule: str
    severity: str
    exe: str = ""
    parent: str = ""
    command: str = ""
    destination: str = ""
    human: bool = False


FAMILIES = msgspec.json.decode(
    resources.files(__package__).joinpath("attacks.json").read_bytes(), type=dict[str, list[_Step]]
)


class Approved(NamedTuple):
    """Behaviour that was called harmless."""

    shape: Shape
    severity: str
    digest: str


class Campaign(NamedTuple):
    """An attack: its steps, and what its context would say."""

    family: str
    context: str
    steps: tuple[Seen, ...]
    statements: tuple[Statement, ...]
    copied: bool
    """Every step is an exact copy of what was approved at its workload."""
    fooled: bool
    """An approver who is asked confirms it."""


def approved(cases: Sequence[Case]) -> list[Approved]:
    """Return the behaviour that verdicts called harmless."""
    found = []
    for case in cases:
        if case.verdict not in HARMLESS:
            continue
        for part in case.parts.values():
            guarded = gates.GUARDED.name in case.reasons
            shape = reading.shape_of(part.title, case.workload, dict(part.details), actor=case.actor, guarded=guarded)
            found.append(Approved(shape, part.severity, part.digests[-1] if part.digests else ""))
    return found


def people(cases: Sequence[Case]) -> list[Adversary]:
    """Return the people whose acts were called harmless, at the places they usually are."""
    found: dict[str, Adversary] = {}
    for case in cases:
        if case.actor and case.verdict in HARMLESS:
            clients = [place.removeprefix("client ") for place in case.places if place.startswith("client ")]
            networks = [place.partition("/")[0] for place in case.places if not place.startswith("client ")]
            found[case.actor] = Adversary(case.actor, (networks or [STRANGER.ip])[0], (clients or [STRANGER.agent])[0])
    return list(found.values())


class Grounds(NamedTuple):
    """What an attacker finds here."""

    known: Sequence[Approved]
    workloads: Sequence[str]
    people: Sequence[Adversary]


def grounds(cases: Sequence[Case]) -> Grounds:
    """Return what these cases show to an attacker."""
    workloads = sorted({case.workload for case in cases}) or ["shop/Deployment/web"]
    return Grounds(approved(cases), workloads, people(cases))


def draw(
    count: int,
    seed: Sequence[int],
    found: Grounds,
    time: int,
    mimicry: float = MIMICRY,
    families: Sequence[str] = tuple(FAMILIES),
) -> Iterator[Campaign]:
    """Yield campaigns against what was found; the same ones for the same seed.

    >>> one, two = draw(2, [1], grounds([]), 0)
    >>> one.steps[0].shape.workload, one == next(draw(1, [1], grounds([]), 0)), one == two
    ('shop/Deployment/web', True, False)
    """
    dice = np.random.default_rng(list(seed))
    here: dict[str, list[Approved]] = {}
    for one in found.known:
        here.setdefault(one.shape.workload, []).append(one)
    for number in range(count):
        family, context = _pick(dice, families), _pick(dice, CONTEXTS)
        workload = _pick(dice, found.workloads)
        who = _adversary(dice, context, found.people)
        drawn = [
            _step(dice, FAMILIES[family], workload, found.known, here.get(workload, ()), mimicry, who.name)
            for _ in range(_pick(dice, STEPS))
        ]
        steps = tuple(
            Seen(
                f"{number}.{at}",
                time + at * MINUTE,
                severity,
                shape,
                shape.rule,
                digest=digest,
                ip=who.ip,
                agent=who.agent,
            )
            for at, (severity, shape, digest, _) in enumerate(drawn)
        )
        copied = all(own for *_, own in drawn)
        said = _said(context, who.name, steps[-1].shape, time)
        yield Campaign(family, context, steps, said, copied, bool(dice.random() < FOOLED))


T = TypeVar("T")


def _pick(dice: np.random.Generator, some: Sequence[T]) -> T:
    return some[int(dice.integers(len(some)))]


def _adversary(dice: np.random.Generator, context: str, people: Sequence[Adversary]) -> Adversary:
    """Return in whose name it is done: a stranger's, or somebody's whose rights were taken or who does it himself."""
    if context == "none" or not people:
        return STRANGER
    who = _pick(dice, people)
    return who if context in ("insider", "piggyback") else who._replace(ip=STRANGER.ip)


def _step(
    dice: np.random.Generator,
    family: Sequence[_Step],
    workload: str,
    known: Sequence[Approved],
    here: Sequence[Approved],
    mimicry: float,
    actor: str,
) -> tuple[str, Shape, str, bool]:
    """Return a step: its severity, shape and image, and whether it is a copy of what was approved here."""
    if known and dice.random() < mimicry:
        model = _pick(dice, here if here and dice.random() < 0.5 else known)
        shape, who = model.shape, actor if model.shape.actor else ""
        moved = reading.shape_of(shape.rule, workload, dict(shape.details), actor=who, guarded=shape.guarded)
        return model.severity, moved, model.digest, shape.workload == workload
    step = _pick(dice, family)
    return step.severity, _shape(step, workload, actor if step.human else ""), "", False


@lru_cache(maxsize=8192)
def _shape(step: _Step, workload: str, actor: str) -> Shape:
    row = {name: getattr(step, name) for name in ("exe", "parent", "command", "destination")}
    told = {"id": "0", "time": "2026-01-01T00:00:00Z", "kind": "rule", "title": step.rule, "workload": workload}
    return reading.of({**told, **row, "actor": actor}).shape


def _said(context: str, actor: str, shape: Shape, time: int) -> tuple[Statement, ...]:
    """Return what sources say of the adversary and the workload he is at."""
    day = 24 * 60 * MINUTE
    held = Statement(
        "ticket",
        "t",
        creator=OTHER,
        approver=OTHER,
        created=time - 2 * day,
        approved=time - 2 * day,
        since=time - day,
        until=time + day,
        fetched=time,
        edited=time - 2 * day,
        scope=(shape.workload,),
        allows=(shape.rule_class,),
    )
    admin = Statement("admin", "a", subjects=(actor,), creator=OTHER, strong=context != "stolen-admin", fetched=time)
    said: dict[str, tuple[Statement, ...]] = {
        "none": (),
        "stolen-admin": (admin,),
        "self-ticket": (admin, msgspec.structs.replace(held, creator=actor)),
        "window-squat": (admin, msgspec.structs.replace(held, kind="window")),
        "piggyback": (admin, held),
        "insider": (admin,),
    }
    return said[context]
