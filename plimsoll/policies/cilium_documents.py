"""CiliumNetworkPolicy as the API writes it, as far as it only allows: pods, entities, addresses, names and ports.

What goes beyond that (denials, HTTP, identities of clouds) is refused with its name rather than misread. A rule that
names nobody and no port allows nothing: it only closes its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from plimsoll.policies import addresses, documents, intervals, policy, ports, selectors
from plimsoll.policies.documents import Part, Strict
from plimsoll.policies.intervals import Intervals
from plimsoll.policies.selectors import Requirement

KIND = "CiliumNetworkPolicy"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_NAME_LABEL = "kubernetes.io/metadata.name"
_WHOLE = intervals.union(addresses.IPV4, addresses.IPV6)
_FAMILIES = {"world": _WHOLE, "world-ipv4": addresses.IPV4, "world-ipv6": addresses.IPV6}
_Protocol = Literal["TCP", "UDP", "SCTP", "ANY", "ICMP", "ICMPv6", "VRRP", "IGMP"]


class Places(NamedTuple):
    """The addresses of what Cilium knows by what it is."""

    nodes: Intervals = ()
    apiserver: Intervals = ()
    pods: Intervals = ()


class CidrRule(Strict, frozen=True):
    """Addresses but for some."""

    cidr: str
    exceptions: list[str] | None = msgspec.field(default=None, name="except")


class Domain(Strict, frozen=True):
    """A domain name, or a pattern of some."""

    match_name: str = ""
    match_pattern: str = ""


class Inspected(Strict, frozen=True):
    """What the proxy reads: of answers of DNS it only learns."""

    dns: list[Domain] | None = None


class Port(Strict, frozen=True):
    """A port by its number or name."""

    port: str | int = "0"
    protocol: _Protocol = "ANY"
    end_port: int | None = None


class Ports(Strict, frozen=True):
    """Ports of a rule."""

    ports: list[Port] | None = None
    rules: Inspected | None = None


class Rule(Strict, frozen=True):
    """Who may be met; the fields of both ways."""

    to_ports: list[Ports] | None = None
    from_endpoints: list[selectors.Document] | None = None
    from_entities: list[str] | None = None
    from_cidr: list[str] | None = msgspec.field(default=None, name="fromCIDR")
    from_cidrs: list[CidrRule] | None = msgspec.field(default=None, name="fromCIDRSet")
    to_endpoints: list[selectors.Document] | None = None
    to_entities: list[str] | None = None
    to_cidr: list[str] | None = msgspec.field(default=None, name="toCIDR")
    to_cidrs: list[CidrRule] | None = msgspec.field(default=None, name="toCIDRSet")
    to_domains: list[Domain] | None = msgspec.field(default=None, name="toFQDNs")


class Spec(Strict, frozen=True):
    """What a policy says."""

    endpoint_selector: selectors.Document
    ingress: list[Rule] | None = None
    egress: list[Rule] | None = None
    description: str = ""
    labels: Any = None


class Document(Part, frozen=True):
    """A policy."""

    spec: Spec
    specs: list[Any] | None = None


_decode = msgspec.json.Decoder(Document).decode


def read(text: str | bytes, namespace: str, name: str, places: Places) -> policy.Policy:
    """Return a CiliumNetworkPolicy; raise ValueError (msgspec's is one) where it says what is not judged here.

    >>> told = '{"spec": {"endpointSelector": {}, "ingress": [{"fromEndpoints": [{}]}]}}'
    >>> read(told, "shop", "open", Places()).ingress[0].text
    'CiliumNetworkPolicy shop/open, ingress rule 1'
    """
    told = _decode(text)
    if told.specs:
        raise ValueError("specs: several policies in one are not judged")
    reader = _Reader(namespace, f"{KIND} {namespace}/{name}", places)
    spec = told.spec
    return policy.Policy(
        KIND,
        namespace,
        name,
        "network",
        0,
        policy.Pods(namespace, selectors.EVERYTHING, reader.pods(spec.endpoint_selector).pods),
        reader.rules(spec.ingress, "ingress") if spec.ingress else None,
        reader.rules(spec.egress, "egress") if spec.egress else None,
    )


class _Reader(NamedTuple):
    """Reads the rules of one policy."""

    namespace: str
    title: str
    places: Places

    def rules(self, told: Sequence[Rule], way: policy.Way) -> tuple[policy.Rule, ...]:
        made = []
        for number, rule in enumerate(told, 1):
            peers, open_ports = self._peers(rule, way), _ports(rule.to_ports)
            if peers is not None or open_ports is not None:
                made.append(policy.Rule(f"{self.title}, {way} rule {number}", "allow", peers, open_ports))
        return tuple(made)

    def _peers(self, rule: Rule, way: policy.Way) -> tuple[policy.Peer, ...] | None:
        """Return whom a rule names, None where it does not say."""
        inward = way == "ingress"
        found = [
            self._each(rule.from_endpoints if inward else rule.to_endpoints, self.pods),
            self._each(rule.from_cidr if inward else rule.to_cidr, lambda cidr: self._block(CidrRule(cidr))),
            self._each(rule.from_cidrs if inward else rule.to_cidrs, self._block),
            self._each(None if inward else rule.to_domains, _names),
        ]
        entities = rule.from_entities if inward else rule.to_entities
        if entities is not None:
            found.append([peer for one in entities for peer in self._entity(one)])
        told = [one for one in found if one is not None]
        return tuple(peer for peers in told for peer in peers) if told else None

    @staticmethod
    def _each(told: Sequence[Any] | None, read: Callable[[Any], policy.Peer]) -> list[policy.Peer] | None:
        return None if told is None else [read(one) for one in told]

    def pods(self, told: selectors.Document) -> policy.Pods:
        """Return the pods that a selector means: of the policy's own namespace where it names none."""
        spaces, labels = set[Requirement](), set[Requirement]()
        for one in selectors.selector(told):
            source, _, key = one.key.rpartition(":")
            if source not in ("", "k8s", "any"):
                raise ValueError(f"labels of {source} are not judged")
            if key == POD_NAMESPACE:
                spaces.add(one._replace(key=_NAME_LABEL))
            elif key.startswith(_NAMESPACE_LABELS):
                spaces.add(one._replace(key=key.removeprefix(_NAMESPACE_LABELS)))
            else:
                labels.add(one._replace(key=key))
        own = None if spaces else self.namespace
        return policy.Pods(own, tuple(sorted(spaces)), tuple(sorted(labels)))

    def _block(self, told: CidrRule) -> policy.Block:
        """Return addresses of a CIDR: those of nodes and of the API server are no addresses to Cilium."""
        whole = documents.block(told.cidr, told.exceptions or [])
        near = intervals.union(self.places.nodes, self.places.apiserver)
        return policy.Block(intervals.difference(whole.addresses, near), whole.text)

    def _entity(self, name: str) -> Iterator[policy.Peer]:
        nodes, servers = self.places.nodes, self.places.apiserver
        if name in ("host", "remote-node"):
            yield policy.Block(nodes, name)
        elif name == "kube-apiserver":
            yield policy.Block(servers, name)
        elif name in _FAMILIES:
            inside = intervals.union(nodes, self.places.pods)
            yield policy.Block(intervals.difference(_FAMILIES[name], inside), name)
        elif name in ("cluster", "all"):
            yield policy.Pods(None, selectors.EVERYTHING, selectors.EVERYTHING)
            yield policy.Block(_WHOLE if name == "all" else nodes, name)
        else:
            raise ValueError(f"the entity {name} is not judged")


def _names(told: Domain) -> policy.Peer:
    return policy.Names(told.match_name.lower().rstrip("."), told.match_pattern.lower().rstrip("."))


def _ports(told: Sequence[Ports] | None) -> tuple[policy.PortRange, ...] | None:
    if told is None:
        return None
    if any(one.ports is None for one in told):
        raise ValueError("toPorts without ports is not judged")
    return tuple(made for one in told for port in one.ports or [] for made in _port(port))


def _port(told: Port) -> Iterator[policy.PortRange]:
    protocols = ports.PROTOCOLS if told.protocol == "ANY" else (told.protocol,)
    text = str(told.port)
    for protocol in protocols:
        if not text.isdigit():
            yield policy.PortRange(protocol, name=text)
        elif int(text) == 0:
            yield policy.PortRange(protocol)
        else:
            yield documents.numbered(protocol, int(text), told.end_port or int(text))
