"""Which roles an identity could bind, and so whose rights it can have: the write to bindings and `bind` on the role.

Writing a binding is refused unless its writer may `bind` the role or holds all its rights already; the latter gains
nothing. What a binding refers to cannot be changed: who may only update bindings gains the roles of those that exist.
A RoleBinding gives a ClusterRole's rights in its namespace alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from plimsoll.paths import nodes
from plimsoll.paths.granted import RBAC, WRITES, Holder, Joint, together
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant, Powers

_ADMIN = "cluster-admin"
_MOST = 2000
"""Roles times namespaces up to which each is told; beyond, the one that holds all rights stands for them."""


class Bound(NamedTuple):
    """A role where it could be bound, and what lets the holder do so."""

    kind: str
    name: str
    namespace: str
    """Where; empty for everywhere."""
    by: Joint

    @property
    def id(self) -> str:
        """Its id."""
        return nodes.role(self.kind, self.name, self.namespace)


def bindable(model: Model, holder: Holder) -> Iterator[Bound]:
    """Yield the roles that a holder could bind to itself."""
    for write, creates in _writes(holder, "clusterrolebindings", scoped=True):
        for joint in together([write], holder.may(("bind",), RBAC, "clusterroles", scoped=True)):
            told = bool(joint.grants[1].rule.names)
            names = _cluster_roles(model, named=told) if creates else _referred(model, write, "ClusterRole", "")
            yield from (Bound("ClusterRole", name, "", joint) for name in _allowed(names, joint))
    for write, creates in _writes(holder, "rolebindings", scoped=False):
        for kind, resource in (("ClusterRole", "clusterroles"), ("Role", "roles")):
            for joint in together([write], holder.may(("bind",), RBAC, resource)):
                for place in [joint.namespace] if joint.namespace else model.namespaces:
                    names = _roles(model, kind, place, joint) if creates else _referred(model, write, kind, place)
                    yield from (Bound(kind, name, place, joint) for name in _allowed(names, joint))


def _writes(holder: Holder, resource: str, *, scoped: bool) -> Iterator[tuple[Grant, bool]]:
    """Yield what lets a holder write bindings, and whether also new ones."""
    creates = holder.may(("create",), RBAC, resource, scoped=scoped)
    yield from ((one, True) for one in creates)
    yield from ((one, False) for one in holder.may(WRITES, RBAC, resource, scoped=scoped) if one not in creates)


def _allowed(names: Iterable[str], joint: Joint) -> list[str]:
    """Return the roles among these that the right to bind is about."""
    told = joint.grants[1].rule.names
    return [name for name in dict.fromkeys(names) if not told or name in told]


def _referred(model: Model, write: Grant, kind: str, namespace: str) -> list[str]:
    """Return the roles of the bindings that exist and could be updated; that of administrators always exists."""
    names = write.rule.names
    found = [
        one.role
        for one in model.rights.bindings
        if one.namespace == namespace and one.role_kind == kind and (not names or one.name in names)
    ]
    return found + [_ADMIN] * (not namespace and (not names or _ADMIN in names))


def _cluster_roles(model: Model, *, named: bool) -> list[str]:
    """Return the ClusterRoles worth binding, or (asked by name) all there are: what is built in is less than cluster-admin."""
    found = model.rights.names_in("ClusterRole", "")
    return [_ADMIN, *(name for name in found if name != _ADMIN and (named or name not in model.rights.builtin))]


def _roles(model: Model, kind: str, namespace: str, joint: Joint) -> list[str]:
    if kind == "Role":
        return model.rights.names_in("Role", namespace)
    named = bool(joint.grants[1].rule.names)
    found = _cluster_roles(model, named=named)
    many = not joint.namespace and len(found) * len(model.namespaces) > _MOST
    return [_ADMIN] if many and not named else found


def powers(model: Model, one: Bound) -> Powers:
    """Return what a role comes to where it is bound; none where there is no such role."""
    return model.rights.of_role(one.kind, one.name, one.namespace)
