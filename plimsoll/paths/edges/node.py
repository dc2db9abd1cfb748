"""What the root of a node has: its pods, their tokens and Secrets, the node's own identities, the control plane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plimsoll.paths import nodes, on_node
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.on_node import Kept

_NODES_GROUP = nodes.group("system:nodes")


def edges(model: Model) -> Iterator[Edge]:
    """Yield what each node gives."""
    kept = on_node.of(model)
    yield from kept.sets()
    yield from _lying("NODE_CONTROLS_POD", kept.containers, "root of a node is root of what runs on it")
    yield from _lying("NODE_TOKEN_THEFT", kept.tokens, "the tokens of a node's pods lie on its disk")
    yield from _lying("NODE_SECRETS", kept.secrets, "the kubelet holds the Secrets that its pods refer to")
    yield from _asked(kept.secrets)
    for name in model.nodes or ("*",):
        yield from _itself(name)
        if len(model.nodes) > 1:
            why = f"a key to other nodes may lie on Node {name}"
            yield Edge("HOST_SSH", nodes.node(name), model.any_node, why, conditional=True)
    for name, told in on_node.control_planes(model).items():
        why = f"Node {name} is of the control plane ({told}): the keys of the whole cluster lie on it"
        yield Edge("CONTROL_PLANE_TAKEOVER", nodes.node(name), nodes.CLUSTER_ADMIN, why, (nodes.ref("Node", name),))


def _lying(kind: str, kept: Iterable[Kept], why: str) -> Iterator[Edge]:
    for one in kept:
        for name in one.nodes:
            yield Edge(kind, nodes.node(name), one.name, f"Node {name}: {why}")
        if not one.nodes:
            yield Edge(kind, nodes.ANY_NODE, one.name, why)


def _asked(kept: Iterable[Kept]) -> Iterator[Edge]:
    """Yield what the API server gives to whoever has a node's credentials: the Secrets of the pods bound to it."""
    for one in kept:
        for name in one.nodes:
            why = f"the API server gives system:node:{name} the Secrets of the pods of Node {name}"
            yield Edge("NODE_SECRETS", nodes.user(f"system:node:{name}"), one.name, why)


def _itself(name: str) -> Iterator[Edge]:
    who = f"Node {name}" if name != "*" else "a node"
    node, why = nodes.node(name), f"the kubelet's credentials lie on {who}"
    yield Edge("NODE_IDENTITY", node, nodes.user(f"system:node:{name}"), why)
    yield Edge("NODE_IDENTITY", node, _NODES_GROUP, f"{why}, and nodes are of the group system:nodes")
    yield Edge("NODE_CLOUD_IAM", node, nodes.CLOUD_NODE, f"what the cloud lets {who} do, its root may do")
