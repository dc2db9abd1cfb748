"""Who is bound to which role, by which binding, where: the joins of RBAC, worked out once for a cluster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from plimsoll.posture.judging.whole import namespace, once
from plimsoll.posture.objects import Cluster, Object, listed, mapped, text

BINDINGS = ("RoleBinding", "ClusterRoleBinding")
Subject = tuple[str, str, str]
"""Kind, namespace, name; users and groups are in no namespace."""


class Bound(NamedTuple):
    """A subject with a role."""

    subject: Subject
    binding: Object
    field: str
    """Where the subject stands in the binding."""
    role: Object | None
    """None where it is not among the objects."""
    role_name: str
    where: str
    """The namespace the rights hold in; empty for all of them."""


class _Known(NamedTuple):
    by_subject: dict[Subject, list[Bound]]
    by_binding: dict[int, list[Bound]]


@once
def _known(cluster: Cluster) -> _Known:
    found = _Known(defaultdict(list), defaultdict(list))
    for binding in cluster.of(*BINDINGS):
        for one in _bound(binding, cluster):
            found.by_subject[one.subject].append(one)
            found.by_binding[id(binding)].append(one)
    return found


def _bound(binding: Object, cluster: Cluster) -> Iterator[Bound]:
    where = namespace(binding) if binding.kind == "RoleBinding" else ""
    reference = mapped(binding.body.get("roleRef"))
    kind, name = text(reference.get("kind")), text(reference.get("name"))
    role = cluster.get(kind, where, name) if kind in ("Role", "ClusterRole") else None
    if role is not None and kind == "Role" and namespace(role) != where:
        role = None
    for number, subject in enumerate(listed(binding.body.get("subjects"))):
        yield Bound(_subject(subject, where), binding, f"subjects[{number}]", role, name, where)


def _subject(told: object, where: str) -> Subject:
    subject = mapped(told)
    kind = text(subject.get("kind"))
    place = (text(subject.get("namespace")) or where or "default") if kind == "ServiceAccount" else ""
    return kind, place, text(subject.get("name"))


def bound(cluster: Cluster, kind: str, place: str, name: str) -> Sequence[Bound]:
    """Return what a subject is bound to.

    >>> binding = Object({"kind": "ClusterRoleBinding", "subjects": [{"kind": "User", "name": "jane"}]})
    >>> [one.binding.kind for one in bound(Cluster([binding]), "User", "", "jane")]
    ['ClusterRoleBinding']
    """
    return _known(cluster).by_subject.get((kind, place, name), ())


def bound_by(binding: Object, cluster: Cluster) -> Sequence[Bound]:
    """Return whom a binding binds."""
    return _known(cluster).by_binding.get(id(binding), ())
