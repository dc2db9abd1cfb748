"""The edges of one family, as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from plimsoll.paths import sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph
from plimsoll.paths.model import Model
from tests.paths.clusters import Body, model

Family = Callable[[Model], Iterator[Edge]]


def edges(family: Family, *bodies: Body) -> list[Edge]:
    """All edges of a family, ways through sets folded away."""
    told = model(*bodies)
    return [*Graph([*family(told), *told.sets(), *sets.members(told)]).shown()]


def steps(family: Family, *bodies: Body, conditional: bool = False) -> set[tuple[str, str, str]]:
    """Kind and ends of the certain edges of a family, or of the conditional ones."""
    found = edges(family, *bodies)
    return {(one.kind, one.source, one.target) for one in found if one.conditional is conditional}


def kinds(family: Family, *bodies: Body, conditional: bool = False) -> set[str]:
    """The kinds of the certain edges of a family, or of the conditional ones."""
    return {kind for kind, _, _ in steps(family, *bodies, conditional=conditional)}
