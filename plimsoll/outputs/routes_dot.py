"""Attack paths as a graph in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plimsoll.outputs import plain
from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge

_COLOURS = {
    "Internet": "#d9534f",
    "Anyone": "#d9534f",
    "Endpoint": "#f0ad4e",
    "Container": "#5bc0de",
    "Node": "#b07cc6",
    "SA": "#f7e08b",
    "User": "#f7e08b",
    "Group": "#f7e08b",
    "Secret": "#9fd3a0",
    "Cloud": "#9fd3a0",
    "Sink": "#d9534f",
}


def text(edges: Iterable[Edge]) -> Iterator[str]:
    """Yield the edges as a digraph; edges of several kinds between two nodes are one line."""
    told: dict[tuple[str, str], dict[str, bool]] = {}
    for one in edges:
        kinds = told.setdefault((one.source, one.target), {})
        kinds[one.kind] = kinds.get(one.kind, True) and one.conditional
    yield "digraph paths {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=sans];\n"
    for node in dict.fromkeys(end for pair in told for end in pair):
        yield f"  {_quoted(node)} [fillcolor={_quoted(_COLOURS.get(nodes.kind(node), '#eeeeee'))}];\n"
    for (source, target), kinds in told.items():
        dashed = ", style=dashed" if all(kinds.values()) else ""
        yield f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(', '.join(kinds))}{dashed}];\n"
    yield "}\n"


def _quoted(told: str) -> str:
    r"""Return a text as a quoted id, whatever it holds.

    >>> print(_quoted('a"b'))
    "a\"b"
    """
    safe = plain.shown(told).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{safe}"'
