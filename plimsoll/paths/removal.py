"""A cluster without some of its objects, and without what these had made."""

from __future__ import annotations

from collections.abc import Collection

from plimsoll.paths import nodes
from plimsoll.paths.workloads import controller, namespace_of
from plimsoll.posture.objects import Cluster, Object

_DEEPEST = 8


def without(cluster: Cluster, refs: Collection[str]) -> Cluster:
    """Return a cluster without the objects of these names (`nodes.ref`), and without what they control."""
    gone = {key for one in cluster.objects if not refs_of(one).isdisjoint(refs) for key in [_key(one)]}
    gone |= {key for ref in refs if (key := _key_of(ref))}
    for _ in range(_DEEPEST):
        more = {_key(one) for one in cluster.objects if _owner(one) in gone} - gone
        if not more:
            break
        gone |= more
    return Cluster(one for one in cluster.objects if _key(one) not in gone)


def refs_of(one: Object) -> set[str]:
    """Return what an object may be called.

    >>> sorted(refs_of(Object({"kind": "Pod", "metadata": {"name": "p"}})))
    ['Pod/default/p', 'Pod/p']
    """
    names = {nodes.ref(one.kind, one.name, namespace_of(one))}
    return names if one.namespace else names | {nodes.ref(one.kind, one.name)}


def _key(one: Object) -> tuple[str, str, str]:
    return one.kind, namespace_of(one), one.name


def _key_of(ref: str) -> tuple[str, str, str] | None:
    parts = tuple(ref.split("/"))
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def _owner(one: Object) -> tuple[str, str, str] | None:
    owner = controller(one)
    return (owner[0], namespace_of(one), owner[1]) if owner else None
