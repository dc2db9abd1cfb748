"""Patterns of paths as the kernel walks them: a deterministic automaton over the hashes of components.

`*` stands for one component, `/**` at the end for anything below. At each node the kernel follows the edge
of the component if there is one, else that of any component; so an edge by name must hold all that an edge
by `*` beside it would have led to.
"""

from __future__ import annotations

from collections.abc import Iterable

from plimsoll.sensor import hashes

ANY = 0
MOST_NODES = 4096
"""Of one profile: what is over is left out, and its paths are judged exactly."""

Edges = dict[tuple[int, int], tuple[int, int, int]]
"""(node, component's hash or ANY) → (next node, kinds known here, kinds known anywhere below)."""

_Place = tuple[int, int]
"""A pattern and how many of its components are matched."""


def edges(patterns: Iterable[tuple[str, int]]) -> Edges:
    """Return the automaton of patterns, each with its mask of kinds; it starts at node 0.

    >>> sorted(edges([("/*", 2)]).items())
    [((0, 0), (1, 2, 0))]
    >>> len(edges([("/data/*", 2), ("/*/log", 4)]))
    5
    """
    parsed = [_parsed(text, mask) for text, mask in patterns if text.startswith("/")]
    start = frozenset((number, 0) for number in range(len(parsed)))
    nodes, found, waiting = {start: 0}, Edges(), [start]
    while waiting:
        places = waiting.pop()
        for name in {_name(parsed, place) for place in places} - {None}:
            reached = _reached(parsed, places, name)
            if reached not in nodes and len(nodes) < MOST_NODES:
                nodes[reached] = len(nodes)
                waiting.append(reached)
            if reached in nodes:
                key = hashes.component(name) if name else ANY
                found[nodes[places], key] = (nodes[reached], *_masks(parsed, reached))
    return found


class _Pattern:
    def __init__(self, names: list[bytes], mask: int, *, below: bool) -> None:
        self.names, self.mask, self.below = names, mask, below


def _parsed(text: str, mask: int) -> _Pattern:
    names = [name for name in text.encode("utf-8", "surrogateescape").split(b"/") if name]
    below = bool(names) and names[-1] == b"**"
    return _Pattern([b"" if name == b"*" else name for name in names[: len(names) - below]], mask & 0xFFFF, below=below)


def _name(parsed: list[_Pattern], place: _Place) -> bytes | None:
    pattern, depth = parsed[place[0]], place[1]
    return pattern.names[depth] if depth < len(pattern.names) else None


def _reached(parsed: list[_Pattern], places: frozenset[_Place], name: bytes | None) -> frozenset[_Place]:
    return frozenset((number, depth + 1) for number, depth in places if _name(parsed, (number, depth)) in (name, b""))


def _masks(parsed: list[_Pattern], places: frozenset[_Place]) -> tuple[int, int]:
    here = below = 0
    for number, depth in places:
        pattern = parsed[number]
        if depth == len(pattern.names):
            if pattern.below:
                below |= pattern.mask
            else:
                here |= pattern.mask
    return here, below
