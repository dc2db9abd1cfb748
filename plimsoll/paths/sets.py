"""Sets of alike things: all containers of a namespace, all Secrets, every ServiceAccount, …; who gains one gains its members.

A set over all namespaces leads to those of each namespace, and these to their members. What is only known as a kind
(no Secret is among the objects) is a set without members, shown as its wildcard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.rights import MASTERS
from plimsoll.paths.workloads import namespace_of
from plimsoll.posture.judging.whole import once

EVERYWHERE = "*"


def containers(namespace: str = "") -> str:
    """Return the set of the containers of a namespace, or of all.

    >>> containers("shop"), containers()
    ('~containers Container:shop/*/*', '~containers Container:*/*/*')
    """
    return nodes.set_of("containers", nodes.container(namespace or EVERYWHERE, "*", "*"))


def secrets(namespace: str = "") -> str:
    """Return the set of the Secrets of a namespace, or of all."""
    return nodes.set_of("secrets", nodes.secret(namespace or EVERYWHERE, "*"))


def accounts(namespace: str = "") -> str:
    """Return the set of the ServiceAccounts of a namespace, or of all."""
    return nodes.set_of("accounts", nodes.account(namespace or EVERYWHERE, "*"))


def endpoints(namespace: str = "") -> str:
    """Return the set of the Services of a namespace, or of all."""
    return nodes.set_of("endpoints", nodes.endpoint(namespace or EVERYWHERE, "*"))


def workloads(kind: str, namespace: str = "") -> str:
    """Return the set of the workloads of a kind in a namespace, or in all."""
    return nodes.set_of("workloads", nodes.workload(namespace or EVERYWHERE, kind, "*"))


def users() -> str:
    """Return the set of the users that bindings name."""
    return nodes.set_of("users", nodes.user("*"))


def groups() -> str:
    """Return the set of the groups that bindings name."""
    return nodes.set_of("groups", nodes.group("*"))


def groups_but_masters() -> str:
    """Return the set of the groups that a certificate can name."""
    return nodes.set_of("groups-but-masters", nodes.group("*"))


def node_users() -> str:
    """Return the set of the identities of nodes."""
    return nodes.set_of("node-users", nodes.user("system:node:*"))


def members(model: Model) -> Iterator[Edge]:
    """Yield the way into the sets: from all namespaces to each, from each to what is in it."""
    for whole, parts in _sets(model).items():
        for part in dict.fromkeys(parts):
            yield Edge("", whole, part, "")


def _sets(model: Model) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for one in model.workloads:
        found[containers(one.namespace)] += [name for name, _ in one.containers]
    for namespace, secret in model.secrets:
        found[secrets(namespace)].append(nodes.secret(namespace, secret))
    for namespace, account in model.accounts:
        found[accounts(namespace)].append(nodes.account(namespace, account))
    for service in model.services:
        found[endpoints(service.namespace)].append(service.id)
    for namespace, kind, made in templates(model):
        found[workloads(kind, namespace)].append(nodes.workload(namespace, kind, made))
    wide: dict[str, list[str]] = defaultdict(list)
    for narrow in found:
        wide[_everywhere(narrow)].append(narrow)
    found |= wide
    found[users()] = [one for one in model.people if nodes.kind(one) == "User"]
    found[groups()] = [one for one in model.people if nodes.kind(one) == "Group"]
    found[groups_but_masters()] = [one for one in found[groups()] if one != nodes.group(MASTERS)]
    found[node_users()] = [nodes.user(f"system:node:{name}") for name in model.nodes]
    return found


def _everywhere(one: str) -> str:
    """Return the set over all namespaces that this one is a part of."""
    what, _, shown = one.partition(" ")
    kind, _, rest = shown.partition(":")
    return f"{what} {kind}:{EVERYWHERE}/{rest.partition('/')[2]}"


@once
def templates(model: Model) -> tuple[tuple[str, str, str], ...]:
    """Return namespace, kind and name of all that makes pods, also where only its pods are known."""
    told = [(namespace_of(one), one.kind, one.name) for one in model.templates]
    made = [(one.namespace, one.kind, one.name) for one in model.workloads if one.kind != "Pod"]
    return tuple(dict.fromkeys([*told, *made]))
