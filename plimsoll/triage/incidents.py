"""Which cases are one incident, and why: the same pod, actor, lineage or node, or a step of an attack from one to the other.

Cases are joined only where they are near in time, and no incident grows beyond a size: whoever makes noise to be
joined with everything is joined with a part of it. Joining changes nothing in a case: it neither mutes nor softens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from plimsoll.triage.memory import NEAR, Case
from plimsoll.triage.reading import NOBODY, SEVERITIES

MOST = 100
"""Cases of one incident."""
MOST_LINKS = 10_000
REASONS = 50
"""Reasons told of one incident."""
LONGEST = 400
"""Letters of one reason: names in it are anybody's."""
_ACTOR, _NODE = "actor:", "node:"
_POD, _WHO, _OWNER, _LINEAGE, _STEP, _PLACE = range(6)
"""How much a reason says: where an incident is full, the first of these were joined before the others."""


class Link(msgspec.Struct, frozen=True):
    """What one subject has to do with another."""

    source: str
    target: str
    why: str
    step: bool = False
    """An attacker's step: what happens at the target is its sequel only if it began no sooner than at the source."""


class Incident(NamedTuple):
    """Cases that are one story."""

    id: str
    """That of its first case."""
    cases: tuple[str, ...]
    """In order of time."""
    severity: str
    """The gravest of theirs."""
    why: tuple[str, ...]
    """What joins them."""
    joined: Mapping[str, tuple[str, ...]]
    """What joins each case with an earlier one."""


class _Pair(NamedTuple):
    rank: int
    later: Case
    earlier: Case
    why: str

    @property
    def order(self) -> tuple[int, int, str, str, str]:
        return self.rank, self.later.first, self.later.id, self.earlier.id, self.why


def plain(workload: str) -> str:
    """Return a workload without its container.

    >>> plain("shop/Deployment/web:app"), plain("host:mail")
    ('shop/Deployment/web', 'host:mail')
    """
    return workload.partition(":")[0] if workload.count("/") == 2 else workload


def subjects(case: Case) -> list[str]:
    """Return what a case is about, as links name it: workload, pods, actor. Its node is where it is, not what it is.

    >>> subjects(Case("c", "session", "t", "a/Deployment/web:x", "bob", "low", 0, 0, entities=["a/web-1", "node:n"]))
    ['a/Deployment/web', 'a/web-1', 'actor:bob']
    """
    pods = [one for one in case.entities if not one.startswith((_ACTOR, _NODE)) and one != case.workload]
    actors = [f"{_ACTOR}{case.actor}"] if case.actor else []
    return list(dict.fromkeys([plain(case.workload), *pods, *actors]))


def incidents(cases: Iterable[Case], links: Iterable[Link] = ()) -> dict[str, Incident]:
    """Return the incident of each case.

    >>> one = Case("a", "signature", "t", "w", "", "low", 0, 9, entities=["x/pod"])
    >>> two = Case("b", "signature", "t", "w", "", "high", 8, 20, entities=["x/pod", "actor:x"])
    >>> incidents([one, two])["a"][:4]
    ('a', ('a', 'b'), 'high', ('b after a: the same pod x/pod',))
    """
    ordered = sorted(cases, key=_began)
    groups = _Groups(case.id for case in ordered)
    made = list(_made(groups, sorted(_pairs(ordered, links), key=lambda pair: pair.order)))
    told: dict[str, list[_Pair]] = {}
    for pair in sorted(made, key=lambda pair: pair.order[1:]):
        if groups.head(pair.earlier.id) == groups.head(pair.later.id):
            told.setdefault(groups.head(pair.later.id), []).append(pair)
    members: dict[str, list[Case]] = {}
    for case in ordered:
        members.setdefault(groups.head(case.id), []).append(case)
    found = {head: _incident(together, told.get(head, [])) for head, together in members.items()}
    return {case.id: found[groups.head(case.id)] for case in ordered}


def _made(groups: _Groups, pairs: Iterable[_Pair]) -> Iterator[_Pair]:
    """Unite what belongs together; yield what united it, and each other step that led to a case, once."""
    told = set[tuple[str, str]]()
    for pair in pairs:
        united = groups.unite(pair.earlier.id, pair.later.id)
        if united or (pair.rank == _STEP and (pair.later.id, pair.why) not in told):
            told.add((pair.later.id, pair.why))
            yield pair


def _began(case: Case) -> tuple[int, str]:
    return case.first, case.id


def _incident(together: Sequence[Case], pairs: Sequence[_Pair]) -> Incident:
    joined: dict[str, list[str]] = {}
    for pair in pairs[:REASONS]:
        joined.setdefault(pair.later.id, []).append(f"{pair.why} ({pair.earlier.id})")
    return Incident(
        together[0].id,
        tuple(case.id for case in together),
        max((case.severity for case in together), key=_rank),
        tuple(f"{pair.later.id} after {pair.earlier.id}: {pair.why}" for pair in pairs[:REASONS]),
        {id_: tuple(whys) for id_, whys in joined.items()},
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


class _Groups:
    """Who belongs together, as far as there is room."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._heads = {id_: id_ for id_ in ids}
        self._sizes = dict.fromkeys(self._heads, 1)

    def head(self, id_: str) -> str:
        """Return who stands for all that belong to this one."""
        while self._heads[id_] != id_:
            self._heads[id_] = self._heads[self._heads[id_]]
            id_ = self._heads[id_]
        return id_

    def unite(self, one: str, other: str) -> bool:
        """Put two together; say whether they were apart and now are not."""
        head, tail = self.head(one), self.head(other)
        if head == tail or self._sizes[head] + self._sizes[tail] > MOST:
            return False
        self._heads[tail] = head
        self._sizes[head] += self._sizes[tail]
        return True


def _pairs(ordered: Sequence[Case], links: Iterable[Link]) -> Iterator[_Pair]:
    """Yield all that joins two cases; these come in order of their beginning."""
    alike: dict[tuple[int, str], list[Case]] = {}
    about: dict[str, list[Case]] = {}
    for case in ordered:
        for key in dict.fromkeys(_keys(case)):
            alike.setdefault(key, []).append(case)
        for subject in subjects(case):
            about.setdefault(subject, []).append(case)
    for (rank, shared), together in alike.items():
        yield from _alike(rank, shared, together)
    for link in links:
        if link.source in about and link.target in about:
            yield from _linked(link, about[link.source], about[link.target])


def _keys(case: Case) -> Iterator[tuple[int, str]]:
    for entity in case.entities:
        if entity == NOBODY:
            return
        yield (_WHO if entity.startswith(_ACTOR) else _PLACE if entity.startswith(_NODE) else _POD), entity
    yield _OWNER, plain(case.workload)


_SAYS = {
    _WHO: ("the same actor ", _ACTOR),
    _PLACE: ("the same node ", _NODE),
    _OWNER: ("the same workload ", ""),
}


def _alike(rank: int, key: str, together: Sequence[Case]) -> Iterator[_Pair]:
    """Yield those that share a pod, an actor, a workload or a node at nearly the same time."""
    pod = "the same pod " if key.count("/") == 1 and ":" not in key else "the same "
    words, prefix = _SAYS.get(rank, (pod, ""))
    why = f"{words}{key.removeprefix(prefix)}"[:LONGEST]
    last = together[0]
    for case in together[1:]:
        if case.first - last.last <= NEAR:
            yield _Pair(rank, case, last, why)
        if case.last > last.last:
            last = case


def _linked(link: Link, sources: Sequence[Case], targets: Sequence[Case]) -> Iterator[_Pair]:
    rank, why = _STEP if link.step else _LINEAGE, link.why[:LONGEST]
    for earlier, later in _followed(sources, targets):
        yield _Pair(rank, later, earlier, why)
    for earlier, later in () if link.step else _followed(targets, sources):
        yield _Pair(rank, later, earlier, why)


def _followed(sources: Sequence[Case], targets: Sequence[Case]) -> Iterator[tuple[Case, Case]]:
    """Yield for each target the case that began before it and lasted longest, where that was near."""
    began, longest = 0, list[Case]()
    for target in targets:
        while began < len(sources) and sources[began].first <= target.first:
            longest = sorted([*longest, sources[began]], key=lambda case: (-case.last, case.id))[:2]
            began += 1
        before = next((case for case in longest if case.id != target.id), None)
        if before is not None and target.first - before.last <= NEAR:
            yield before, target
