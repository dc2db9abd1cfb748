"""Steps from rights to other rights: what is bound, what could be bound or rewritten, whose name can be taken on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from plimsoll.paths import holders, nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import RBAC, WRITES, Holder, Joint, on_named, placed, together
from plimsoll.paths.holders import is_admin
from plimsoll.paths.model import Model
from plimsoll.paths.rights import MASTERS, names_of

_ADMIN = "cluster-admin"


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    yield from _held(model)
    for holder in holders.of(model):
        yield from _admin(holder)
        yield from _tokens(model, holder)
        if not is_admin(holder.powers):
            yield from _bind(model, holder)
            yield from _escalate(model, holder)
            yield from _impersonate(model, holder)


def _held(model: Model) -> Iterator[Edge]:
    """Yield what each identity holds through bindings of its own and of its groups."""
    for identity in model.identities:
        for one in model.rights.bound(identity):
            objects = model.rights.objects_of(one)
            place = f"{one.namespace}/" if one.namespace else ""
            why = f"{one.kind} {place}{one.name} binds {one.role_kind} {one.role} to {_as(identity, one.subjects)}"
            yield Edge("HAS_PERMISSION", identity, nodes.role(one.role_kind, one.role, one.namespace), why, objects)
    masters = nodes.group(MASTERS)
    yield Edge("HAS_PERMISSION", masters, nodes.role("ClusterRole", _ADMIN), f"{MASTERS} passes every check of rights")
    yield Edge(
        "HAS_PERMISSION",
        nodes.role("ClusterRole", _ADMIN),
        nodes.CLUSTER_ADMIN,
        f"ClusterRole {_ADMIN} allows everything",
    )


def _as(identity: str, subjects: Iterable[str]) -> str:
    named = [one for one in subjects if one in names_of(identity)]
    return named[0].replace(":", " ", 1) if named else identity


def _admin(holder: Holder) -> Iterator[Edge]:
    """Yield the last step of who may do everything: from the role that says so."""
    for one in holder.powers.all_in:
        if not one.namespace and one.role != nodes.role("ClusterRole", _ADMIN) and holder.id != nodes.CLUSTER_ADMIN:
            why = f"{one.role.replace('/', ' ', 1)} allows everything"
            yield Edge("HAS_PERMISSION", one.role, nodes.CLUSTER_ADMIN, why, one.objects[1:])


def _bind(model: Model, holder: Holder) -> Iterator[Edge]:
    for one in holders.of(model).bindable.get(holder.id, ()):
        if one.id != holder.id:
            binding = "RoleBinding" if one.namespace else "ClusterRoleBinding"
            why = f"{one.by.why} allows to write a {binding}{placed(one.namespace)} and to bind {one.kind} {one.name}"
            yield Edge("ROLE_BIND", holder.id, one.id, why, one.by.objects)


def _escalate(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield what a role could be rewritten to by one who may escalate it and holds it, or can bind it."""
    for kind, resource in (("ClusterRole", "clusterroles"), ("Role", "roles")):
        scoped = kind == "ClusterRole"
        able = holder.may(("escalate",), RBAC, resource, scoped=scoped)
        for joint in together(able, holder.may(WRITES, RBAC, resource, scoped=scoped)) if able else ():
            yield from _rewritten(model, holder, kind, joint)
        for joint in together(able, holder.may(("create",), RBAC, resource, scoped=scoped)) if able else ():
            yield from _created(model, holder, kind, joint)


def _rewritten(model: Model, holder: Holder, kind: str, joint: Joint) -> Iterator[Edge]:
    names = [one.rule.names for one in joint.grants if one.rule.names]
    for one in holders.roles_of(model, holder):
        fits = one.kind == kind and all(one.name in told for told in names)
        if fits and (kind == "ClusterRole" or joint.namespace in ("", one.namespace)):
            objects = tuple(dict.fromkeys((*joint.objects, *one.objects)))
            what = f"to rewrite {kind} {one.name}, {one.how}, to any rights"
            yield _all_rights(holder, one.namespace, joint, what)._replace(objects=objects)


def _created(model: Model, holder: Holder, kind: str, joint: Joint) -> Iterator[Edge]:
    """Yield the rights of a new role: what it may be called, the right to bind says."""
    wide = kind == "ClusterRole"
    resource = "clusterroles" if wide else "roles"
    for scoped in (True, False) if wide else (False,):
        writes = holder.may(("create",), RBAC, "clusterrolebindings" if scoped else "rolebindings", scoped=scoped)
        for both in together(writes, holder.may(("bind",), RBAC, resource, scoped=scoped)):
            names = both.grants[1].rule.names
            places = {joint.namespace, both.namespace} - {""} if not wide else {both.namespace}
            if len(places) > 1 or (names and {*names} <= {*model.rights.names_in(kind, both.namespace)}):
                continue
            whole = Joint(places.pop() if places else "", (*joint.grants, *both.grants))
            if scoped or whole.namespace:
                yield _all_rights(holder, whole.namespace, whole, f"to create and bind a {kind} of any rights")


def _all_rights(holder: Holder, namespace: str, joint: Joint, what: str) -> Edge:
    target = nodes.role("ClusterRole", _ADMIN, namespace) if namespace else nodes.CLUSTER_ADMIN
    return Edge("ROLE_ESCALATE", holder.id, target, f"{joint.why} allows {what}", joint.objects)


def _tokens(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield the ServiceAccounts whose tokens can be asked for."""
    held = holder.may(("create",), "", "serviceaccounts/token")
    named = partial(_accounts, model)
    yield from on_named("TOKEN_REQUEST", holder, held, sets.accounts, named, "to ask for tokens of ServiceAccounts")


def _accounts(model: Model, namespace: str, name: str) -> list[str]:
    return [nodes.account(place, name) for place in model.places("accounts", namespace, name)]


def _impersonate(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield whom a holder can act as; a group can only be added to a user or ServiceAccount that it may act as."""
    accounts = holder.may(("impersonate",), "", "serviceaccounts")
    users = holder.may(("impersonate",), "", "users", scoped=True)
    groups = holder.may(("impersonate",), "", "groups", scoped=True)
    named = partial(_accounts, model)
    yield from on_named("IMPERSONATE", holder, accounts, sets.accounts, named, "to act as ServiceAccounts")
    yield from on_named("IMPERSONATE", holder, users, lambda _: sets.users(), _user, "to act as users")
    for joint in together(groups, [*users, *accounts]):
        told = joint.grants[0].rule.names
        why = f"{joint.why} allows to act as somebody in "
        for name in told or (MASTERS,):
            yield Edge("IMPERSONATE", holder.id, nodes.group(name), f"{why}group {name}", joint.objects)
        if not told:
            yield Edge("IMPERSONATE", holder.id, sets.groups(), f"{why}any group", joint.objects)


def _user(_: str, name: str) -> list[str]:
    """Return the user of a name; a ServiceAccount's or a node's name takes more than the right to act as users."""
    return [] if name.startswith(("system:serviceaccount:", "system:node:")) else [nodes.user(name)]
