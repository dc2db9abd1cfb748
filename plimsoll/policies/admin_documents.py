"""Cluster-wide policies as the API writes them: AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from plimsoll.policies import documents, policy, selectors
from plimsoll.policies.documents import Part

BASELINE_PRIORITY = 0
KINDS = ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy")


class Pods(Part, frozen=True):
    """Pods of some namespaces."""

    namespace_selector: selectors.Document = selectors.Document()
    pod_selector: selectors.Document = selectors.Document()


class Peer(Part, frozen=True):
    """A subject, or who may be at the other end."""

    namespaces: selectors.Document | None = None
    pods: Pods | None = None
    nodes: selectors.Document | None = None
    networks: list[str] | None = None
    domain_names: list[str] | None = None


class Numbered(Part, frozen=True):
    """A port by its number."""

    protocol: documents.Protocol = "TCP"
    port: int = 0


class Range(Part, frozen=True):
    """Ports from one to another."""

    protocol: documents.Protocol = "TCP"
    start: int = 0
    end: int = 0


class Port(Part, frozen=True):
    """Ports of a rule, as v1alpha1 writes them."""

    port_number: Numbered | None = None
    port_range: Range | None = None
    named_port: str | None = None


class Destination(Part, frozen=True):
    """A port or a range, as v1alpha2 writes them."""

    number: int | None = None
    range: Range | None = None


class Transport(Part, frozen=True):
    """A protocol's ports, all where none is told."""

    destination_port: Destination | None = None


class Protocol(Part, frozen=True):
    """Ports of a rule, as v1alpha2 writes them."""

    tcp: Transport | None = None
    udp: Transport | None = None
    sctp: Transport | None = None
    destination_named_port: str | None = None


class Rule(Part, frozen=True):
    """What is allowed, denied or passed on."""

    action: Literal["Allow", "Accept", "Deny", "Pass"]
    name: str = ""
    sources: list[Peer] | None = msgspec.field(default=None, name="from")
    destinations: list[Peer] | None = msgspec.field(default=None, name="to")
    ports: list[Port] | None = None
    protocols: list[Protocol] | None = None


class Spec(Part, frozen=True):
    """The spec of a cluster-wide policy."""

    subject: Peer
    tier: Literal["Admin", "Baseline"] | None = None
    priority: int = BASELINE_PRIORITY
    ingress: list[Rule] | None = None
    egress: list[Rule] | None = None


class Document(Part, frozen=True):
    """A cluster-wide policy."""

    spec: Spec


_decode = msgspec.json.Decoder(Document).decode
_ACTIONS: dict[str, policy.Action] = {"Allow": "allow", "Accept": "allow", "Deny": "deny", "Pass": "pass"}


def cluster_policy(text: str | bytes, kind: str, name: str) -> policy.Policy:
    """Return a cluster-wide policy; raise ValueError (msgspec's is one) where the API would refuse it.

    >>> told = '{"spec": {"priority": 5, "subject": {"namespaces": {}}, "egress": [{"action": "Deny", "to": [{"networks": ["10.0.0.0/8"]}]}]}}'
    >>> read = cluster_policy(told, "AdminNetworkPolicy", "inside")
    >>> read.tier, read.egress[0].action, read.egress[0].text
    ('admin', 'deny', 'AdminNetworkPolicy inside, egress rule 1')
    """
    spec = _decode(text).spec
    baseline = kind == "BaselineAdminNetworkPolicy" or spec.tier == "Baseline"
    title = f"{kind} {name}"
    return policy.Policy(
        kind,
        "",
        name,
        "baseline" if baseline else "admin",
        spec.priority,
        _subject(spec.subject),
        _rules(spec.ingress or [], "ingress", title),
        _rules(spec.egress or [], "egress", title),
    )


def _subject(peer: Peer) -> policy.Pods:
    found = _pods(peer)
    if found is None:
        raise ValueError("a subject that names nobody")
    return found


def _pods(peer: Peer) -> policy.Pods | None:
    if peer.pods is not None:
        namespaces = selectors.selector(peer.pods.namespace_selector)
        return policy.Pods(None, namespaces, selectors.selector(peer.pods.pod_selector))
    if peer.namespaces is not None:
        return policy.Pods(None, selectors.selector(peer.namespaces), selectors.EVERYTHING)
    return None


def _rules(told: Sequence[Rule], way: policy.Way, title: str) -> tuple[policy.Rule, ...]:
    made = []
    for number, rule in enumerate(told, 1):
        peers = (rule.sources if way == "ingress" else rule.destinations) or []
        named = f" ({rule.name})" if rule.name else ""
        place = f"{title}, {way} rule {number}{named}"
        made.append(policy.Rule(place, _ACTIONS[rule.action], tuple(_peers(peers)), _ports(rule)))
    return tuple(made)


def _peers(told: Sequence[Peer]) -> list[policy.Peer]:
    peers: list[policy.Peer] = []
    for peer in told:
        pods = _pods(peer)
        if pods is not None:
            peers.append(pods)
        elif peer.networks is not None:
            peers += [documents.block(cidr, []) for cidr in peer.networks]
        else:  # nodes and domain names; a field of a later version of the API matches nobody either
            peers.append(policy.Beyond(", ".join(peer.domain_names or ["nodes"])))
    return peers


def _ports(rule: Rule) -> tuple[policy.PortRange, ...] | None:
    made = [_port(port) for port in rule.ports or []]
    made += [one for told in rule.protocols or [] for one in _transports(told)]
    return tuple(made) or None


def _port(port: Port) -> policy.PortRange:
    if port.port_number is not None:
        return documents.numbered(port.port_number.protocol, port.port_number.port, port.port_number.port)
    if port.port_range is not None:
        return documents.numbered(port.port_range.protocol, port.port_range.start, port.port_range.end)
    if not port.named_port:
        raise ValueError("a port that is none")
    return policy.PortRange(None, name=port.named_port)


def _transports(told: Protocol) -> list[policy.PortRange]:
    if told.destination_named_port:
        return [policy.PortRange(None, name=told.destination_named_port)]
    pairs = (("TCP", told.tcp), ("UDP", told.udp), ("SCTP", told.sctp))
    made = [_destination(name, one.destination_port) for name, one in pairs if one is not None]
    if not made:
        raise ValueError("a protocol that is none")
    return made


def _destination(protocol: str, port: Destination | None) -> policy.PortRange:
    if port is None:
        return policy.PortRange(protocol)
    if port.range is not None:
        return documents.numbered(protocol, port.range.start, port.range.end)
    return documents.numbered(protocol, port.number or 0, port.number or 0)
