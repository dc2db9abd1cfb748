"""The networks that pods are in besides the cluster's own, or in its place: what meets in one may talk in it.

A user-defined network of role Primary takes the place of the cluster's network for the pods of its namespaces, under
the same policies. A NetworkAttachmentDefinition gives pods one more network, under policies of its own
(MultiNetworkPolicy); nothing from outside is in it. Networks of one name are one, whatever their namespaces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.policies import addresses, intervals, network, selectors
from plimsoll.policies.connectivity import POD_NETWORK
from plimsoll.policies.documents import Part
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.network import PolicySet
from plimsoll.policies.policy import Workload
from plimsoll.policies.workloads import NETWORKS, Running

POLICY_FOR = "k8s.v1.cni.cncf.io/policy-for"
PRIMARY_LABEL = "k8s.ovn.org/primary-user-defined-network"


class Net(NamedTuple):
    """A network: who is in it, and under which policies."""

    name: str
    members: tuple[Workload, ...]
    policies: PolicySet
    outside: bool
    """What is outside the cluster reaches it, through Services and Ingresses too."""
    mark: str = ""
    """What np-guard writes behind the namespaces of its members."""


class Layer(Part, frozen=True):
    """A topology's part of a network's spec."""

    role: str = ""


class Network(Part, frozen=True):
    """A user-defined network, or its part in a cluster-wide one."""

    layer2: Layer | None = None
    layer3: Layer | None = None
    localnet: Layer | None = None
    network: Network | None = None
    namespace_selector: selectors.Document | None = None


class Document(Part, frozen=True):
    """An object that holds one."""

    spec: Network


class Annotated(Part, frozen=True):
    """An object's annotations."""

    annotations: dict[str, Any] | None = None


class Policy(Part, frozen=True):
    """A MultiNetworkPolicy, as far as it says which networks it is for."""

    metadata: Annotated = Annotated()


class Attachment(Part, frozen=True):
    """One network that a pod asks for."""

    name: str
    ips: list[str] | None = None


_document = msgspec.json.Decoder(Document).decode
_policy = msgspec.json.Decoder(Policy).decode
_attachments = msgspec.json.Decoder(list[Attachment]).decode


def networks(objects: pl.DataFrame, running: Sequence[Running], policies: PolicySet) -> list[Net]:
    """Return the networks in order: the cluster's own under these policies, what takes its place, what comes on top."""
    primary = _primary(objects)
    places: dict[tuple[int, str, str], list[Workload]] = defaultdict(list)
    for one in running:
        places[primary.get(one.end.namespace, (0, POD_NETWORK, ""))].append(one.end)
    places.setdefault((0, POD_NETWORK, ""), [])
    nets = [Net(name, tuple(ends), policies, True, mark) for (_, name, mark), ends in sorted(places.items())]
    return nets + list(_secondary(objects, running))


def _primary(objects: pl.DataFrame) -> dict[str, tuple[int, str, str]]:
    """Return which network takes the place of the cluster's in a namespace; its rank, its name, its mark."""
    labels = network.namespaces(objects)
    willing = {name: told for name, told in labels.items() if PRIMARY_LABEL in told}
    found: dict[str, tuple[int, str, str]] = {}
    for kind, namespace, name, spec in _user_defined(objects, "Primary"):
        if kind == "UserDefinedNetwork":
            found |= {namespace: (1, namespace, "[udn]")} if namespace in willing else {}
            continue
        chosen = selectors.selector(spec.namespace_selector or selectors.Document())
        meant = [one for one, told in willing.items() if selectors.selects(chosen, {network.NAME_LABEL: one, **told})]
        found |= {one: (2, name, "") for one in meant if one not in found}
    return found


def _user_defined(objects: pl.DataFrame, role: str) -> Iterator[tuple[str, str, str, Network]]:
    """Yield the user-defined networks of a role, those of one namespace first."""
    rows = _rows(objects, ("UserDefinedNetwork", "ClusterUserDefinedNetwork"))
    for row in sorted(rows, key=lambda one: (one["kind"] != "UserDefinedNetwork", one["namespace"], one["name"])):
        try:
            spec = _document(row["object"]).spec
        except errors.BROKEN:
            continue
        layers = spec.network or spec
        if any(layer and layer.role == role for layer in (layers.layer2, layers.layer3, layers.localnet)):
            yield row["kind"], row["namespace"] or "default", row["name"], spec


def _secondary(objects: pl.DataFrame, running: Sequence[Running]) -> Iterator[Net]:
    names = {row["name"] for row in _rows(objects, ("NetworkAttachmentDefinition",))}
    names |= {name for _, _, name, _ in _user_defined(objects, "Secondary")}
    members: dict[str, list[Workload]] = defaultdict(list)
    for one in running:
        for name, spans in asked(one.annotations.get(NETWORKS, "")).items():
            if name in names:
                members[name].append(one.end._replace(addresses=spans or one.inner_addresses, on_host=False))
    for name, ends in sorted(members.items()):
        about = objects.filter(
            pl.Series([_is_for(row, name) for row in objects.iter_rows(named=True)], dtype=pl.Boolean)
        )
        policies = network.read(about, ip_blocks="all", kinds=("MultiNetworkPolicy",))
        yield Net(name, tuple(ends), policies, outside=False)


def _rows(objects: pl.DataFrame, kinds: Iterable[str]) -> list[dict[str, Any]]:
    """Return the objects of these kinds, whichever group brings them: several do."""
    return network.present(objects).filter(pl.col("kind").is_in([*kinds])).to_dicts()


def _is_for(row: Mapping[str, Any], name: str) -> bool:
    """Say whether an object matters in a network: each but the policies of others."""
    if row["kind"] != "MultiNetworkPolicy":
        return True
    try:
        told = (_policy(row["object"]).metadata.annotations or {}).get(POLICY_FOR)
    except errors.BROKEN:
        return True  # where it is read, it is told why it cannot be
    return isinstance(told, str) and name in asked(told)


def asked(annotation: str) -> dict[str, Intervals]:
    """Return the networks an annotation asks for, with the addresses the pod shall have in each.

    >>> asked("first, shop/second@eth1")
    {'first': (), 'second': ()}
    >>> asked('[{"name": "third", "ips": ["10.0.0.1/24"]}]')
    {'third': ((167772161, 167772161),)}
    """
    if annotation.lstrip().startswith("["):
        try:
            told = _attachments(annotation)
        except errors.BROKEN:
            return {}
        return {one.name: _spans(one.ips or []) for one in told}
    names = (part.strip().rpartition("/")[2].partition("@")[0] for part in annotation.split(","))
    return {name: intervals.NONE for name in names if name}


def _spans(ips: Iterable[str]) -> Intervals:
    numbers = (addresses.address(text.partition("/")[0]) for text in ips)
    return intervals.union([(number, number) for number in numbers if number is not None])
