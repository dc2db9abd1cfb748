"""What each identity may do: the rules it holds through its bindings and those of its groups, found by request.

A RoleBinding holds in its namespace and never for what belongs to no namespace. Groups that the API server gives
everybody (`system:authenticated`, `system:serviceaccounts`, …) count, and so do its built-in ClusterRoles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from plimsoll import frames, tables
from plimsoll.paths import builtin_roles, nodes
from plimsoll.paths.reach import as_row
from plimsoll.posture.objects import Cluster
from plimsoll.rbac import grants
from plimsoll.rbac.grants import ALL, Binding, Request, Rule

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
MASTERS = "system:masters"
ANONYMOUS = "system:anonymous"
_ACCOUNTS = "system:serviceaccounts"
_NODE_USER = "User:system:node:"
NODE_RESTRICTED = frozenset(("pods", "pods/eviction", "pods/status", "nodes", "nodes/status", "serviceaccounts/token"))
"""Where the NodeRestriction admission keeps a node to itself and its own pods, whatever roles it is given."""
_KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
EVERYTHING = Rule((ALL,), (ALL,), (ALL,))


class Grant(NamedTuple):
    """A rule that somebody holds, and through what."""

    rule: Rule
    namespace: str
    """Where it holds; empty for everywhere."""
    role: str
    """The id of the role as it is bound."""
    objects: tuple[str, ...]
    """The binding, and the role where it is not built in: what to change."""
    why: str
    """`ClusterRoleBinding b (ClusterRole r)`."""

    def covers(self, namespace: str) -> bool:
        """Say whether it holds in a namespace."""
        return self.namespace in ("", namespace)


class Powers:
    """What one identity, or one role, may do."""

    def __init__(self, held: Sequence[Grant], barred: frozenset[str] = frozenset()) -> None:
        """Take the rules that are held, and core resources that admission keeps their holder from all the same."""
        self.grants = tuple(held)
        self._barred = barred

    @cached_property
    def _found(self) -> Mapping[str, list[Grant]]:
        found: dict[str, list[Grant]] = defaultdict(list)
        for one in self.grants:
            for resource in dict.fromkeys(one.rule.resources):
                found[resource].append(one)
        return found

    def of(self, verbs: Iterable[str], group: str, resource: str, *, scoped: bool = False) -> list[Grant]:
        """Return what allows any of these verbs on some objects of a resource (with its subresource after a slash).

        `scoped`: the resource belongs to no namespace, so only what holds everywhere counts. Rules that name objects
        (`rule.names`) are among what is found, save for verbs that no name comes with: create of what is no subresource.
        """
        if not self.grants or (resource in self._barred and not group):
            return []
        near = [*self._found.get(ALL, ()), *self._found.get(resource, ())]
        sub = resource.partition("/")[2]
        near += self._found.get(f"*/{sub}", ()) if sub else ()
        return [
            one
            for one in dict.fromkeys(near)
            if _may(one.rule, verbs, group, resource) and not (scoped and one.namespace)
        ]

    @cached_property
    def all_in(self) -> tuple[Grant, ...]:
        """What gives everything there is, somewhere (a namespace) or everywhere."""
        return tuple(one for one in self.grants if is_everything(one.rule))


def is_everything(rule: Rule) -> bool:
    """Say whether a rule allows every verb on every resource."""
    return ALL in rule.verbs and ALL in rule.groups and ALL in rule.resources and not rule.names


def _may(rule: Rule, verbs: Iterable[str], group: str, resource: str) -> bool:
    if rule.names and "/" not in resource:
        verbs = [verb for verb in verbs if verb not in grants.UNNAMED]
    return bool(grants.covering(rule.groups, group)) and any(grants.covering(rule.verbs, verb) for verb in verbs)


class Rights:
    """Who may do what in a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the roles and bindings of a cluster."""
        rows = [row for row in map(as_row, cluster.of(*_KINDS)) if row]
        rows = [{**row, "namespace": _place(str(row["kind"]), str(row["namespace"]))} for row in rows]
        told = {str(row["name"]) for row in rows if row["kind"] == "ClusterRole"}
        rows += [row for row in builtin_roles.rows() if row["name"] not in told]
        self.builtin = builtin_roles.names() - told
        self.bindings, self.roles = grants.granted(frames.of_rows(tables.OBJECTS, rows))
        """The rules of each role by kind, namespace and name."""
        self._names: dict[tuple[str, str], list[str]] = defaultdict(list)
        for kind, namespace, name in self.roles:
            self._names[kind, namespace].append(name)
        self._of_subject: dict[str, list[Binding]] = defaultdict(list)
        for one in self.bindings:
            for subject in one.subjects if one.rules else ():
                self._of_subject[subject].append(one)
        self._made: dict[tuple[int, ...], Powers] = {}
        self._grants: dict[int, list[Grant]] = {}

    def names_in(self, kind: str, namespace: str) -> list[str]:
        """Return the names of the roles of a kind; of Roles, those of a namespace."""
        return self._names.get((kind, namespace if kind == "Role" else ""), [])

    def subjects(self) -> Iterator[str]:
        """Yield the ids of those that bindings name."""
        for one in self.bindings:
            yield from filter(None, map(_id, one.subjects))

    def of(self, identity: str) -> Powers:
        """Return what an identity may do; alike identities share one answer."""
        held = self.bound(identity)
        barred = NODE_RESTRICTED if identity.startswith(_NODE_USER) else frozenset[str]()
        key = (bool(barred), *map(id, held))
        if key not in self._made:
            self._made[key] = Powers([grant for one in held for grant in self._granted(one)], barred)
        return self._made[key]

    def bound(self, identity: str) -> list[Binding]:
        """Return the bindings that an identity holds rules through, its groups' included."""
        unique = {id(one): one for name in names_of(identity) for one in self._of_subject.get(name, ())}
        return [*unique.values()]

    def objects_of(self, one: Binding) -> tuple[str, ...]:
        """Return a binding and its role, where that is not built in: changing either takes the right away."""
        binding = nodes.ref(one.kind, one.name, one.namespace)
        if one.role_kind == "ClusterRole" and one.role in self.builtin:
            return (binding,)
        return (binding, nodes.ref(one.role_kind, one.role, one.namespace if one.role_kind == "Role" else ""))

    def of_role(self, kind: str, name: str, namespace: str) -> Powers:
        """Return what a role comes to where it is bound."""
        rules = self.roles.get((kind, namespace if kind == "Role" else "", name)) or ()
        shown = nodes.role(kind, name, namespace)
        own = () if name in self.builtin else (nodes.ref(kind, name, namespace if kind == "Role" else ""),)
        return Powers([Grant(rule, namespace, shown, own, f"{kind} {name}") for rule in rules])

    def may(self, identity: str, verb: str, group: str, resource: str, namespace: str, name: str = "") -> list[Grant]:
        """Return what allows an identity one request; the namespace is empty for what belongs to none."""
        asked = Request(verb, group, resource, namespace, name)
        held = self.of(identity).grants
        return [one for one in held if one.covers(namespace) and grants.allows(one.rule, asked)]

    def _granted(self, one: Binding) -> list[Grant]:
        if id(one) not in self._grants:
            self._grants[id(one)] = [*_grants(one, self.objects_of(one))]
        return self._grants[id(one)]


def _grants(one: Binding, objects: tuple[str, ...]) -> Iterator[Grant]:
    shown = nodes.role(one.role_kind, one.role, one.namespace)
    place = f"{one.namespace}/" if one.namespace else ""
    why = f"{one.kind} {place}{one.name} ({one.role_kind} {one.role})"
    for rule in one.rules or ():
        yield Grant(rule, one.namespace, shown, objects, why)


def _place(kind: str, namespace: str) -> str:
    return "" if kind.startswith("Cluster") else namespace or "default"


def _id(subject: str) -> str:
    kind, _, name = subject.partition(":")
    if kind == "sa":
        namespace, _, account = name.partition("/")
        return nodes.account(namespace, account) if namespace and account else ""
    return nodes.user(name) if kind == "user" else nodes.group(name)


def names_of(identity: str) -> list[str]:
    """Return whom a binding may name to mean an identity, its implicit groups included.

    >>> names_of("SA:ci/deployer")[-2:]
    ['group:system:serviceaccounts:ci', 'group:system:authenticated']
    """
    if identity == nodes.ANYONE:
        return [f"user:{ANONYMOUS}", f"group:{UNAUTHENTICATED}"]
    kind, _, name = identity.partition(":")
    everybody = f"group:{AUTHENTICATED}"
    if kind == "SA":
        namespace, _, account = name.partition("/")
        user = f"user:system:serviceaccount:{namespace}:{account}"
        return [f"sa:{name}", user, f"group:{_ACCOUNTS}", f"group:{_ACCOUNTS}:{namespace}", everybody]
    if kind == "User":
        nodes_too = ["group:system:nodes"] if name.startswith("system:node:") else []
        return [f"user:{name}", *nodes_too, everybody] if name != ANONYMOUS else names_of(nodes.ANYONE)
    if kind == "Group":
        wide = [f"group:{_ACCOUNTS}"] if name.startswith(f"{_ACCOUNTS}:") else []
        return [f"group:{name}", *wide] if name == UNAUTHENTICATED else [f"group:{name}", *wide, everybody]
    return []
