"""The wiring of network policies: manifests and flows in; who can reach whom, what is denied, what a change opens out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import manifests
from plimsoll.cluster import objects as inventory


class Cluster(NamedTuple):
    """The objects of some manifests."""

    frame: pl.DataFrame
    """A frame of tables.OBJECTS."""
    rejects: list[manifests.Reject]
    """The first documents that could not be read."""
    rejected: int
    """How many there were."""


def cluster(sources: Sequence[str]) -> Cluster:
    """Return the objects of all these sources together; raise InputError where one cannot be read at all."""
    found = [inventory.read(source) for source in sources]
    frame = pl.concat([one.frame for one in found]) if found else frames.empty(tables.OBJECTS)
    rejects = [reject for one in found for reject in one.rejects]
    return Cluster(frame, rejects[: inventory.KEPT], sum(one.rejected for one in found))
