"""Edges out of rights: who holds what, where it holds, and through which bindings, put into edges in one way.

What takes several rights (write bindings *and* bind roles) holds where all of them hold in one place; each choice of
grants is an edge of its own, since closing the way means closing every one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from plimsoll.paths.edge import Edge
from plimsoll.paths.rights import Grant, Powers

RBAC = "rbac.authorization.k8s.io"
WRITES = ("update", "patch")
READS = ("get", "list", "watch")
_CHOICES = 64
"""Most choices of grants that one edge is told in: beyond that the way stays open, told by fewer."""


class Holder(NamedTuple):
    """Who holds rights: an identity, a role where it could be bound, or the cluster's administrator."""

    id: str
    powers: Powers

    def may(self, verbs: Sequence[str], group: str, *resources: str, scoped: bool = False) -> list[Grant]:
        """Return what allows any of the verbs on any of the resources; `scoped`: they belong to no namespace."""
        found = (one for name in resources for one in self.powers.of(verbs, group, name, scoped=scoped))
        return list(dict.fromkeys(found))


class Joint(NamedTuple):
    """Several rights held in one place."""

    namespace: str
    """Where all hold; empty for everywhere."""
    grants: tuple[Grant, ...]

    @property
    def objects(self) -> tuple[str, ...]:
        """Changing any one of these takes one of the rights away."""
        return tuple(dict.fromkeys(name for one in self.grants for name in one.objects))

    @property
    def why(self) -> str:
        """What grants them: `RoleBinding a/b (Role r)`."""
        return " and ".join(dict.fromkeys(one.why for one in self.grants))


def together(*needed: Sequence[Grant]) -> Iterator[Joint]:
    """Yield each choice of one grant of each kind that hold in one place; a kind that is not held yields nothing."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for chosen in itertools.islice(itertools.product(*needed), _CHOICES * _CHOICES):
        places = {one.namespace for one in chosen} - {""}
        if len(places) > 1:
            continue
        joint = Joint(places.pop() if places else "", chosen)
        key = joint.namespace, joint.objects
        if key not in seen:
            seen.add(key)
            yield joint
        if len(seen) == _CHOICES:
            return


def on_all(
    kind: str, holder: Holder, held: Iterable[Grant], to: Callable[[str], str | None], what: str, *, walk: bool = True
) -> Iterator[Edge]:
    """Yield edges to a set for each place where something is held; the same way twice is one edge."""
    seen = set()
    for one in held:
        target = to(one.namespace)
        if target and (target, one.objects) not in seen:
            seen.add((target, one.objects))
            yield Edge(
                kind, holder.id, target, f"{one.why} allows {what}{placed(one.namespace)}", one.objects, walk=walk
            )


def on_named(
    kind: str,
    holder: Holder,
    held: Iterable[Grant],
    to: Callable[[str], str],
    named: Callable[[str, str], Iterable[str]],
    what: str,
    *,
    walk: bool = True,
) -> Iterator[Edge]:
    """Yield edges to sets, and where rules name objects, to those: `named` finds them by namespace and name."""
    held = list(held)
    yield from on_all(kind, holder, (one for one in held if not one.rule.names), to, what, walk=walk)
    seen = set()
    for one in held:
        for name in one.rule.names:
            for target in named(one.namespace, name):
                if (target, one.objects) not in seen:
                    seen.add((target, one.objects))
                    why = f"{one.why} allows {what} named {name}{placed(one.namespace)}"
                    yield Edge(kind, holder.id, target, why, one.objects, walk=walk)


def placed(namespace: str) -> str:
    """Return where a right holds, for a sentence."""
    return f" in {namespace}" if namespace else " everywhere"
