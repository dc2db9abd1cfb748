"""All steps that a cluster allows, by where they begin and where they end, and how sets are folded away to be shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from plimsoll.paths import nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges import families, rbac_nodes
from plimsoll.paths.model import Model

_MEMBERS = 1_000
"""Members of a set that are shown one by one; a larger one is shown as its wildcard."""


class Graph:
    """Edges by both their ends."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        """Take edges; the same edge twice is one."""
        self.edges: list[Edge] = list(dict.fromkeys(edges))
        self.out: dict[str, list[Edge]] = defaultdict(list)
        self.into: dict[str, list[Edge]] = defaultdict(list)
        for one in self.edges:
            self.out[one.source].append(one)
            self.into[one.target].append(one)

    @property
    def nodes(self) -> Iterator[str]:
        """All ends of edges."""
        yield from dict.fromkeys([*self.out, *self.into])

    def shown(self) -> Iterator[Edge]:
        """Yield the edges as they are shown, from thing to thing; a set without members, or with very many, is its wildcard."""
        folds = _Folds(self)
        seen: set[tuple[str, str, str, str, bool]] = set()
        for source in list(self.out):
            if not nodes.is_set(source):
                for one in folds.of(source):
                    key = (one.kind, one.source, one.target, one.why, one.conditional)
                    if key not in seen:
                        seen.add(key)
                        yield one


class _Folds:
    """Edges through sets."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inside: dict[str, list[Edge]] = {}

    def of(self, source: str) -> Iterator[Edge]:
        """Yield the edges from a thing to things."""
        for one in self._graph.out[source]:
            for rest in self._ends(one.target):
                whole = folded([one, *([rest] if rest else [])])
                if whole.kind:
                    yield whole._replace(source=nodes.shown(whole.source), target=nodes.shown(whole.target))

    def _ends(self, target: str) -> Sequence[Edge | None]:
        if not nodes.is_set(target):
            return (None,)
        found = self._of_set(target, frozenset())
        return (None,) if not found or len(found) > _MEMBERS else found

    def _of_set(self, one: str, above: frozenset[str]) -> list[Edge]:
        """Return the ways out of a set, through sets in it, each as one edge."""
        if one not in self._inside:
            found: list[Edge] = []
            for edge in self._graph.out[one]:
                if not nodes.is_set(edge.target):
                    found.append(edge)
                elif edge.target not in above:
                    found += (folded([edge, rest]) for rest in self._of_set(edge.target, above | {one}))
                if len(found) > _MEMBERS:
                    break
            self._inside[one] = found
        return self._inside[one]


def folded(edges: Sequence[Edge]) -> Edge:
    """Return edges that follow each other through sets as the one that they are.

    >>> folded([Edge("POD_EXEC", "SA:a/x", "~all", "r allows it", ("r",)), Edge("", "~all", "Container:a/p/c", "")])[:3]
    ('POD_EXEC', 'SA:a/x', 'Container:a/p/c')
    """
    return Edge(
        next((one.kind for one in edges if one.kind), ""),
        edges[0].source,
        edges[-1].target,
        "; ".join(dict.fromkeys(one.why for one in edges if one.why)),
        tuple(dict.fromkeys(name for one in edges for name in one.objects)),
        any(one.conditional for one in edges),
        all(one.walk for one in edges),
    )


def build(model: Model) -> Graph:
    """Return all the steps that a cluster allows."""
    found = list(_edges(model))
    return Graph([*found, *rbac_nodes.on_own_node(found)])


def _edges(model: Model) -> Iterator[Edge]:
    for family in families().values():
        yield from family(model)
    yield from model.sets()
    yield from sets.members(model)
