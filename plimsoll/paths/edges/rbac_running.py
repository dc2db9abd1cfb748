"""Steps from rights to containers that run: commands in them, processes beside them, their image, their ports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from plimsoll.paths import holders, nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import WRITES, Holder, on_named
from plimsoll.paths.model import Model
from plimsoll.posture.objects import at, text

_VERSION = re.compile(r"v?1\.(\d{1,3})")
_GET_ENDS = 35
"""From this minor version on, a connection to a container takes `create` also where it begins with a GET."""


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    enter = ("create",) if _minor(model) >= _GET_ENDS else ("create", "get")
    for holder in holders.of(model):
        yield from _of_pods(model, holder, enter)
        yield from _ports(model, holder, enter)
        yield from _nodes(model, holder, enter)


def _minor(model: Model) -> int:
    """Return the minor version of the cluster as far as its nodes tell; 0 where they do not."""
    told = (text(at(one.body, "status", "nodeInfo", "kubeletVersion")) for one in model.nodes.values() if one)
    found = [int(match[1]) for match in map(_VERSION.match, told) if match]
    return max(found, default=0)


def _of_pods(model: Model, holder: Holder, enter: tuple[str, ...]) -> Iterator[Edge]:
    named = partial(_containers, model)
    for resource in ("pods/exec", "pods/attach"):
        held = holder.may(enter, "", resource)
        what = (
            f"{enter[0]} {resource}: to run commands in containers"
            if resource == "pods/exec"
            else "to attach to containers"
        )
        yield from on_named("POD_EXEC", holder, held, sets.containers, named, what)
    held = holder.may(WRITES, "", "pods/ephemeralcontainers")
    what = "to add a container to pods"
    yield from on_named("POD_EPHEMERAL", holder, held, sets.containers, named, what)
    held = holder.may(WRITES, "", "pods")
    yield from on_named("POD_PATCH", holder, held, sets.containers, named, "to change the image of pods")


def _containers(model: Model, namespace: str, pod: str) -> Iterator[str]:
    for place in model.places("pods", namespace, pod):
        one = model.by_pod.get((place, pod))
        yield from (name for name, _ in one.containers) if one else ()


def _ports(model: Model, holder: Holder, enter: tuple[str, ...]) -> Iterator[Edge]:
    """Yield what can be called through the API server, past every network policy."""
    behind, within, named = (partial(one, model) for one in (_behind, _containers, _services))
    for verbs, resource in ((enter, "pods/portforward"), (("create", "get"), "pods/proxy")):
        held = holder.may(verbs, "", resource)
        what = f"to call ports of pods through the API server ({resource})"
        yield from on_named("POD_PORTFORWARD", holder, held, sets.endpoints, behind, what)
        yield from on_named("POD_PORTFORWARD", holder, held, sets.containers, within, what, walk=False)
    held = holder.may(("create", "get"), "", "services/proxy")
    what = "to call Services through the API server"
    yield from on_named("POD_PORTFORWARD", holder, held, sets.endpoints, named, what)


def _behind(model: Model, namespace: str, pod: str) -> Iterator[str]:
    for place in model.places("pods", namespace, pod):
        one = model.by_pod.get((place, pod))
        yield from (service.id for service in model.services if one in service.workloads)


def _services(model: Model, namespace: str, name: str) -> Iterator[str]:
    plain = name.rpartition(":")[0].rpartition(":")[2] or name.rpartition(":")[2]
    yield from (nodes.endpoint(place, plain) for place in model.places("services", namespace, plain))


def _nodes(model: Model, holder: Holder, enter: tuple[str, ...]) -> Iterator[Edge]:
    """Yield the containers that a kubelet runs commands in for one who may call it through the API server."""
    held = holder.may(enter, "", "nodes/proxy", scoped=True)
    on_node = partial(_on_node, model)
    what = "to call the kubelet, which runs commands in its containers"
    yield from on_named("NODE_PROXY", holder, held, lambda _: sets.containers(), on_node, what)
    yield from on_named(
        "NODE_PROXY", holder, held, lambda _: model.any_node, lambda _, name: [nodes.node(name)], what, walk=False
    )


def _on_node(model: Model, _: str, node: str) -> Iterator[str]:
    for one in model.workloads:
        if node in one.nodes:
            yield from (name for name, _ in one.containers)
