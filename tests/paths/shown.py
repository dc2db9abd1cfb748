"""What a family of edges says of a small cluster, as it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from plimsoll.paths import nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.model import Model
from tests.paths.clusters import Body, model

Family = Callable[[Model], Iterator[Edge]]


def edges(family: Family, *bodies: Body) -> set[tuple[str, str, str]]:
    """Kind, source and target of the edges of a family, sets folded away."""
    told = model(*bodies)
    graph = Graph([*family(told), *told.sets(), *sets.members(told)])
    return {(one.kind, one.source, one.target) for one in graph.shown() if one.source != nodes.CLUSTER_ADMIN}


def targets(family: Family, kind: str, *bodies: Body, source: str = "SA:a/x") -> set[str]:
    """Where the edges of a kind lead from an identity."""
    return {target for told, begin, target in edges(family, *bodies) if (told, begin) == (kind, source)}
