"""The open cases, most pressing first, and the incidents they belong to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from plimsoll.triage import gates
from plimsoll.triage.memory import Case

SEVERITY = {"critical": 30.0, "high": 20.0, "medium": 10.0, "low": 3.0, "info": 0.0}
ALARMS = {
    gates.GUARDED.name: 20.0,
    gates.WARNED.name: 30.0,
    gates.CHAINED.name: 10.0,
    gates.CONTROL.name: 5.0,
    gates.BURST.name: 5.0,
}
RESURFACED = 15.0
NEAR = 30 * 60_000_000
"""How near in time cases of one pod or actor are one incident."""


class Queued(NamedTuple):
    """A case in the queue."""

    case: Case
    pressing: float
    """In decibans."""
    incident: str
    """Id of the first case it is joined with."""


def queue(cases: Iterable[Case]) -> list[Queued]:
    """Return the open cases, most pressing first; those of which verdicts said all they can come behind."""
    waiting = [case for case in cases if case.state == "open"]
    joined = incidents(waiting)
    found = [Queued(case, round(pressing(case), 1), joined[case.id]) for case in waiting]
    return sorted(found, key=lambda one: (not one.case.wanting, -one.pressing, one.case.first, one.case.id))


def pressing(case: Case) -> float:
    """Return how pressing a case is: how grave, how alarming, and how much its answer would settle.

    Many alerts over many hours go on until somebody answers; one answer settles them all. What was answered before
    does not count again.

    >>> case = Case("c", "signature", "t", "w", "", "low", 0, 0, count=100, hours=10)
    >>> pressing(case)
    23.0
    """
    alarm = max([RESURFACED * bool(case.resurfaced), *(ALARMS.get(reason, 0.0) for reason in case.reasons)])
    alerts, hours = case.count - case.settled, case.hours - case.settled_hours
    volume = 10 * math.log10(math.sqrt(max(1, alerts)) * max(1, hours))
    return SEVERITY.get(case.severity, 10.0) + alarm + volume


def incidents(cases: Sequence[Case]) -> dict[str, str]:
    """Return for each case the id of the incident it is part of.

    Cases are joined by a pod, node or actor they share at nearly the same time.

    >>> one = Case("a", "signature", "t", "w", "", "low", 0, 9, entities=["pod"])
    >>> two = Case("b", "signature", "t", "w", "", "low", 8, 20, entities=["pod", "actor:x"])
    >>> incidents([one, two])
    {'a': 'a', 'b': 'a'}
    """
    heads = {case.id: case.id for case in cases}

    def head(id_: str) -> str:
        while heads[id_] != id_:
            heads[id_] = heads[heads[id_]]
            id_ = heads[id_]
        return id_

    by_entity: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.first, case.id)):
        for entity in case.entities:
            by_entity.setdefault(entity, []).append(case)
    for together in by_entity.values():
        last = together[0]
        for case in together[1:]:
            if case.first - last.last <= NEAR:
                heads[head(case.id)] = head(last.id)
            if case.last > last.last:
                last = case
    return {case.id: head(case.id) for case in cases}
