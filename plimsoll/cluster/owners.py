"""Whose a pod is: up its owners to what somebody deployed, which outlives pods, rollouts and runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from plimsoll import normal

STANDING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "CronJob", "DeploymentConfig"})
"""Kinds that are the top, whoever made them: an operator's Deployment is a Deployment, as sensors say too."""
PASSING = frozenset({"ReplicaSet", "ReplicationController", "Job"})
"""Kinds that a rollout or a run makes anew."""
WORKLOADS = STANDING | PASSING | {"Pod"}

_HASHES = (("rollouts-pod-template-hash", "Rollout"), ("pod-template-hash", "Deployment"))
_RUNS = {"Workflow": "workflows", "PipelineRun": "pipelineruns", "TaskRun": "taskruns"}
_HIGHEST = 8


class Owned(NamedTuple):
    """An object as far as its owners matter."""

    namespace: str
    kind: str
    name: str
    owner_kind: str | None = None
    owner_name: str | None = None
    labels: Mapping[str, str] = {}
    generated: str = ""
    """metadata.generateName: the part of the name that somebody chose."""


Known = Mapping[tuple[str, str, str], Owned]
"""Objects by namespace, kind and name."""


def workload(one: Owned, known: Known) -> tuple[str, str]:
    """Return kind and name at the top of the owners, as far as they are known or their names tell.

    >>> pod = Owned("shop", "Pod", "web-5d8f7c-abcde", "ReplicaSet", "web-5d8f7c", {"pod-template-hash": "5d8f7c"})
    >>> workload(pod, {})
    ('Deployment', 'web')
    >>> replicas = Owned("shop", "ReplicaSet", "web-5d8f7c", "Rollout", "shop-web")
    >>> workload(pod, {("shop", "ReplicaSet", "web-5d8f7c"): replicas})
    ('Rollout', 'shop-web')
    """
    for _ in range(_HIGHEST):
        if one.kind in STANDING or not (one.owner_kind and one.owner_name):
            return _top(one)
        if one.owner_kind == "Node":  # a static pod's mirror: its name ends with the node's
            return "Pod", one.name.removesuffix(f"-{one.owner_name}") or one.name
        parent = known.get((one.namespace, one.owner_kind, one.owner_name))
        if one.owner_kind not in PASSING:
            return _top(parent) if parent else _run(one.owner_kind, one.owner_name)
        if parent is None:
            return _unseen(one.owner_kind, one.owner_name, one)
        one = parent
    return _top(one)


def _top(one: Owned) -> tuple[str, str]:
    """Return what has no owner under the name that somebody chose for it."""
    if one.kind == "ReplicaSet" and (told := _without_hash(one.name, one.labels)):
        return told
    if one.kind not in STANDING and one.generated and one.name.startswith(one.generated):
        return one.kind, one.generated.rstrip("-.") or one.name
    return _run(one.kind, one.name)


def _unseen(kind: str, name: str, child: Owned) -> tuple[str, str]:
    """Return what a ReplicaSet or Job belongs to of which only the name is known."""
    if kind == "Job":
        return normal.workload_of_pod(child.name, {"job-name": name})
    if kind == "ReplicaSet":
        told = _without_hash(name, child.labels)
        if told:
            return told
        shape, base = normal.workload_of_pod(f"{name}-bbbbb")  # as its pods are called
        return (shape, base) if shape == "Deployment" else (kind, name)
    config = child.labels.get("deploymentconfig")
    return ("DeploymentConfig", config) if config else (kind, name)


def _without_hash(name: str, labels: Mapping[str, str]) -> tuple[str, str] | None:
    for label, kind in _HASHES:
        base = name.removesuffix(f"-{labels[label]}") if labels.get(label) else name
        if base != name:
            return kind, base
    return None


def _run(kind: str, name: str) -> tuple[str, str]:
    """Return one run of a workflow under the name its runs share."""
    return (kind, normal.object_name(_RUNS[kind], name).removesuffix("-*")) if kind in _RUNS else (kind, name)
