"""Steps from rights to make or change pods: an attacker's own pod runs as any account, with any Secret, on any node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from plimsoll.paths import admission, holders, nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import WRITES, Holder, on_all, on_named, together
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant
from plimsoll.posture.judging.whole import once

MAKERS = (
    ("", "pods"),
    ("apps", "deployments"),
    ("apps", "daemonsets"),
    ("apps", "statefulsets"),
    ("apps", "replicasets"),
    ("", "replicationcontrollers"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
)
"""What makes pods, by API group and resource."""
_KINDS = {
    "deployments": "Deployment",
    "daemonsets": "DaemonSet",
    "statefulsets": "StatefulSet",
    "replicasets": "ReplicaSet",
    "replicationcontrollers": "ReplicationController",
    "cronjobs": "CronJob",
}
"""What goes on making pods after a change of its template; that of a Job cannot be changed."""


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    for holder in holders.of(model):
        made = creates(holder)
        yield from on_all("POD_CREATE_SA", holder, made, sets.accounts, "to create pods that run as any ServiceAccount")
        yield from on_all("POD_CREATE_SECRET", holder, made, sets.secrets, "to create pods that mount any Secret")
        yield from _on_nodes(model, holder, made)
        yield from _patched(model, holder)
    yield from _workloads(model)


def creates(holder: Holder) -> list[Grant]:
    """Return what lets a holder create pods, or what makes them."""
    found = (one for group, resource in MAKERS for one in holder.may(("create",), group, resource))
    return list({(one.namespace, one.objects): one for one in found}.values())


def patches(holder: Holder) -> Iterator[tuple[str, Grant]]:
    """Yield the kinds of workloads whose templates a holder may change, and by what."""
    for group, resource in MAKERS:
        if resource in _KINDS:
            yield from ((_KINDS[resource], one) for one in holder.may(WRITES, group, resource))


def _on_nodes(model: Model, holder: Holder, made: Sequence[Grant]) -> Iterator[Edge]:
    """Yield the way to a node by a pod that escapes, where it is admitted or can be made to be."""
    what = "to create pods that escape to their node, on a node of choice"
    for one in made:
        places = admission.admitting(model, one.namespace)
        if places or not model.namespaces:
            where = f", and Namespace {places[0]} does not hold pods to Pod Security" if places else ""
            yield Edge("POD_CREATE_NODE", holder.id, model.any_node, f"{one.why} allows {what}{where}", one.objects)
        else:
            yield from _let_in(model, holder, one, what)
    yield from _by_volume(model, holder, made)


def _let_in(model: Model, holder: Holder, made: Grant, what: str) -> Iterator[Edge]:
    """Yield the way to a node of who can take away what keeps an escaping pod out, or make a place without it."""
    for place in [made.namespace] if made.namespace else model.namespaces:
        labels = [one for one in relabels(holder) if not one.rule.names or place in one.rule.names]
        told = model.namespaces.get(place)
        for joint in together([made], labels) if told and told.enforces != "privileged" else ():
            why = f"{joint.why} allow to take the Pod Security label off Namespace {place} and then {what}"
            yield Edge("POD_CREATE_NODE", holder.id, model.any_node, why, joint.objects)
    if not made.namespace:
        fresh = holder.may(("create",), "", "namespaces", scoped=True)
        for joint in together([made], fresh):
            why = f"{joint.why} allow to create a namespace without Pod Security and then {what}"
            yield Edge("POD_CREATE_NODE", holder.id, model.any_node, why, joint.objects)


def relabels(holder: Holder) -> list[Grant]:
    """Return what lets a holder change namespaces' labels."""
    return holder.may(WRITES, "", "namespaces")


def _by_volume(model: Model, holder: Holder, made: Sequence[Grant]) -> Iterator[Edge]:
    """Yield the way to a node by a volume of the node's own files, which Pod Security does not see."""
    volumes = holder.may(("create",), "", "persistentvolumes", scoped=True)
    claims = holder.may(("create",), "", "persistentvolumeclaims")
    for joint in together(volumes, claims, made) if volumes else ():
        why = f"{joint.why} allow to create a hostPath PersistentVolume, a claim on it, and a pod that mounts it"
        yield Edge("PV_CREATE", holder.id, model.any_node, why, joint.objects)


def _patched(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield the workloads whose templates can be changed, and what a changed template can run as."""
    for kind, one in patches(holder):
        what = f"to change {kind}s"
        to, named = partial(sets.workloads, kind), partial(_named, model, kind)
        yield from on_named("WORKLOAD_PATCH", holder, [one], to, named, what)
        what = f"to change {kind}s so that they run as any ServiceAccount"
        yield from on_all("POD_CREATE_SA", holder, [one], sets.accounts, what, walk=False)


def _named(model: Model, kind: str, namespace: str, name: str) -> Iterator[str]:
    for place in _places(model).get((kind, name), ()):
        if namespace in ("", place):
            yield nodes.workload(place, kind, name)


@once
def _places(model: Model) -> Mapping[tuple[str, str], list[str]]:
    """Return the namespaces of what makes pods, by kind and name."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place, kind, name in sets.templates(model):
        found[kind, name].append(place)
    return found


def _workloads(model: Model) -> Iterator[Edge]:
    """Yield what one who can change a workload gains: its pods, any account and Secret near it, its node."""
    for place, kind, name in sets.templates(model):
        whole = nodes.workload(place, kind, name)
        told = f"the template of {kind} {place}/{name} can "
        yield Edge("POD_CREATE_SA", whole, sets.accounts(place), f"{told}name any ServiceAccount of {place}")
        yield Edge("POD_CREATE_SECRET", whole, sets.secrets(place), f"{told}mount any Secret of {place}")
        if admission.admits(model, place):
            why = f"{told}ask for a pod that escapes to a node of choice: {place} does not hold pods to Pod Security"
            yield Edge("POD_CREATE_NODE", whole, model.any_node, why)
    for one in model.workloads:
        for container, _ in one.containers if one.kind != "Pod" else ():
            why = f"its pods run the image and command that {one.end} says"
            yield Edge("WORKLOAD_PATCH", one.id, container, why, (one.ref,))
