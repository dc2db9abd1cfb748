"""Steps from rights over nodes: who controls one of them can draw other nodes' pods, and so their tokens, to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plimsoll.paths import holders, nodes, tokens
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import WRITES, Holder, Joint, together
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload
from plimsoll.posture.objects import at

_MOVED = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController", "CronJob")
"""Kinds whose pods are made again elsewhere."""
_A_NODE = "a node"
_DRAWN = nodes.set_of("drawn", nodes.account("*", "*"))


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold such rights and have a token on some node."""
    found = False
    for holder in holders.of(model):
        for joint, what in _draws(holder):
            found = True
            yield from _drawn(model, holder, joint, what)
    if found:
        accounts = dict.fromkeys(one.account for one in model.workloads if _moves(model, one))
        yield from (Edge("", _DRAWN, account, "") for account in accounts)


def _draws(holder: Holder) -> Iterator[tuple[Joint, str]]:
    """Yield what lets one move pods to a node of one's own."""
    for joint in together(holder.may(WRITES, "", "nodes", scoped=True)):
        yield joint, "to taint all other nodes so that pods come to a node that one controls"
    shrinks = holder.may(WRITES, "", "nodes/status", scoped=True)
    removes = [
        *holder.may(("delete", "deletecollection", *WRITES), "", "pods"),
        *holder.may(("create",), "", "pods/eviction"),
        *holder.may(WRITES, "", "pods/status"),
    ]
    for joint in together(shrinks, removes) if shrinks else ():
        yield joint, "to take the room of other nodes and their pods away so that they come to a node that one controls"


def _drawn(model: Model, holder: Holder, joint: Joint, what: str) -> Iterator[Edge]:
    """Yield the step for one who took the token from a node, and so controls that node."""
    source = nodes.within(holder.id, _A_NODE)
    why = f"{joint.why} allows {what}"
    yield Edge("POD_STEAL", source, _DRAWN, why, joint.objects)
    for one in model.by_account.get(holder.id, ()):
        how = tokens.of_pod(model, one)
        for place in [nodes.node(name) for name in model.where[one]] or [nodes.ANY_NODE] if how else ():
            told = f"{one.end} runs as {holder.id.removeprefix('SA:')} there: {how}"
            yield Edge("NODE_TOKEN_THEFT", place, source, told, (one.ref,))


def _moves(model: Model, one: Workload) -> bool:
    """Say whether a workload's pods can come to any node, with a token."""
    affinity = at(one.spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    return one.kind in _MOVED and not one.spec.get("nodeSelector") and not affinity and bool(tokens.of_pod(model, one))


def on_own_node(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Yield the tokens of containers that can take their node: who has one controls a node, as drawing pods takes."""
    found = list(edges)
    drawing = {one.source for one in found if one.kind == "POD_STEAL"}
    if not drawing:
        return
    free = {
        one.source for one in found if one.walk and not one.conditional and nodes.shown(one.target).startswith("Node:")
    }
    for one in found:
        source = nodes.within(one.target, _A_NODE)
        if one.kind == "TOKEN_MOUNT" and source in drawing and one.source in free:
            yield one._replace(target=source)
