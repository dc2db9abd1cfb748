"""Graphs drawn by chance, for the laws of searching and cutting."""

from __future__ import annotations

from hypothesis import strategies as st

from plimsoll.paths.edge import Edge
from plimsoll.paths.graph import Graph

NAMES = [f"Container:a/p{number}/c" for number in range(6)] + ["~set Container:a/*/*"]
TARGET = "Sink:cluster-admin"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small graphs whose edges depend on few objects."""
    ends = st.sampled_from([*NAMES, TARGET])
    objects = st.lists(
        st.sampled_from(["Pod/a/p", "Role/a/r", "RoleBinding/a/b", "Service/a/s"]), max_size=2, unique=True
    )
    drawn = draw(st.lists(st.tuples(st.sampled_from(NAMES), ends, objects, st.booleans()), max_size=14))
    return Graph(
        Edge("" if source.startswith("~") else "POD_EXEC", source, target, "r", tuple(told), walk=walk or True)
        for source, target, told, walk in drawn
        if source != target
    )
