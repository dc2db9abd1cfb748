"""MITRE ATT&CK's names: what a technique id is called and which tactics it serves."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec


class Tactic(msgspec.Struct, frozen=True):
    """Why an attacker does something."""

    uid: str
    name: str


class Technique(msgspec.Struct, frozen=True):
    """How an attacker does it."""

    name: str
    tactics: tuple[str, ...] = ()


class Catalogue(msgspec.Struct, frozen=True):
    """The techniques of Enterprise ATT&CK by id, and its tactics by their short name."""

    version: str
    tactics: dict[str, Tactic]
    techniques: dict[str, Technique]


@functools.cache
def catalogue() -> Catalogue:
    """Return the catalogue that ships with Plimsoll.

    >>> catalogue().techniques["T1552.007"]
    Technique(name='Container API', tactics=('credential-access',))
    """
    return msgspec.json.decode(Path(__file__).with_name("attack_techniques.json").read_bytes(), type=Catalogue)


def name(uid: str) -> str:
    """Return a technique's name, empty where the catalogue does not know it.

    >>> name("T1078"), name("T0000")
    ('Valid Accounts', '')
    """
    technique = catalogue().techniques.get(uid)
    return technique.name if technique else ""


def tactics(uid: str) -> tuple[str, ...]:
    """Return the short names of a technique's tactics.

    >>> tactics("T1609")
    ('execution',)
    """
    technique = catalogue().techniques.get(uid)
    return technique.tactics if technique else ()
