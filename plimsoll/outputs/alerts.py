"""An alert as outputs read it: every field is there and of its type, whatever the row held."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from plimsoll.outputs import plain

SEVERITIES = ("critical", "high", "medium", "low", "info")
"""Gravest first."""

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where an alert has no time, in forms that demand one."""


class Alert(msgspec.Struct, frozen=True):
    """A row of `tables.ALERTS` without nulls."""

    id: str
    time: datetime
    subject: str
    title: str
    severity: str
    bits: float | None
    why: tuple[str, ...]
    evidence: tuple[str, ...]
    attack: tuple[str, ...]
    kind: str
    controls: tuple[str, ...]
    maturity: str
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """What a receiver counts by: a rule's title is the rule; other titles name what they saw."""
        return (self.kind == "rule" and self.title) or f"Plimsoll {self.kind or 'alert'}"


def of(row: Mapping[str, object]) -> Alert:
    """Return the alert of a row; what is missing is empty.

    >>> of({"title": "Reads secrets", "attack": ["T1552.007"]}).attack
    ('T1552.007',)
    """
    time = row.get("time")
    return Alert(
        id=plain.text(row.get("id")),
        time=plain.utc(time) if isinstance(time, datetime) else NO_TIME,
        subject=plain.text(row.get("subject")),
        title=plain.text(row.get("title")),
        severity=plain.text(row.get("severity")).lower(),
        bits=_number(row.get("bits")),
        why=_texts(row.get("why")),
        evidence=_texts(row.get("evidence")),
        attack=_texts(row.get("attack")),
        kind=plain.text(row.get("kind")),
        controls=_texts(row.get("controls")),
        maturity=plain.text(row.get("maturity")),
        facts=_texts(row.get("facts")),
    )


def _number(value: object) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None


def _texts(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value if isinstance(value, Iterable) else ()
    return tuple(filter(None, map(plain.text, items)))
