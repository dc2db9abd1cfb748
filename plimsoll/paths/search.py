"""The ways through a graph: from each start the easiest to any target, and for few starts the next easiest too."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph, folded

Cost = Callable[[Edge], float]
"""How hard a step is; never below nothing."""
_TRIES = 20_000
"""Partial ways looked at for the next easiest of one start."""
_INTO_SETS = 1e-6
"""What the way into and out of a set costs, so that of two ways the one with fewer turns is the shorter."""


class Route(NamedTuple):
    """A way an attacker goes."""

    edges: tuple[Edge, ...]
    """As they are shown: sets are folded away."""
    cost: float
    raw: tuple[Edge, ...] = ()
    """As they are in the graph."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """What is held on the way, from the first to the last."""
        return (self.edges[0].source, *(one.target for one in self.edges))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its steps."""
        return tuple(one.kind for one in self.edges)

    @property
    def steps(self) -> Iterator[list[Edge]]:
        """The edges of the graph that make each step: more than one where it goes through sets."""
        step: list[Edge] = []
        for edge in self.raw:
            step.append(edge)
            if not nodes.is_set(edge.target):
                yield step
                step = []
        if step:
            yield step

    def beside(self, graph: Graph, *, conditional: bool = False) -> Iterator[Edge]:
        """Yield the other steps between what its steps are between: any of them would do as well."""
        for step in self.steps:
            for other in graph.out.get(step[0].source, ()):
                fits = other.target == step[0].target and other.walk and (conditional or not other.conditional)
                if fits and other.kind and other != step[0]:
                    yield _shown(folded([other, *step[1:]]))


class Ways:
    """How far everything is from the nearest of some targets, and by which step."""

    def __init__(self, graph: Graph, targets: Iterable[str], cost: Cost, *, conditional: bool = False) -> None:
        """Search backwards from the targets over what can be walked; conditional steps count only when asked for."""
        self._graph, self._cost, self._conditional = graph, cost, conditional
        self.targets = frozenset(targets)
        self.distance: dict[str, float] = {}
        self._next: dict[str, Edge] = {}
        self._costs: dict[str, float] = {}
        self._search()

    def _search(self) -> None:
        tie = itertools.count()
        heap: list[tuple[float, int, str, Edge | None]] = [(0.0, next(tie), one, None) for one in sorted(self.targets)]
        while heap:
            far, _, node, by = heapq.heappop(heap)
            if node in self.distance:
                continue
            self.distance[node] = far
            if by is not None:
                self._next[node] = by
            for edge in self._graph.into.get(node, ()):
                if edge.source not in self.distance and self._is_open(edge):
                    heapq.heappush(heap, (far + self.cost(edge), next(tie), edge.source, edge))

    def _is_open(self, edge: Edge) -> bool:
        return edge.walk and (self._conditional or not edge.conditional)

    def cost(self, edge: Edge) -> float:
        """Return how hard a step is."""
        return self._cost(edge) if edge.kind else _INTO_SETS

    def easiest(self, start: str) -> Route | None:
        """Return the easiest way from a start; None where there is none, or where it is a target itself."""
        if start not in self._next:
            return None
        edges, node = [], start
        while node in self._next:
            edges.append(self._next[node])
            node = edges[-1].target
        return route(edges, self.distance[start])

    def several(self, start: str, most: int) -> list[Route]:
        """Return the easiest ways from a start that differ in what is held on them, none twice through one node."""
        if start not in self._next:
            return []
        found: dict[tuple[str, ...], Route] = {}
        tie, tries = itertools.count(), 0
        heap: list[tuple[float, int, float, tuple[Edge, ...]]] = [(self.distance[start], next(tie), 0.0, ())]
        while heap and len(found) < most and tries < _TRIES:
            whole, _, gone, edges = heapq.heappop(heap)
            node = edges[-1].target if edges else start
            if node in self.targets and edges:
                one = route(edges, whole)
                found.setdefault(one.nodes, one)
                continue
            for edge, far in self._onward(node, edges, start):
                tries += 1
                spent = gone + self.cost(edge)
                heapq.heappush(heap, (spent + far, next(tie), spent, (*edges, edge)))
        return list(found.values())

    def _onward(self, node: str, edges: tuple[Edge, ...], start: str) -> Iterator[tuple[Edge, float]]:
        visited = {start, *(one.target for one in edges)}
        for edge in self._graph.out.get(node, ()):
            far = self.distance.get(edge.target)
            if far is not None and edge.target not in visited and self._is_open(edge):
                yield edge, far


def route(edges: Sequence[Edge], cost: float) -> Route:
    """Return edges that follow each other as they are shown."""
    found: list[Edge] = []
    waiting: list[Edge] = []
    for one in edges:
        waiting.append(one)
        if not nodes.is_set(one.target):
            found.append(_shown(folded(waiting)))
            waiting = []
    if waiting:
        found.append(_shown(folded(waiting)))
    return Route(tuple(one for one in found if one.kind or one.source != one.target), cost, tuple(edges))


def _shown(one: Edge) -> Edge:
    return one._replace(source=nodes.shown(one.source), target=nodes.shown(one.target))
