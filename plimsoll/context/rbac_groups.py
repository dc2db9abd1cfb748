"""Who is an administrator by the cluster's own bindings: users, groups and accounts bound to roles that count as such.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/. Being bound proves who may do a thing, not that it is
him: by itself it is never strong.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from plimsoll import errors
from plimsoll.cluster import objects
from plimsoll.context import settings, statements
from plimsoll.rbac import grants

TTL = timedelta(minutes=5)
EVERYBODY = frozenset({"group:system:authenticated", "group:system:unauthenticated", "group:system:serviceaccounts"})
"""Groups that make nobody in particular an administrator, however much they are granted."""


class Options(settings.Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the objects are, and which roles count."""

    objects: list[str]
    """Manifests, folders, a `List`: what `--objects` takes."""
    roles: tuple[str, ...] = ("cluster-admin",)
    """Names of ClusterRoles and Roles whose holders are administrators."""


def said(options: Options, _: statements.Asked) -> statements.Said:
    """Return a statement for each binding to one of these roles."""
    told = statements.Said([], [])
    for source in options.objects:
        try:
            found = objects.read(source)
        except errors.InputError as broken:
            raise statements.Silent(str(broken)) from broken
        told.add(statements.each(grants.bindings(found.frame), lambda binding: _statements(binding, options)))
        if found.rejected:
            told.problems.append(f"{found.rejected} documents of {source} could not be read")
    return told


def _statements(binding: grants.Binding, options: Options) -> Iterable[statements.Statement]:
    if binding.role not in options.roles:
        return
    subjects = tuple(_name(one) for one in binding.subjects if one not in EVERYBODY)
    if subjects:
        place = binding.namespace or "*"
        yield statements.Statement(
            kind="admin",
            id="/".join(filter(None, (binding.kind, binding.namespace, binding.name))),
            title=f"{binding.role_kind} {binding.role}",
            subjects=subjects,
            creator="(the cluster)",
            scope=(f"{place}/*/*",),
            allows=options.allows,
        )


def _name(subject: str) -> str:
    """Return a subject as audit events name it.

    >>> _name("sa:ci/deployer"), _name("group:oidc:platform-admins")
    ('system:serviceaccount:ci:deployer', 'oidc:platform-admins')
    """
    kind, _, name = subject.partition(":")
    return f"system:serviceaccount:{name.replace('/', ':', 1)}" if kind == "sa" else name
