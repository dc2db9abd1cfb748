"""Events that came too fast to be handed over: told as alerts, since nothing near them should stay muted.

A flood by which somebody hides what he does is a deviation too (T1562.006).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from plimsoll.sensor import alerts, profiles

EVERY = 30.0
"""Seconds before what goes on being lost is told again."""
BITS = 10.0
NODE = 0
"""The number that no workload has: what was lost before it was known whose it is."""


class Losses:
    """How many events were lost, and how many of them were told."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: dict[int, int] = {}
        self._not_before: dict[int, float] = {}

    def count(self, lost: int, number: int = NODE) -> int:
        """Return how many more are lost now than when it was last told, 0 where there are none or it is too early."""
        more = lost - self._told.get(number, 0)
        if more <= 0 or self._clock() < self._not_before.get(number, 0.0):
            return 0
        self._told[number] = lost
        self._not_before[number] = self._clock() + EVERY
        return more

    def known(self, lost: int, number: int = NODE) -> None:
        """Take as told what was lost before anybody judged by it."""
        self._told[number] = lost


def of_workload(workload: profiles.Workload, lost: int, now: float) -> alerts.Alert:
    """Return the alert that events of a workload were lost."""
    why = f"{lost:,} events that were new were not handed over: more than its share, or than the agent could take"
    return _alert(workload.subject, why, now, alerts.maturity(workload), alerts.MODES[workload.mode])


def of_node(node: str, lost: int, now: float) -> alerts.Alert:
    """Return the alert that events of a node were lost."""
    why = f"{lost:,} events were lost before it was known whose they are"
    return _alert(f"host:{node}", why, now, "unknown", "alert")


def _alert(subject: str, why: str, now: float, maturity: str, mode: str) -> alerts.Alert:
    at = datetime.fromtimestamp(now, UTC)
    reasons = [why, "what is stopped goes on being stopped; what else it did meanwhile is not known"]
    return alerts.Alert(
        alerts.identity(subject, "lost", at), at, subject, f"events of {subject} were lost", alerts.severity(BITS), BITS,
        reasons, [], ["T1562.006"], "loss", [], maturity, mode, "none", "", "", "",
    )  # fmt: skip
