"""Generated policies as NetworkPolicy documents: YAML with the reason beside each line, the same bytes for the same input."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.policies import yaml_lines
from plimsoll.policies.blocks import Block
from plimsoll.policies.drafts import Dialect, Generated, Pods, Policy, Port, Rule, Source
from plimsoll.policies.yaml_lines import comment, quoted

DIALECT = Dialect(port_names=True)
_API = ("networking.k8s.io/v1", "NetworkPolicy")


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    return yaml_lines.files(generated, default_deny, document)


def default_deny(namespace: str, why: str) -> str:
    """Return the policy that closes a namespace to all that no other policy allows.

    >>> print(default_deny("shop", "every pod").partition("spec:")[2])
    <BLANKLINE>
      podSelector: {}  # every pod
      policyTypes:
        - Ingress
        - Egress
    <BLANKLINE>
    """
    head = yaml_lines.head(*_API, yaml_lines.DEFAULT_DENY, namespace)
    return "\n".join([yaml_lines.MARK, *head, f"  podSelector: {{}}{comment(why)}", *_types("Ingress", "Egress"), ""])


def document(policy: Policy) -> str:
    """Return the NetworkPolicy of a workload."""
    lines = [yaml_lines.MARK, *_above(policy), *_types("Ingress", "Egress")]
    for way, side, rules in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)):
        lines += _way(way, side, rules, policy) if rules else [f"  {way}: []{comment('none was seen')}"]
    return "\n".join([*lines, ""])


def addition(policy: Policy) -> str:
    """Return a NetworkPolicy that only adds these rules to what others allow: it closes no way that is open."""
    ways = [one for one in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)) if one[2]]
    lines = [*_above(policy), *_types(*(way.capitalize() for way, _, _ in ways))]
    for way, side, rules in ways:
        lines += _way(way, side, rules, policy)
    return "\n".join([*lines, ""])


def _above(policy: Policy) -> Iterator[str]:
    yield from yaml_lines.head(*_API, policy.name, policy.workload.namespace, yaml_lines.notes(policy))
    yield from yaml_lines.selecting("podSelector", policy.selector, "  ")


def _types(*types: str) -> list[str]:
    return ["  policyTypes:", *(f"    - {one}" for one in types)]


def _way(way: str, side: str, rules: tuple[Rule, ...], policy: Policy) -> Iterator[str]:
    yield f"  {way}:"
    for rule in rules:
        yield f"    - {side}:"
        for source in rule.peers:
            yield from _peer(source, policy.workload.namespace)
        yield "      ports:"
        for port in rule.ports:
            yield from _port(port)


def _peer(source: Source, namespace: str) -> Iterator[str]:
    """Yield a peer; this kind has none but pods and blocks."""
    if isinstance(source.peer, Pods):
        yield from _pods(source.peer, namespace, source.why)
    elif isinstance(source.peer, Block):
        yield f"        - ipBlock:{comment(source.why)}"
        yield f"            cidr: {quoted(source.peer.cidr)}"
        yield from yaml_lines.listed("except", source.peer.without, "            ")


def _pods(peer: Pods, namespace: str, why: str) -> Iterator[str]:
    if peer.namespace == namespace:
        yield from yaml_lines.selecting("- podSelector", peer.selector, "        ", why)
        return
    yield f"        - namespaceSelector:{comment(why)}"
    yield "            matchLabels:"
    yield f"              {yaml_lines.NAMESPACE}: {quoted(peer.namespace)}"
    yield from yaml_lines.selecting("podSelector", peer.selector, "          ")


def _port(port: Port) -> Iterator[str]:
    yield f"        - protocol: {quoted(port.protocol)}"
    yield f"          port: {quoted(port.name) if port.name else port.number}"
    if port.is_range:
        yield f"          endPort: {port.last}"
