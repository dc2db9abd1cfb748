"""Steps by controllers that do what a custom resource says: with all their rights, or as pods of the writer's making."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.paths import admission, deputies, holders, nodes, sets
from plimsoll.paths.deputies import Account, Deputy
from plimsoll.paths.edge import Edge
from plimsoll.paths.edges.rbac_pods import creates
from plimsoll.paths.granted import WRITES, Holder, placed
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant

_WRITES = ("create", *WRITES)


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights over resources of a controller that is there."""
    there = [(one, found) for one in deputies.DEPUTIES if (found := deputies.accounts(model, one))]
    made: dict[tuple[Account, str], None] = {}
    for holder in [one for one in holders.of(model) if not holders.is_admin(one.powers)] if there else ():
        for one, accounts in there:
            held = [*holder.may(_WRITES, one.group, *one.resources)]
            for account in accounts if held else ():
                yield from _obeyed(model, holder, one, account, held, made)
    for account, namespace in made:
        yield from _pods(model, account, namespace)


def _obeyed(
    model: Model,
    holder: Holder,
    one: Deputy,
    account: Account,
    held: Sequence[Grant],
    made: dict[tuple[Account, str], None],
) -> Iterator[Edge]:
    controller = nodes.account(*account)
    if controller == holder.id:
        return
    seen = set()
    for grant in held:
        if one.own_namespace and not grant.covers(account.namespace):
            continue
        why = f"{grant.why} allows to write {' or '.join(one.resources[:2])} ({one.group}){placed(grant.namespace)}, which "
        places = [grant.namespace] if grant.namespace else [*model.namespaces]
        targets = [nodes.within(controller, place) for place in places] if one.gives == "pods" else [controller]
        for target in targets:
            if (target, grant.objects) not in seen:
                seen.add((target, grant.objects))
                told = f"{why}{account.name} carries out"
                maybe = one.gives == "maybe"
                yield Edge("OPERATOR_CR", holder.id, target, told, grant.objects, conditional=maybe)
        if one.gives == "pods":
            made |= dict.fromkeys((account, place) for place in places)


def _pods(model: Model, account: Account, namespace: str) -> Iterator[Edge]:
    """Yield what the pods can be that a controller makes in a namespace to somebody else's liking."""
    controller = nodes.account(*account)
    held = [one for one in creates(Holder(controller, model.powers(controller))) if one.covers(namespace)]
    for one in held[:1]:
        source = nodes.within(controller, namespace)
        why = f"{one.why} lets {account.name} create pods in {namespace} as the resource says: "
        yield Edge("POD_CREATE_SA", source, sets.accounts(namespace), f"{why}as any ServiceAccount", one.objects)
        yield Edge("POD_CREATE_SECRET", source, sets.secrets(namespace), f"{why}with any Secret", one.objects)
        if admission.admits(model, namespace):
            told = f"{why}on any node, escaping to it"
            yield Edge("POD_CREATE_NODE", source, model.any_node, told, one.objects)
