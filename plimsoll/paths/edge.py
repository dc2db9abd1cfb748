"""An edge says that who holds its source gains its target, by which means, and which objects make it so."""

from __future__ import annotations

from typing import NamedTuple


class Edge(NamedTuple):
    """One step of an attacker."""

    kind: str
    """One of the kinds of step: `POD_EXEC`; empty on the way into or out of a set (`nodes.set_of`)."""
    source: str
    """What the attacker holds: the id of a node (`plimsoll.paths.nodes`)."""
    target: str
    """What it gains."""
    why: str
    """One sentence with the evidence: object, field, value."""
    objects: tuple[str, ...] = ()
    """Objects (`nodes.ref`) of which changing or removing any one removes this edge."""
    conditional: bool = False
    """It needs something that manifests cannot show: such edges are left out unless asked for."""
    walk: bool = True
    """False: the target is only reached, not held; the edge is shown and no path goes over it."""
