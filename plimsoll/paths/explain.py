"""What a step of an attacker is in plain words: what is held, what is done, what is gained, what closes it, what shows it.

The words of each kind are rows of a table (`steps.yaml`); commands are told by class, never as a recipe.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import msgspec
import yaml

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of step."""

    name: str
    when: str
    """What must be so."""
    does: str
    """The class of what an attacker does."""
    attack: tuple[str, ...]
    """Techniques of MITRE ATT&CK."""
    fix: str
    shows: str
    """What would show it."""


class Step(NamedTuple):
    """A step of one way, told."""

    kind: str
    name: str
    has: str
    does: str
    gains: str
    why: str
    attack: tuple[str, ...]
    fix: str
    shows: str
    conditional: bool


_HELD = {
    "Internet": "the Internet",
    "Anyone": "the network, without credentials",
    "Endpoint": "a call to Service {0}",
    "Container": "commands in container {0}",
    "Node": "root on node {0}",
    "SA": "the rights of ServiceAccount {0}",
    "User": "the rights of user {0}",
    "Group": "the rights of group {0}",
    "ClusterRole": "the rights of ClusterRole {0}",
    "Role": "the rights of Role {0}",
    "Secret": "the contents of Secret {0}",
    "Workload": "the template of {0}",
    "Namespace": "what may run in namespace {0}",
    "Cloud": "the cloud identity {0}",
    "Registry": "the registry {0}",
    "Supplier": "code that others run",
}
_SINKS = {
    "cluster-admin": "the whole cluster",
    "compute": "computing time",
    "destroy": "the power to delete for good",
    "dns": "the answers to names",
}
_CLOUD_OF_NODES = "node"


@cache
def kinds() -> dict[str, Kind]:
    """Return all kinds of step by their ids."""
    held = importlib.resources.files(__package__).joinpath("steps.yaml").read_bytes()
    return msgspec.convert(yaml.load(held, Loader=yaml.CSafeLoader), dict[str, Kind])


_PLAIN = Kind("a step", "", "goes on", (), "", "")


def of(kind: str) -> Kind:
    """Return the words of a kind of step.

    >>> of("CE_PRIVILEGED").attack
    ('T1611',)
    """
    return kinds().get(kind, _PLAIN)


def held(node: str) -> str:
    """Return what an attacker has who holds something.

    >>> held("Container:shop/web/app"), held("Sink:cluster-admin"), held("Node:*")
    ('commands in container shop/web/app', 'the whole cluster', 'root on any node')
    """
    kind = nodes.kind(node)
    rest = node[len(kind) + 1 :]
    if kind == "Sink":
        return _SINKS.get(rest, rest)
    if kind == "Node" and rest == "*":
        return "root on any node"
    if kind == "Cloud" and rest == _CLOUD_OF_NODES:
        return "what the nodes may do in the cloud"
    return _HELD[kind].format(_shown(rest)) if kind in _HELD else node


def _shown(rest: str) -> str:
    name, at, namespace = rest.rpartition("@")
    return f"{name} in {namespace}" if at else rest


def step(edge: Edge) -> Step:
    """Return a step told."""
    told = of(edge.kind)
    return Step(
        edge.kind,
        told.name,
        held(edge.source),
        told.does,
        held(edge.target),
        edge.why,
        told.attack,
        told.fix,
        told.shows,
        edge.conditional,
    )


def steps(edges: Sequence[Edge]) -> list[Step]:
    """Return the steps of a way told, in order."""
    return [step(one) for one in edges]


def sentence(edges: Sequence[Edge]) -> str:
    """Return a way in one sentence: from where, through what, to what.

    >>> sentence([Edge("ENTRY_LB", "Internet", "Endpoint:a/web", ""), Edge("ENDPOINT_EXPLOIT", "Endpoint:a/web", "Container:a/web/c", "")])
    'From the Internet to commands in container a/web/c in 2 steps: public load balancer, flaw in what answers'
    """
    names = ", ".join(of(one.kind).name for one in edges)
    count = f"{len(edges)} step{'s' if len(edges) != 1 else ''}"
    return f"From {held(edges[0].source)} to {held(edges[-1].target)} in {count}: {names}"


def fix(edges: Sequence[Edge], objects: Sequence[str]) -> str:
    """Return what to do to some objects so that these steps are gone, each once.

    >>> fix([Edge("CE_PRIVILEGED", "Container:a/p/c", "Node:n", "", ("Pod/a/p",))], ["Pod/a/p"])
    'Pod/a/p: privileged: false, and the capabilities that are needed by name'
    """
    wanted = {name: [of(one.kind).fix for one in edges if name in one.objects] for name in objects}
    told = (f"{name}: {'; or '.join(dict.fromkeys(filter(None, found)))}" for name, found in wanted.items())
    return ". ".join(told)
