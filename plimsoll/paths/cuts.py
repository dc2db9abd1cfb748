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
_EXACT = 20
"""Rounds in which the answer is exact."""
_BRANCHES = 20_000
"""Choices looked at for an exact answer, of ways that have to do with each other."""
_COMPARED = 300
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
_FREE = 1.0


class Cut(NamedTuple):
    """Objects to change or remove."""

    objects: tuple[str, ...]
    removes: int
    """How many of the listed ways it closes."""
    of: int
    steps: tuple[Edge, ...]
    """The steps it takes away on the listed ways; of an object that is on none of them, on others."""


class Problem:
    """Starts, targets, and the steps between them that can be walked."""

    def __init__(
        self,
        graph: Graph,
        starts: Iterable[str],
        targets: Collection[str],
        *,
        conditional: bool = False,
        untold: Callable[[Edge], bool] = lambda _: False,
    ) -> None:
        """Keep the part of the graph that lies on some way; `untold`: first steps that need not be closed."""
        targets = frozenset(targets)
        edges = [one for one in graph.edges if one.walk and (conditional or not one.conditional)]
        out = _by(edges, lambda one: one.source)
        into = _by(edges, lambda one: one.target)
        starts = [one for one in dict.fromkeys(starts) if one not in targets]
        near = _steps_to(targets, into)
        forward = _reached(starts, out)
        self._out = {
            node: sorted((one for one in found if one.target in near), key=lambda one: near[one.target])
            for node, found in out.items()
            if node in near and node in forward and node not in targets
        }
        self._first = [edge for one in starts for edge in self._out.get(one, ()) if not untold(edge)]
        self._targets = targets

    def way(self, gone: Collection[str]) -> list[Edge] | None:
        """Return a way that is left without some objects; None where none is."""
        return next(self.ways(set(gone)), None)

    def ways(self, gone: set[str]) -> Iterator[list[Edge]]:
        """Yield ways that are left without some objects; what lies on one is gone for those after it.

        A step from where no target was reached is not tried again: when more is gone, none is reached either. Some way
        may be missed after another was found; that there is none at all is certain.
        """
        turn: dict[str, int] = {}
        for first in self._first:
            while gone.isdisjoint(first.objects) and (way := self._onward(first, gone, turn)):
                told = {name for one in way for name in one.objects}
                yield way
                if not told:
                    break
                gone |= told

    def _onward(self, first: Edge, gone: set[str], turn: dict[str, int]) -> list[Edge]:
        """Return a way that begins with a step; `turn`: the step out of each node that is the next to be tried."""
        way = [first]
        on_way = {first.source, first.target}
        while way:
            node = way[-1].target
            if node in self._targets:
                return way
            step = self._next(node, gone, turn, on_way)
            if step is None:
                last = way.pop()
                on_way.discard(last.target)
                turn[last.source] = turn.get(last.source, 0) + (last is not first)
            else:
                way.append(step)
                on_way.add(step.target)
        return []

    def _next(self, node: str, gone: set[str], turn: dict[str, int], on_way: set[str]) -> Edge | None:
        found = self._out.get(node, ())
        place = turn.get(node, 0)
        while place < len(found) and (found[place].target in on_way or not gone.isdisjoint(found[place].objects)):
            place += 1
        turn[node] = place
        return found[place] if place < len(found) else None


def _by(edges: Iterable[Edge], end: Callable[[Edge], str]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for one in edges:
        found.setdefault(end(one), []).append(one)
    return found


def _reached(starts: Iterable[str], out: Mapping[str, list[Edge]]) -> set[str]:
    seen = set(starts)
    waiting = list(seen)
    while waiting:
        fresh = {edge.target for edge in out.get(waiting.pop(), ())} - seen
        seen |= fresh
        waiting += fresh
    return seen


def _steps_to(targets: Iterable[str], into: Mapping[str, list[Edge]]) -> dict[str, int]:
    """Return how many steps everything is from the nearest target."""
    found = dict.fromkeys(sorted(targets), 0)
    waiting = deque(found)
    while waiting:
        node = waiting.popleft()
        for edge in into.get(node, ()):
            if edge.source not in found:
                found[edge.source] = found[node] + 1
                waiting.append(edge.source)
    return found


def smallest(problem: Problem, useless: Collection[str] = (), free: Collection[str] = ()) -> tuple[str, ...] | None:
    """Return the fewest objects without which no way is left; None where some way depends on no object.

    `useless`: objects that are not to be chosen; `free`: those that nobody needs, which are sooner chosen than others.
    """
    ways: list[frozenset[str]] = []
    chosen: tuple[str, ...] = ()
    for number in range(_ROUNDS):
        fresh = [_told(way, useless) for way in problem.ways(set(chosen))]
        if not all(fresh):
            return None
        if not fresh:
            return chosen
        ways += fresh
        chosen = hitting(ways, free, exact=number < _EXACT)
    return _closed(problem, chosen, useless)


def _told(way: Iterable[Edge], useless: Collection[str]) -> frozenset[str]:
    return frozenset(name for one in way for name in one.objects if name not in useless)


def _closed(problem: Problem, chosen: Iterable[str], useless: Collection[str]) -> tuple[str, ...] | None:
    """Return a choice made whole by the object of each way that is left that is soonest changed."""
    gone = dict.fromkeys(chosen)
    while (way := problem.way(gone)) is not None:
        told = _told(way, useless)
        if not told:
            return None
        gone[min(told, key=lambda name: (_weight(name), name))] = None
    return tuple(gone)


def _weight(name: str) -> float:
    return 1 + _EASE.get(name.partition("/")[0], _WORKLOAD)


def hitting(ways: Iterable[frozenset[str]], free: Collection[str] = (), *, exact: bool = True) -> tuple[str, ...]:
    """Return the fewest names of which each set holds one; of several such choices, the one soonest changed.

    >>> hitting([frozenset({"a", "b"}), frozenset({"b", "c"}), frozenset({"d"})])
    ('b', 'd')
    """
    found: set[str] = set()
    for sets in _apart_from_each_other(dict.fromkeys(ways)):
        near = _smallest_sets(sets)
        weights = {name: _FREE if name in free else _weight(name) for one in near for name in one}
        best = _greedy(near, weights)
        found |= _Branching(near, best, weights).best if exact else best
    return tuple(sorted(found))


def _apart_from_each_other(ways: Iterable[frozenset[str]]) -> Iterator[list[frozenset[str]]]:
    """Yield sets that share names, directly or by others, together: what is chosen for them is their own affair."""
    by_name: dict[str, list[frozenset[str]]] = {}
    for one in ways:
        for name in one:
            by_name.setdefault(name, []).append(one)
    seen: set[frozenset[str]] = set()
    for one in ways:
        if one not in seen:
            seen.add(one)
            group, names = [one], set(one)
            waiting = list(one)
            while waiting:
                fresh = [other for other in by_name[waiting.pop()] if other not in seen]
                seen.update(fresh)
                group += fresh
                more = {name for other in fresh for name in other} - names
                names |= more
                waiting += more
            yield group


def _smallest_sets(sets: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Return sets without those that hold another whole: who hits that one hits them."""
    kept: list[frozenset[str]] = []
    for one in sorted(sets, key=lambda told: (len(told), sorted(told))):
        if len(kept) > _COMPARED or not any(other < one for other in kept):
            kept.append(one)
    return kept


def _greedy(sets: Sequence[frozenset[str]], weights: Mapping[str, float]) -> frozenset[str]:
    left, chosen = list(sets), set[str]()
    counts = Counter(name for one in left for name in one)
    while left:
        name = min(counts, key=lambda one: (-counts[one], weights[one], one))
        chosen.add(name)
        for one in left:
            if name in one:
                counts.subtract(one)
        left = [one for one in left if name not in one]
        counts = +counts
    return frozenset(chosen)


class _Branching:
    """Branch and bound over which name of the smallest set that is not hit is chosen."""

    def __init__(self, sets: Sequence[frozenset[str]], best: frozenset[str], weights: Mapping[str, float]) -> None:
        self._weights, self.best, self._branches = weights, best, 0
        self._bound = sum(weights[name] for name in best)
        self._branch(list(sets), frozenset(), 0.0)

    def _branch(self, left: list[frozenset[str]], chosen: frozenset[str], weight: float) -> None:
        self._branches += 1
        if not left:
            if weight < self._bound:
                self.best, self._bound = chosen, weight
            return
        if self._branches > _BRANCHES or weight + self._apart(left) >= self._bound:
            return
        first = min(left, key=len)
        counts = Counter(name for one in left for name in one)
        for name in sorted(first, key=lambda one: (-counts[one], self._weights[one], one)):
            self._branch([one for one in left if name not in one], chosen | {name}, weight + self._weights[name])

    def _apart(self, left: Iterable[frozenset[str]]) -> float:
        """Return what is needed at least: a name for each of some sets that share none."""
        seen: set[str] = set()
        needed = 0.0
        for one in left:
            if seen.isdisjoint(one):
                seen |= one
                needed += min(self._weights[name] for name in one)
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


def found(
    problem: Problem,
    graph: Graph,
    routes: Sequence[Route],
    useless: Collection[str] = (),
    free: Collection[str] = (),
) -> list[Cut]:
    """Return cuts, best first: the fewest objects that close all ways, then single ones by how many they close."""
    whole = smallest(problem, useless, free)
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
    told = {name for edge in steps for name in edge.objects}
    others = gone - told  # they close ways that are not listed
    if others:
        steps |= dict.fromkeys(
            one for one in graph.edges if one.kind and one.walk and not others.isdisjoint(one.objects)
        )
    return Cut(objects, len(closed), len(routes), tuple(steps))
