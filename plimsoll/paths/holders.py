"""All that rights are held by: identities, roles that somebody could bind, and who has become administrator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from plimsoll.paths import nodes
from plimsoll.paths.binding import Bound, bindable, powers
from plimsoll.paths.granted import Holder
from plimsoll.paths.model import Model
from plimsoll.paths.rights import EVERYTHING, Grant, Powers
from plimsoll.posture.judging.whole import once

_ROOT = Powers([Grant(EVERYTHING, "", "ClusterRole/cluster-admin", (), "cluster-admin")])


class Holders:
    """Who holds rights in a cluster, and which roles each could bind."""

    def __init__(self, model: Model) -> None:
        """Find the identities, and from them the roles that can be come by, step by step."""
        self.bindable: dict[str, list[Bound]] = {}
        found = {one: Holder(one, model.powers(one)) for one in model.identities}
        waiting = list(found.values())
        while waiting:
            holder = waiting.pop()
            self.bindable[holder.id] = [] if is_admin(holder.powers) else [*bindable(model, holder)]
            for one in self.bindable[holder.id]:
                if one.id not in found:
                    found[one.id] = Holder(one.id, powers(model, one))
                    waiting.append(found[one.id])
        found[nodes.CLUSTER_ADMIN] = Holder(nodes.CLUSTER_ADMIN, _ROOT)
        self.all = [one for one in found.values() if one.powers.grants]

    def __iter__(self) -> Iterator[Holder]:
        """Yield those that hold any rights."""
        return iter(self.all)


@once
def of(model: Model) -> Holders:
    """Return who holds rights in a cluster; the families of edges share the answer."""
    return Holders(model)


def is_admin(held: Powers) -> bool:
    """Say whether rights are all rights, everywhere."""
    return any(not one.namespace for one in held.all_in)


class Held(NamedTuple):
    """A role that somebody holds or could come to hold."""

    kind: str
    name: str
    namespace: str
    """Where; empty for everywhere."""
    objects: tuple[str, ...]
    how: str


def roles_of(model: Model, holder: Holder) -> Iterator[Held]:
    """Yield the roles that a holder holds, could bind, or is."""
    for one in model.rights.bound(holder.id):
        how = f"which it holds through {one.kind} {one.name}"
        yield Held(one.role_kind, one.role, one.namespace, model.rights.objects_of(one), how)
    for can in of(model).bindable.get(holder.id, ()):
        yield Held(can.kind, can.name, can.namespace, can.by.objects, "which it can bind to itself")
    kind, slash, rest = holder.id.partition("/")
    if slash and kind in ("Role", "ClusterRole"):
        name, _, namespace = rest.rpartition("@") if "@" in rest else (rest, "", "")
        yield Held(kind, name, namespace, (), "which it is")
