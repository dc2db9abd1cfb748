"""The network policies of a cluster, and what they say of a connection: allowed, or by whom it is denied and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import polars as pl

from plimsoll import errors
from plimsoll.policies import (
    addresses,
    admin_documents,
    calico_documents,
    cilium_documents,
    documents,
    intervals,
    policy,
    ports,
)
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.policy import End, Policy, Rule, Way, Workload

IpBlocks = Literal["external-only", "all"]
"""Whether an ipBlock covers the addresses of pods, as most plugins have it, or only what is outside the cluster."""
NAME_LABEL = "kubernetes.io/metadata.name"
_TIERS = ("admin", "network", "baseline")
_GROUPS = {
    "NetworkPolicy": ("networking.k8s.io", "extensions", *calico_documents.GROUPS),
    cilium_documents.KIND: ("cilium.io",),
    "MultiNetworkPolicy": ("k8s.cni.cncf.io",),
    **dict.fromkeys(admin_documents.KINDS, ("policy.networking.k8s.io",)),
}
CLUSTER_KINDS = ("NetworkPolicy", cilium_documents.KIND, *admin_documents.KINDS)
_SHOWN = 3
_ANY = ("", "")
"""Where policies are kept that ask for no label: no label has an empty key."""
Cause = Literal["rule", "port", "peer", "both"]
"""Why a connection is denied: a rule says so; the peer is allowed on other ports; the port is for others; neither."""


class Refused(NamedTuple):
    """A policy that the API would refuse."""

    text: str
    """Its kind and name."""
    reason: str


class Verdict(NamedTuple):
    """What policies say of a connection."""

    allowed: bool
    way: Way | None = None
    """The way that is closed."""
    policies: tuple[str, ...] = ()
    """Kind and name of those that close it."""
    reason: str = ""
    cause: Cause | None = None


ALLOWED = Verdict(allowed=True)


class _Selecting(NamedTuple):
    """What is about one end, for one way."""

    admin: tuple[Rule, ...]
    network: tuple[Policy, ...]
    baseline: tuple[Rule, ...]
    owners: Mapping[Rule, Policy]


class PolicySet:
    """Policies and the labels of namespaces; ends are asked about by value."""

    def __init__(
        self,
        policies: Iterable[Policy],
        namespaces: Mapping[str, Mapping[str, str]],
        *,
        ip_blocks: IpBlocks = "external-only",
        refused: Sequence[Refused] = (),
    ) -> None:
        self.policies = tuple(
            sorted(policies, key=lambda one: (_TIERS.index(one.tier), one.priority, one.namespace, one.name))
        )
        self.refused = tuple(refused)
        self._namespaces = {name: {NAME_LABEL: name, **labels} for name, labels in namespaces.items()}
        self._ip_blocks = ip_blocks
        self._near: dict[str, dict[tuple[str, str], list[int]]] = {}
        self._selecting: dict[tuple[End, Way], _Selecting] = {}
        self._matching: dict[tuple[Rule, End], bool] = {}

    def namespace_labels(self, namespace: str) -> Mapping[str, str]:
        """Return a namespace's labels; each has at least its name, one that is not known has none."""
        return self._namespaces.get(namespace) or ({NAME_LABEL: namespace} if namespace else {})

    def blocks(self) -> list[Intervals]:
        """Return the address blocks that rules name: between their borders all addresses are alike."""
        rules = (rule for one in self.policies for way in policy.WAYS for rule in one.rules(way) or ())
        return [peer.addresses for rule in rules for peer in rule.peers or () if isinstance(peer, policy.Block)]

    def connections(self, source: End, destination: End) -> Intervals:
        """Return the ports (`ports`) that one end may reach of another."""
        outward = self.opened("egress", source, destination)
        return intervals.intersection(outward, self.opened("ingress", source, destination)) if outward else outward

    def opened(self, way: Way, source: End, destination: End) -> Intervals:
        """Return the ports that the policies about the source (egress) or the destination (ingress) allow."""
        subject, peer = (source, destination) if way == "egress" else (destination, source)
        told = self.selecting(subject, way)
        allowed, rest = self._ordered(told.admin, peer, destination, ports.ALL_PORTS)
        if told.network:
            rules = (rule for one in told.network for rule in one.rules(way) or ())
            granted = intervals.union(*(rule.of(destination) for rule in rules if self.matches(rule, peer)))
            return intervals.union(allowed, intervals.intersection(rest, granted))
        granted, rest = self._ordered(told.baseline, peer, destination, rest)
        return intervals.union(allowed, granted, rest)

    def allows(self, source: End, destination: End, protocol: str, port: int) -> Verdict:
        """Return what is said of one connection, and where it is denied, by whom and what is missing."""
        verdicts = (self.judged(way, source, destination, protocol, port) for way in policy.WAYS)
        return next((verdict for verdict in verdicts if not verdict.allowed), ALLOWED)

    def judged(self, way: Way, source: End, destination: End, protocol: str, port: int) -> Verdict:
        """Return what is said of one way of a connection."""
        if ports.allows(self.opened(way, source, destination), protocol, port):
            return ALLOWED
        return self._denied(way, source, destination, protocol, port)

    def selecting(self, subject: End, way: Way) -> _Selecting:
        """Return what is about this end, for this way."""
        key = (subject, way)
        if key not in self._selecting:
            self._selecting[key] = self._select(subject, way)
        return self._selecting[key]

    def matches(self, rule: Rule, peer: End) -> bool:
        """Say whether a rule speaks of this end."""
        if rule.peers is None:
            return True
        key = (rule, peer)
        if key not in self._matching:
            self._matching[key] = any(self._is(one, peer) for one in rule.peers)
        return self._matching[key]

    def _select(self, subject: End, way: Way) -> _Selecting:
        if not isinstance(subject, Workload) or subject.on_host:
            return _Selecting((), (), (), {})
        labels = self.namespace_labels(subject.namespace)
        about = [one for one in self._of(subject) if one.rules(way) is not None and one.subject.has(subject, labels)]
        tiers = {tier: [one for one in about if one.tier == tier] for tier in _TIERS}
        owners = {rule: one for one in about for rule in one.rules(way) or ()}
        admin, baseline = (
            tuple(rule for one in tiers[tier] for rule in one.rules(way) or ()) for tier in ("admin", "baseline")
        )
        return _Selecting(admin, tuple(tiers["network"]), baseline, owners)

    def _of(self, subject: Workload) -> list[Policy]:
        """Return the policies that can be about these pods, in order: of their namespace, and asking for a label they have."""
        if subject.namespace not in self._near:
            self._near[subject.namespace] = self._by_label(subject.namespace)
        near = self._near[subject.namespace]
        places = {place for label in (_ANY, *subject.labels) for place in near.get(label, ())}
        return [self.policies[place] for place in sorted(places)]

    def _by_label(self, namespace: str) -> dict[tuple[str, str], list[int]]:
        """Return the places of a namespace's policies by a label that each asks for, `_ANY` where it asks for none."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, one in enumerate(self.policies):
            if one.subject.namespace in (None, namespace):
                asked = next((term for term in one.subject.pods if term.operator == "In"), None)
                for label in [(asked.key, value) for value in asked.values] if asked else [_ANY]:
                    found[label].append(place)
        return found

    def _is(self, peer: policy.Peer, end: End) -> bool:
        if isinstance(peer, policy.Pods):
            namespace = end.namespace if isinstance(end, Workload) else ""
            return peer.has(end, self.namespace_labels(namespace))
        if isinstance(peer, policy.Names):
            return peer.has(end)
        if not isinstance(peer, policy.Block):
            return False
        if isinstance(end, policy.External):
            return intervals.covers(peer.addresses, end.addresses)
        return self.is_in(peer, end)

    def is_in(self, block: policy.Block, end: Workload) -> bool:
        """Say whether a block covers a pod's addresses."""
        return self._ip_blocks == "all" and _in_block(end, block)

    def _ordered(
        self, rules: Sequence[Rule], peer: End, destination: End, undecided: Intervals
    ) -> tuple[Intervals, Intervals]:
        """Return the ports that rules asked in order allow, and those they pass on or do not speak of."""
        allowed, passed = ports.NO_PORTS, ports.NO_PORTS
        for rule in rules:
            if not undecided:
                break
            if not self.matches(rule, peer):
                continue
            spoken = intervals.intersection(undecided, rule.of(destination))
            undecided = intervals.difference(undecided, spoken)
            if rule.action == "allow":
                allowed = intervals.union(allowed, spoken)
            elif rule.action == "pass":
                passed = intervals.union(passed, spoken)
        return allowed, intervals.union(undecided, passed)

    def _denied(self, way: Way, source: End, destination: End, protocol: str, port: int) -> Verdict:
        subject, peer = (source, destination) if way == "egress" else (destination, source)
        told = self.selecting(subject, way)
        for rules in (told.admin, () if told.network else told.baseline):
            spoken = (rule for rule in rules if self.matches(rule, peer))
            first = next((rule for rule in spoken if ports.allows(rule.of(destination), protocol, port)), None)
            if first is not None and first.action == "deny":
                return Verdict(False, way, (told.owners[first].text,), f"{first.text} denies it", "rule")
        asked = [rule for one in told.network for rule in one.rules(way) or ()]
        wide = [rule for rule in asked if self.matches(rule, peer)]
        right = [rule for rule in asked if ports.allows(rule.of(destination), protocol, port)]
        near = [f"{rule.text} has it on {_ports(rule.of(destination))}" for rule in wide]
        near += [f"{rule.text} has {protocol} {port} for others" for rule in right]
        who = "to" if way == "egress" else "from"
        reason = "; ".join([f"no {way} rule {who} {_named(peer)} on {protocol} {port}", *near[:_SHOWN]])
        names = tuple(one.text for one in told.network)
        return Verdict(False, way, names, reason, "port" if wide else "peer" if right else "both")


def _ports(found: Intervals) -> str:
    return ports.written(found) if found else "a port of a name that it does not have"


def _named(end: End) -> str:
    return end.text.removesuffix("[External]") if isinstance(end, policy.External) else end.text


def _in_block(end: Workload, block: policy.Block) -> bool:
    """Say whether a pod is in a block; one whose address is not told is where all addresses are."""
    if end.addresses:
        return intervals.intersection(end.addresses, block.addresses) != ()
    return block.addresses in (addresses.IPV4, addresses.IPV6)


def read(
    objects: pl.DataFrame, *, ip_blocks: IpBlocks = "external-only", kinds: Sequence[str] = CLUSTER_KINDS
) -> PolicySet:
    """Return the policies of these kinds of a frame of tables.OBJECTS; what the API would refuse is in `refused`."""
    found: list[Policy] = []
    refused: list[Refused] = []
    asked = present(objects).filter(pl.col("kind").is_in(kinds))
    by_place = (asked["kind"] == cilium_documents.KIND).any()  # no other kind asks where anybody is
    places = _places(objects) if by_place else cilium_documents.Places()
    for row in asked.iter_rows(named=True):
        group = row["apiVersion"].partition("/")[0]
        if group not in _GROUPS[row["kind"]]:
            continue
        kind = group if group in calico_documents.GROUPS else row["kind"]
        try:
            found.append(_policy(kind, _namespace(kind, row["namespace"]), row["name"], row["object"], places))
        except errors.BROKEN as broken:
            place = f"{row['namespace']}/{row['name']}".removeprefix("/")
            refused.append(Refused(f"{row['kind']} {place}", " ".join(str(broken).split())[:200]))
    return PolicySet(found, namespaces(objects), ip_blocks=ip_blocks, refused=refused)


def _namespace(kind: str, told: str) -> str:
    return told if kind in admin_documents.KINDS else told or "default"


def _policy(kind: str, namespace: str, name: str, text: str, places: cilium_documents.Places) -> Policy:
    if kind in admin_documents.KINDS:
        return admin_documents.cluster_policy(text, kind, name)
    if kind in calico_documents.GROUPS:
        return calico_documents.read(text, namespace, name)
    if kind == cilium_documents.KIND:
        return cilium_documents.read(text, namespace, name, places)
    return documents.network_policy(text, namespace, name, kind)


def _places(objects: pl.DataFrame) -> cilium_documents.Places:
    """Return where nodes, the API server and pods are, as objects tell."""
    kind = pl.col("kind")
    pods = objects.filter(kind == "Pod")
    nodes = [hosts(pods), objects.filter(kind == "Node")["ips"].explode()]
    return cilium_documents.Places(
        _addresses(text for told in nodes for text in told),
        _addresses(apiserver(objects)),
        _addresses(pods["ips"].explode()),
    )


def hosts(pods: pl.DataFrame) -> pl.Series:
    """Return the address of each pod's node, as the pod tells it."""
    return pods["object"].str.json_path_match("$.status.hostIP")


def apiserver(objects: pl.DataFrame) -> Iterator[str]:
    """Yield the addresses behind the Service default/kubernetes."""
    own = (pl.col("name") == "kubernetes") | pl.col("labels").list.contains("kubernetes.io/service-name=kubernetes")
    ends = objects.filter(
        pl.col("kind").is_in(["Endpoints", "EndpointSlice"]) & own & (pl.col("namespace") == "default")
    )
    yield from ends["ips"].explode().drop_nulls()


def _addresses(texts: Iterable[str | None]) -> Intervals:
    numbers = (addresses.address(text) for text in set(texts) if text)
    return intervals.union([(number, number) for number in numbers if number is not None])


def present(objects: pl.DataFrame) -> pl.DataFrame:
    """Return the objects that are still there."""
    return objects.filter(pl.col("until").is_null())


def namespaces(objects: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Return the labels of the namespaces of a frame of tables.OBJECTS."""
    rows = present(objects).filter(pl.col("kind") == "Namespace").select("name", "labels").iter_rows()
    return {name: mapping(labels) for name, labels in rows}


def mapping(labels: Sequence[str] | None) -> dict[str, str]:
    """Return labels told as key=value.

    >>> mapping(["app=web", "note=a=b"])
    {'app': 'web', 'note': 'a=b'}
    """
    pairs = (label.partition("=") for label in labels or [])
    return {key: value for key, _, value in pairs}
