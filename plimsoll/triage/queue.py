"""The open cases, most pressing first, each with the incident it belongs to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from plimsoll.triage import gates
from plimsoll.triage.incidents import Incident, Link, incidents
from plimsoll.triage.memory import Case

SEVERITY = {"critical": 30.0, "high": 20.0, "medium": 10.0, "low": 3.0, "info": 0.0}
ALARMS = {
    gates.GUARDED.name: 20.0,
    gates.WARNED.name: 30.0,
    gates.DENIED.name: 30.0,
    gates.CHAINED.name: 10.0,
    gates.CONTROL.name: 5.0,
    gates.BURST.name: 5.0,
}
RESURFACED = 15.0
DECIBANS = 10 / math.log(10)
"""Of one unit of log odds."""


class Queued(NamedTuple):
    """A case in the queue."""

    case: Case
    pressing: float
    """In decibans."""
    incident: Incident


def queue(cases: Iterable[Case], links: Iterable[Link] = ()) -> list[Queued]:
    """Return the open cases, most pressing first; those of which verdicts said all they can come behind.

    `links`: what their subjects have to do with each other.
    """
    waiting = [case for case in cases if case.state == "open"]
    joined = incidents(waiting, links)
    found = [Queued(case, round(pressing(case), 1), joined[case.id]) for case in waiting]
    return sorted(found, key=lambda one: (not one.case.wanting, -one.pressing, one.case.first, one.case.id))


def pressing(case: Case) -> float:
    """Return how pressing a case is: how grave, how alarming, and how much its answer would settle.

    Many alerts over many hours go on until somebody answers; one answer settles them all. What was answered before
    does not count again. An audit is shown although it is believed to be harmless, and waits for as long as that.

    >>> case = Case("c", "signature", "t", "w", "", "low", 0, 0, count=100, hours=10)
    >>> pressing(case)
    23.0
    """
    alarm = max([RESURFACED * bool(case.resurfaced), *(ALARMS.get(reason, 0.0) for reason in case.reasons)])
    alerts, hours = case.count - case.settled, case.hours - case.settled_hours
    volume = 10 * math.log10(math.sqrt(max(1, alerts)) * max(1, hours))
    only_counted = case.kind == "audit" and not alarm
    believed = DECIBANS * max(0.0, case.z or 0.0) if only_counted else 0.0
    return SEVERITY.get(case.severity, 10.0) + alarm + volume - believed
