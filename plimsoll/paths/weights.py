"""Which way an attacker would rather go: how hard each step is, how often attacks took it, what a goal is worth.

The figures are a table (`weights.yaml`) that names the published attacks they were counted from.
"""

from __future__ import annotations

import fnmatch
import importlib.resources
import math
from functools import cache
from typing import Literal

import msgspec
import yaml

from plimsoll.paths.edge import Edge

Ease = Literal["given", "easy", "moderate", "hard", "flaw"]


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a kind of step."""

    ease: Ease
    seen: int
    """In how many published attacks it occurs."""
    wild: int
    """In how many of those in the wild."""


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What reaching something does."""

    goal: str
    harm: float
    name: str


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A published attack that was counted."""

    year: int
    name: str
    url: str = ""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    attacks: int
    in_the_wild: int
    chances: dict[Ease, float]
    conditional: float
    habit: float
    kinds: dict[str, Weight]
    harm: tuple[Goal, ...]
    sources: tuple[Source, ...]


_UNKNOWN = Weight("moderate", 0, 0)


@cache
def table() -> Table:
    """Return the table."""
    held = importlib.resources.files(__package__).joinpath("weights.yaml").read_bytes()
    return msgspec.convert(yaml.load(held, Loader=yaml.CSafeLoader), Table)


def of(kind: str) -> Weight:
    """Return what is known of a kind of step.

    >>> of("CE_PRIVILEGED").ease
    'easy'
    """
    return table().kinds.get(kind, _UNKNOWN)


@cache
def frequency(kind: str) -> float:
    """Return the chance that an attack takes a step of this kind, where it can: those in the wild count twice.

    >>> frequency("IMDS") > frequency("CE_BPF") > 0
    True
    """
    told, whole = of(kind), table()
    return (told.seen + told.wild + 0.5) / (whole.attacks + whole.in_the_wild + 1)


@cache
def cost_of(kind: str, conditional: bool = False) -> float:
    """Return how hard a step is: the logarithm of how seldom it succeeds, and somewhat of how seldom it is taken."""
    whole = table()
    ease = of(kind).ease
    chance = whole.chances[ease] * (whole.conditional if conditional else 1.0)
    habit = 0.0 if ease == "given" else whole.habit
    return -math.log(chance) - habit * math.log(frequency(kind) / _most_frequent())


def cost(edge: Edge) -> float:
    """Return how hard a step is; nothing is easier than zero.

    >>> easy, hard = Edge("TOKEN_MOUNT", "a", "b", ""), Edge("CE_RAWIO", "a", "b", "")
    >>> cost(easy) < cost(hard) < cost(hard._replace(conditional=True))
    True
    """
    return cost_of(edge.kind, edge.conditional) if edge.kind else 0.0


@cache
def _most_frequent() -> float:
    return max(map(frequency, table().kinds))


def harm(node: str) -> float:
    """Return what it does that an attacker holds something, from 0 to 10.

    >>> harm("Sink:cluster-admin"), harm("Node:n1"), harm("Endpoint:a/b")
    (10.0, 8.0, 0.0)
    """
    return next((one.harm for one in table().harm if fnmatch.fnmatchcase(node, one.goal)), 0.0)


def risk(cost: float, goal: str) -> float:
    """Return what a way is worth closing: the harm of its goal, times the chance that it is gone.

    >>> risk(0.0, "Sink:cluster-admin") > risk(1.0, "Sink:cluster-admin") > risk(1.0, "Sink:compute")
    True
    """
    return harm(goal) * math.exp(-cost)
