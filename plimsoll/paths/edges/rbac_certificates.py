"""Steps from rights over certificate requests: a certificate makes one any user, or a node."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.paths import holders, sets
from plimsoll.paths.edge import Edge
from plimsoll.paths.granted import WRITES, Holder, Joint, together
from plimsoll.paths.model import Model
from plimsoll.paths.rights import Grant

_GROUP = "certificates.k8s.io"
_REQUESTS = "certificatesigningrequests"
_CLIENT = "kubernetes.io/kube-apiserver-client"
_KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
_BOOTSTRAPPERS = "Group:system:bootstrappers"
_BOOTSTRAP = "kube-system"


def edges(model: Model) -> Iterator[Edge]:
    """Yield them for all that hold rights."""
    for holder in holders.of(model):
        asks = holder.may(("create",), _GROUP, _REQUESTS, scoped=True)
        if asks:
            yield from _client(holder, asks)
            yield from _kubelet(holder, asks)
        yield from _bootstrap(model, holder)


def _approved(holder: Holder, asks: list[Grant], signer: str) -> Iterator[Joint]:
    """Yield what lets one ask for a certificate of a signer and approve it."""
    approves = holder.may(WRITES, _GROUP, f"{_REQUESTS}/approval", scoped=True)
    signs = holder.may(("approve",), _GROUP, "signers", scoped=True)
    fits = {signer, f"{signer.partition('/')[0]}/*"}
    yield from together(asks, approves, [one for one in signs if not one.rule.names or fits & {*one.rule.names}])


def _client(holder: Holder, asks: list[Grant]) -> Iterator[Edge]:
    """Yield whom a certificate can name: any user, account or group but system:masters, which admission refuses."""
    for joint in _approved(holder, asks, _CLIENT):
        why = f"{joint.why} allow to ask for and to approve a client certificate of any name"
        for target in (sets.users(), sets.groups_but_masters(), sets.accounts()):
            yield Edge("CSR_CLIENT", holder.id, target, why, joint.objects)


def _kubelet(holder: Holder, asks: list[Grant]) -> Iterator[Edge]:
    """Yield the nodes one can be: by approving it, or where the controller approves what nodes ask for."""
    alone = holder.may(("create",), _GROUP, f"{_REQUESTS}/nodeclient", scoped=True)
    for joint in [*_approved(holder, asks, _KUBELET), *together(asks, alone)]:
        why = f"{joint.why} allow to come by a kubelet's client certificate"
        yield Edge("CSR_NODE", holder.id, sets.node_users(), why, joint.objects)


def _bootstrap(model: Model, holder: Holder) -> Iterator[Edge]:
    """Yield the nodes one can be by a bootstrap token, where the cluster lets such tokens join nodes."""
    joined = any(one.startswith(_BOOTSTRAPPERS) for one in model.people)
    for one in holder.may(("create",), "", "secrets"):
        if one.covers(_BOOTSTRAP):
            why = f"{one.why} allows to create a bootstrap token in {_BOOTSTRAP}, with which a node joins"
            yield Edge("CSR_NODE", holder.id, sets.node_users(), why, one.objects, conditional=not joined)
