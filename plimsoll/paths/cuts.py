"""The fewest objects to change or remove so that no way is left, and single objects that close many.

Every way must lose a step, and a step is lost when any of its objects is changed: the fewest objects that do so are a
smallest hitting set. It is found exactly, over as many ways as it takes until none is left; only where that grows too
large, by taking the object that closes most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.search import Route

_ROUNDS = 60
_BRANCHES = 20_000
"""Choices looked at for an exact answer."""
_SINGLE = 12
"""Single objects that are tried, those on most ways first."""
_EASE = {
    "RoleBinding": 0.001,
    "ClusterRoleBinding": 0.001,
    "Role": 0.002,
    "ClusterRole": 0.002,
    "Ingress": 0.004,
    "Service": 0.004,
    "ConfigMap": 0.005,
    "Secret": 0.006,
    "ServiceAccount": 0.007,
    "Namespace": 0.008,
    "Node": 0.009,
}
"""Which kind of object is sooner changed, of two that would do; workloads stand between."""
_WORKLOAD = 0.003


class Cut(NamedTuple):
    """Objects to change or remove."""

    objects: tuple[str, ...]
    removes: int
    """How many of the listed ways it closes."""
    of: int
    steps: tuple[Edge, ...]
    """The steps it takes away, on the listed ways."""


class Problem:
    """Starts, targets, and the steps between them that can be walked."""

    def __init__(
        self, graph: Graph, starts: Iterable[str], targets: Collection[str], *, conditional: bool = False
    ) -> None:
        """Keep the part of the graph that lies on some way."""
        self.targets = frozenset(targets)
        edges = [one for one in graph.edges if one.walk and (conditional or not one.conditional)]
        out = _by(edges, lambda one: one.source)
        into = _by(edges, lambda one: one.target)
        self.starts = tuple(dict.fromkeys(one for one in starts if one not in self.targets))
        forward = _reached(self.starts, out, lambda one: one.target)
        near = _reached(self.targets, into, lambda one: one.source) & forward
        self.out = {
            node: [one for one in found if one.target in near and node not in self.targets]
            for node, found in out.items()
            if node in near
        }

    def way(self, gone: Collection[str]) -> list[Edge] | None:
        """Return a way of fewest steps that is left without some objects; None where none is."""
        by: dict[str, Edge | None] = {one: None for one in self.starts if one in self.out}
        waiting = deque(by)
        while waiting:
            node = waiting.popleft()
            for edge in self.out.get(node, ()):
                if edge.target not in by and not any(name in gone for name in edge.objects):
                    by[edge.target] = edge
                    if edge.target in self.targets:
                        return [*reversed([*_back(edge, by)])]
                    waiting.append(edge.target)
        return None


def _by(edges: Iterable[Edge], end: Callable[[Edge], str]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for one in edges:
        found.setdefault(end(one), []).append(one)
    return found


def _reached(starts: Iterable[str], edges: Mapping[str, list[Edge]], end: Callable[[Edge], str]) -> set[str]:
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        for edge in edges.get(waiting.pop(), ()):
            if end(edge) not in seen:
                seen.add(end(edge))
                waiting.append(end(edge))
    return seen


def _back(edge: Edge, by: Mapping[str, Edge | None]) -> Iterator[Edge]:
    here: Edge | None = edge
    while here is not None:
        yield here
        here = by[here.source]


def smallest(problem: Problem, useless: Collection[str] = ()) -> tuple[str, ...] | None:
    """Return the fewest objects without which no way is left; None where some way depends on no object.

    `useless`: objects that are not to be chosen.
    """
    ways: list[frozenset[str]] = []
    chosen: tuple[str, ...] = ()
    for _ in range(_ROUNDS):
        fresh = _left(problem, chosen, useless)
        if fresh is None:
            return None
        if not fresh:
            return chosen
        ways += fresh
        chosen = hitting(ways)
    return _closed(problem, chosen, useless)


def _left(problem: Problem, chosen: Iterable[str], useless: Collection[str]) -> list[frozenset[str]] | None:
    """Return the objects of ways that are left, no two of which share one; None where one has none."""
    gone, found = set(chosen), []
    while (way := problem.way(gone)) is not None:
        told = frozenset(name for one in way for name in one.objects if name not in useless)
        if not told:
            return None
        found.append(told)
        gone |= told
    return found


def _closed(problem: Problem, chosen: Sequence[str], useless: Collection[str]) -> tuple[str, ...] | None:
    """Return a choice made whole by the easiest object of each way that is left, less what it then does without."""
    gone = list(chosen)
    while (way := problem.way(gone)) is not None:
        told = [name for one in way for name in one.objects if name not in useless]
        if not told:
            return None
        gone.append(min(told, key=_weight))
    for name in list(gone):
        rest = [one for one in gone if one != name]
        if problem.way(rest) is None:
            gone = rest
    return tuple(gone)


def _weight(name: str) -> float:
    return 1 + _EASE.get(name.partition("/")[0], _WORKLOAD)


def hitting(ways: Sequence[frozenset[str]]) -> tuple[str, ...]:
    """Return the fewest names of which each set holds one; of several such choices, the one soonest changed.

    >>> hitting([frozenset({"a", "b"}), frozenset({"b", "c"}), frozenset({"d"})])
    ('b', 'd')
    """
    sets = sorted(
        {one for one in ways if not any(other < one for other in ways)}, key=lambda one: (len(one), sorted(one))
    )
    best = _greedy(sets)
    return tuple(sorted(_Branching(sets, best).best))


def _greedy(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    left, chosen = list(sets), set[str]()
    while left:
        counts = Counter(name for one in left for name in one)
        name = min(counts, key=lambda one: (-counts[one], _weight(one), one))
        chosen.add(name)
        left = [one for one in left if name not in one]
    return frozenset(chosen)


class _Branching:
    """Branch and bound over which name of the smallest set that is not hit is chosen."""

    def __init__(self, sets: Sequence[frozenset[str]], best: frozenset[str]) -> None:
        self.best, self._bound, self._branches = best, sum(map(_weight, best)), 0
        self._branch(list(sets), frozenset(), 0.0)

    def _branch(self, left: list[frozenset[str]], chosen: frozenset[str], weight: float) -> None:
        self._branches += 1
        if not left:
            if weight < self._bound:
                self.best, self._bound = chosen, weight
            return
        if self._branches > _BRANCHES or weight + _apart(left) >= self._bound:
            return
        first = min(left, key=len)
        counts = Counter(name for one in left for name in one)
        for name in sorted(first, key=lambda one: (-counts[one], _weight(one), one)):
            self._branch([one for one in left if name not in one], chosen | {name}, weight + _weight(name))


def _apart(left: Iterable[frozenset[str]]) -> float:
    """Return what is needed at least: a name for each of some sets that share none."""
    seen: set[str] = set()
    needed = 0.0
    for one in left:
        if seen.isdisjoint(one):
            seen |= one
            needed += min(map(_weight, one))
    return needed


def broken(routes: Iterable[Route], graph: Graph, gone: frozenset[str]) -> list[Route]:
    """Return the ways of which some step is gone, whatever else led there included."""
    return [one for one in routes if any(not _remains(graph, step, gone) for step in one.steps)]


def _remains(graph: Graph, step: Sequence[Edge], gone: frozenset[str]) -> bool:
    """Say whether the end of a step can still be reached from its beginning, by sets alone."""
    if all(gone.isdisjoint(one.objects) for one in step):
        return True
    start, seen = step[0].source, {step[-1].target}
    waiting = list(seen)
    while waiting:
        for edge in graph.into.get(waiting.pop(), ()):
            if edge.walk and not edge.conditional and gone.isdisjoint(edge.objects):
                if edge.source == start:
                    return True
                if nodes.is_set(edge.source) and edge.source not in seen:
                    seen.add(edge.source)
                    waiting.append(edge.source)
    return False


def found(problem: Problem, graph: Graph, routes: Sequence[Route], useless: Collection[str] = ()) -> list[Cut]:
    """Return cuts, best first: the fewest objects that close all ways, then single ones by how many they close."""
    whole = smallest(problem, useless)
    cuts = [_cut(whole, graph, routes)] if whole else []
    counts = Counter(name for one in routes for name in {name for edge in one.edges for name in edge.objects})
    single = [name for name in counts if name not in useless]
    single.sort(key=lambda name: (-counts[name], _weight(name), name))
    alone = [_cut((name,), graph, routes) for name in single[:_SINGLE] if (name,) != whole]
    return cuts + sorted((one for one in alone if one.removes), key=lambda one: (-one.removes, _weight(one.objects[0])))


def _cut(objects: tuple[str, ...], graph: Graph, routes: Sequence[Route]) -> Cut:
    gone = frozenset(objects)
    closed = broken(routes, graph, gone)
    steps = dict.fromkeys(edge for one in closed for edge in one.edges if not gone.isdisjoint(edge.objects))
    return Cut(objects, len(closed), len(routes), tuple(steps))
