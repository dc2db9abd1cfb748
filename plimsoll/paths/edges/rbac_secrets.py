"""Steps from rights to Secrets, and to the accounts whose tokens a new Secret can be made to hold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from plimsoll.paths import holders, nodes, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.rbac_pods import creates
from plimsoll.paths.granted import READS, Holder, on_named, placed, together
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    for holder in holders.of(model):
        held = holder.may(READS, "", "secrets")
        named = partial(_secrets, model)
        yield from on_named("SECRET_READ", holder, held, sets.secrets, named, "to read Secrets")
        yield from _minted(model, holder, held)


def _secrets(model: Model, namespace: str, name: str) -> list[str]:
    return [nodes.secret(place, name) for place in model.places("secrets", namespace, name)]


def _minted(model: Model, holder: Holder, reads: list[Grant]) -> Iterator[Edge]:
    """Yield the accounts of a namespace where a Secret can be created, which then holds a token, and be read."""
    writes = holder.may(("create",), "", "secrets")
    if not writes:
        return
    for joint in together(writes, [*(one for one in reads if _is_free(model, one)), *creates(holder)]):
        why = f"{joint.why} allow to create a token Secret for a ServiceAccount and to read it{placed(joint.namespace)}"
        yield Edge("TOKEN_MINT_SECRET", holder.id, sets.accounts(joint.namespace), why, joint.objects)


def _is_free(model: Model, read: Grant) -> bool:
    """Say whether what can be read can still be created: any Secret, or a named one that is not there."""
    told = read.rule.names
    return not told or any(read.namespace not in model.places("secrets", "", one) for one in told)
