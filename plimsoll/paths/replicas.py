"""Replicas by their own names: what is said of the one that stands for them, said of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import at, text

MOST = 5_000
"""Pods up to which each replica is told."""
_COPIES = 400
"""Copies of one edge."""


class Replicas:
    """The containers of pods that are alike."""

    def __init__(self, model: Model) -> None:
        """Take the cluster."""
        self._model = model

    @cached_property
    def first_of(self) -> Mapping[str, str]:
        """The container that stands for each container of a further replica."""
        return {
            nodes.container(one.namespace, pod, body.name): container
            for one in self._model.workloads
            for container, body in one.containers
            for pod in one.pods[1:]
        }

    def each(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        """Yield edges with a copy for each replica; in a large cluster, as they are."""
        few = sum(len(one.pods) for one in self._model.workloads) <= MOST
        for one in edges:
            yield from self._copies(one) if few else (one,)

    def _copies(self, edge: Edge) -> Iterator[Edge]:
        source, target = (self._model.containers.get(end) for end in (edge.source, edge.target))
        many = [one for one in (source, target) if one and len(one.pods) > 1]
        if not many or (
            source is not target and len(source.pods if source else "x") * len(target.pods if target else "x") > _COPIES
        ):
            yield edge
            return
        for begin, before in self._named(edge.source, source, edge.target):
            for end, after in self._named(edge.target, target, edge.source):
                if source is not target or before == after:
                    yield edge._replace(source=begin, target=end)

    def _named(self, node: str, one: Workload | None, other: str) -> Iterator[tuple[str, str]]:
        """Yield a container's id for each pod, and the pod; beside a node, for the pods that are on it."""
        if one is None or len(one.pods) < 2:
            yield node, one.pods[0] if one and one.pods else ""
            return
        name = node.rpartition("/")[2]
        for pod in one.pods:
            if not other.startswith("Node:") or len(one.nodes) < 2 or nodes.node(self._place(one, pod)) == other:
                yield nodes.container(one.namespace, pod, name), pod

    def _place(self, one: Workload, pod: str) -> str:
        found = self._model.cluster.get("Pod", one.namespace, pod)
        return text(at(found.body, "spec", "nodeName")) if found else ""
