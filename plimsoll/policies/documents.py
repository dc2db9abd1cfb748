"""NetworkPolicy as the API writes it, read as the API server would: what is left out means what it defaults to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from plimsoll.policies import addresses, policy, selectors

Protocol = Literal["TCP", "UDP", "SCTP"]


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an object; fields that are not named here are not read."""


class Strict(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A part of which every field has to be understood: what is not read here could deny."""


class IpBlock(Part, frozen=True):
    """Addresses but for some."""

    cidr: str
    exceptions: list[str] | None = msgspec.field(default=None, name="except")


class Peer(Part, frozen=True):
    """Who may be at the other end."""

    pod_selector: selectors.Document | None = None
    namespace_selector: selectors.Document | None = None
    ip_block: IpBlock | None = None


class Port(Part, frozen=True):
    """Ports of a protocol."""

    protocol: Protocol | None = None
    port: int | str | None = None
    end_port: int | None = None


class IngressRule(Part, frozen=True):
    """Who may call."""

    ports: list[Port] | None = None
    peers: list[Peer] | None = msgspec.field(default=None, name="from")


class EgressRule(Part, frozen=True):
    """Who may be called."""

    ports: list[Port] | None = None
    peers: list[Peer] | None = msgspec.field(default=None, name="to")


class Spec(Part, frozen=True):
    """The spec of a NetworkPolicy."""

    pod_selector: selectors.Document | None = None
    policy_types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[IngressRule] | None = None
    egress: list[EgressRule] | None = None


class NetworkPolicy(Part, frozen=True):
    """A NetworkPolicy, as far as it says who may talk."""

    spec: Spec | None = None


_decode = msgspec.json.Decoder(NetworkPolicy).decode


def network_policy(text: str | bytes, namespace: str, name: str, kind: str = "NetworkPolicy") -> policy.Policy:
    """Return a NetworkPolicy; raise ValueError (msgspec's is one) where the API would refuse it.

    >>> read = network_policy('{"spec": {"podSelector": {}, "egress": [{}]}}', "shop", "open")
    >>> read.text, read.ingress, read.egress[0].peers
    ('NetworkPolicy shop/open', (), None)
    """
    spec = _decode(text).spec or Spec()
    title = f"{kind} {namespace}/{name}"
    types: Sequence[str] = spec.policy_types or (("Ingress", "Egress") if spec.egress else ("Ingress",))
    return policy.Policy(
        kind,
        namespace,
        name,
        "network",
        0,
        policy.Pods(namespace, selectors.EVERYTHING, selectors.selector(spec.pod_selector or selectors.Document())),
        _rules(spec.ingress or [], "ingress", title, namespace) if "Ingress" in types else None,
        _rules(spec.egress or [], "egress", title, namespace) if "Egress" in types else None,
    )


def _rules(
    told: Sequence[IngressRule | EgressRule], way: policy.Way, title: str, namespace: str
) -> tuple[policy.Rule, ...]:
    return tuple(
        policy.Rule(
            f"{title}, {way} rule {number}",
            "allow",
            tuple(_peer(peer, namespace) for peer in rule.peers) if rule.peers else None,
            tuple(_ports(port) for port in rule.ports) if rule.ports else None,
        )
        for number, rule in enumerate(told, 1)
    )


def _peer(peer: Peer, namespace: str) -> policy.Peer:
    if peer.ip_block is not None:
        if peer.pod_selector is not None or peer.namespace_selector is not None:
            raise ValueError("ipBlock goes with no selector")
        return block(peer.ip_block.cidr, peer.ip_block.exceptions or [])
    if peer.pod_selector is None and peer.namespace_selector is None:
        raise ValueError("a peer that names nobody")
    pods = selectors.selector(peer.pod_selector or selectors.Document())
    if peer.namespace_selector is None:
        return policy.Pods(namespace, selectors.EVERYTHING, pods)
    return policy.Pods(None, selectors.selector(peer.namespace_selector), pods)


def block(cidr: str, exceptions: list[str]) -> policy.Block:
    """Return the addresses of a CIDR but for some, which must lie within it.

    >>> block("10.0.0.0/8", ["10.1.0.0/16"]).text
    '10.0.0.0/8 except 10.1.0.0/16'
    """
    whole = addresses.network(cidr)
    for one in exceptions:
        low, high = addresses.network(one)[0]
        if low < whole[0][0] or high > whole[0][1] or (low, high) == whole[0]:
            raise ValueError(f"except {one} is no part of {cidr}")
    text = cidr + (f" except {', '.join(exceptions)}" if exceptions else "")
    return policy.Block(addresses.block(cidr, exceptions), text)


def _ports(port: Port) -> policy.PortRange:
    protocol = port.protocol or "TCP"
    if port.port is None:
        if port.end_port is not None:
            raise ValueError("endPort without port")
        return policy.PortRange(protocol)
    if isinstance(port.port, str):
        if port.end_port is not None:
            raise ValueError("endPort with a named port")
        return policy.PortRange(protocol, name=port.port)
    return numbered(protocol, port.port, port.port if port.end_port is None else port.end_port)


def numbered(protocol: str, low: int, high: int) -> policy.PortRange:
    """Return the ports from low to high; raise ValueError where there are no such ports."""
    if not 1 <= low <= high <= 65535:
        raise ValueError(f"no range of ports: {low}-{high}")
    return policy.PortRange(protocol, low, high)
