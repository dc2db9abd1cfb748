"""Single steps between some things of a cluster: of all that an attacker could do next, what leads from one of them to another.

What leads to very much, or is led to from very much, is left out: that everybody may call the cluster's names says
nothing of two pods.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

from plimsoll.paths import nodes, weights
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph, folded

HUB = 32
"""Things that a kind of step leads to from one, or to one from which, beyond which it is left out."""
_ABOVE = 64
"""Sets that a thing may be in, beyond which it is a hub itself."""
_MOST = 256
"""Members of a set that are looked at."""


def between(graph: Graph, sources: Collection[str], targets: Collection[str]) -> Iterator[Edge]:
    """Yield from each of the sources to each of the targets the easiest step there is, sets folded away.

    >>> graph = Graph([Edge("TOKEN_MOUNT", "Container:a/p/c", "SA:a/x", "it is mounted")])
    >>> [edge.kind for edge in between(graph, ["Container:a/p/c"], ["SA:a/x"])]
    ['TOKEN_MOUNT']
    """
    degrees = _Degrees(graph)
    led = _led(graph, targets)
    for source in sorted(set(sources)):
        best: dict[str, Edge] = {}
        for edge in graph.out.get(source, ()):
            if not _counts(edge) or not edge.kind or degrees.members(edge.target) > HUB:
                continue
            for target in led.get(edge.target, ()):
                whole = folded([edge, Edge("", edge.target, target, "")])
                if target != source and degrees.led(target, edge.kind) <= HUB:
                    best[target] = min(best.get(target, whole), whole, key=_ease)
        yield from (best[target] for target in sorted(best))


def _ease(edge: Edge) -> tuple[float, str, str]:
    return weights.cost(edge), edge.kind, edge.why


def _counts(edge: Edge) -> bool:
    return edge.walk and not edge.conditional


def _led(graph: Graph, targets: Collection[str]) -> dict[str, list[str]]:
    """Return the targets that each node is or, as a set, leads to."""
    found: dict[str, list[str]] = {}
    for target in sorted(set(targets)):
        above = list(_above(graph, target))
        if len(above) <= _ABOVE:
            for node in above:
                found.setdefault(node, []).append(target)
    return found


def _above(graph: Graph, node: str) -> Iterator[str]:
    """Yield a node and all sets it is in, as far as they are not far too many."""
    seen, waiting = {node}, [node]
    while waiting and len(seen) <= _ABOVE:
        here = waiting.pop()
        for edge in graph.into.get(here, ()):
            if not edge.kind and _counts(edge) and edge.source not in seen:
                seen.add(edge.source)
                waiting.append(edge.source)
    yield from sorted(seen)


class _Degrees:
    """How much something leads to, and is led to from: counted as far as a hub."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._members: dict[str, int] = {}
        self._sources: dict[tuple[str, str], int] = {}

    def members(self, node: str) -> int:
        """Return how many things a set leads to; what is no set is one."""
        if node not in self._members:
            self._members[node] = self._counted(node)
        return self._members[node]

    def _counted(self, node: str) -> int:
        seen, waiting, found = {node}, [node], 0
        while waiting and found <= HUB:
            here = waiting.pop()
            if not nodes.is_set(here):
                found += 1
                continue
            inside = [edge.target for edge in self._graph.out.get(here, ()) if not edge.kind]
            waiting += (one for one in dict.fromkeys(inside[:_MOST]) if one not in seen)
            seen.update(inside[:_MOST])
        return found

    def led(self, target: str, kind: str) -> int:
        """Return how many things lead to this one by steps of a kind."""
        key = target, kind
        if key not in self._sources:
            self._sources[key] = len({edge.source for edge in self._into(target, kind)})
        return self._sources[key]

    def _into(self, target: str, kind: str) -> Iterator[Edge]:
        for node in _above(self._graph, target):
            yield from islice((edge for edge in self._graph.into.get(node, ()) if edge.kind == kind), _MOST)
