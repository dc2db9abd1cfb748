"""Generated policies as ClusterNetworkPolicy documents (policy.networking.k8s.io/v1alpha2) of the baseline tier.

What a namespace's own NetworkPolicies say goes before them, so that they are the default of those who have written
none. Of who calls, this kind can only name pods; its lists hold 25 entries at most, so that one policy may be several.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from plimsoll.policies import yaml_lines
from plimsoll.policies.blocks import Block
from plimsoll.policies.drafts import Dialect, Generated, Pods, Policy, Port, Rule, Source
from plimsoll.policies.separating import Selector
from plimsoll.policies.yaml_lines import comment, quoted

DIALECT = Dialect()
MOST = 25
"""Rules, peers, networks and protocols of one list (the CRD's maxItems)."""
ALLOWS, CLOSES = 500, 1000
"""Priorities: the lower is asked sooner."""
_API = ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy")
_Lines = list[str]


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    return yaml_lines.files(generated, default_deny, document)


def default_deny(namespace: str, why: str) -> str:
    """Return the policy that closes a namespace to all that no other policy allows."""
    lines = [
        yaml_lines.MARK,
        *yaml_lines.head(*_API, f"{namespace}.{yaml_lines.DEFAULT_DENY}", None),
        *_tier(CLOSES),
        "  subject:",
        f"    namespaces:{comment(why)}",
        "      matchLabels:",
        f"        {yaml_lines.NAMESPACE}: {quoted(namespace)}",
        "  ingress:",
        "    - action: Deny",
        "      from:",
        f"        - namespaces: {{}}{comment('pods; who calls from outside is no peer of this kind, and is not held back')}",
        "  egress:",
        "    - action: Deny",
        "      to:",
        "        - namespaces: {}",
        "        - networks:",
        '            - "0.0.0.0/0"',
        '            - "::/0"',
    ]
    return "\n".join([*lines, ""])


def document(policy: Policy) -> str:
    """Return the ClusterNetworkPolicies of a workload: one, or several where its rules are too many for one."""
    inward = [lines for rule in policy.ingress for lines in _rules(rule, "from")]
    outward = [lines for rule in policy.egress for lines in _rules(rule, "to")]
    unsaid = [source for rule in policy.ingress for source in rule.peers if not isinstance(source.peer, Pods)]
    notes = [*yaml_lines.notes(policy), *(f"Not said, and not held back: from {_outer(one)}" for one in unsaid)]
    whole = max(1, -(-max(len(inward), len(outward)) // MOST))
    documents = []
    for number in range(whole):
        name = f"{policy.workload.namespace}.{policy.name}{f'.{number + 1}' if number else ''}"
        lines = [*yaml_lines.head(*_API, name, None, () if number else notes), *_tier(ALLOWS), *_subject(policy)]
        for way, rules in (("ingress", inward), ("egress", outward)):
            own = rules[number * MOST : (number + 1) * MOST]
            lines += [f"  {way}:", *(line for rule in own for line in rule)] if own else []
        documents.append("\n".join([*lines, ""]))
    return f"{yaml_lines.MARK}\n" + "---\n".join(documents)


def _outer(source: Source) -> str:
    return f"{source.peer.cidr} ({source.why})" if isinstance(source.peer, Block) else source.why


def _tier(priority: int) -> _Lines:
    return ["  tier: Baseline", f"  priority: {priority}"]


def _subject(policy: Policy) -> Iterator[str]:
    yield "  subject:"
    yield "    pods:"
    yield from _pods(policy.workload.namespace, policy.selector, "      ")


def _pods(namespace: str, selector: Selector, indent: str) -> Iterator[str]:
    yield f"{indent}namespaceSelector:"
    yield f"{indent}  matchLabels:"
    yield f"{indent}    {yaml_lines.NAMESPACE}: {quoted(namespace)}"
    yield from yaml_lines.selecting("podSelector", selector, indent)


def _rules(rule: Rule, side: str) -> Iterator[_Lines]:
    """Yield a rule as one for each part of its peers and ports that fits in."""
    peers = [lines for source in rule.peers for lines in _peers(source, side)]
    for some in yaml_lines.parts(peers, MOST):
        for ports in yaml_lines.parts(rule.ports, MOST):
            yield [
                "    - action: Accept",
                f"      {side}:",
                *(line for peer in some for line in peer),
                "      protocols:",
                *(line for port in ports for line in _port(port)),
            ]


def _peers(source: Source, side: str) -> Iterator[_Lines]:
    if isinstance(source.peer, Pods):
        yield [
            f"        - pods:{comment(source.why)}",
            *_pods(source.peer.namespace, source.peer.selector, "            "),
        ]
    elif isinstance(source.peer, Block) and side == "to":
        for some in yaml_lines.parts([*networks(source.peer)], MOST):
            yield [f"        - networks:{comment(source.why)}", *(f"            - {quoted(one)}" for one in some)]


def networks(block: Block) -> Iterable[str]:
    """Return the networks that a block is without those it leaves out: this kind has no exceptions.

    >>> networks(Block("10.0.0.0/30", ("10.0.0.0/31", "10.0.0.3/32")))
    ['10.0.0.2/32']
    """
    left = [ipaddress.ip_network(block.cidr)]
    for text in block.without:
        gap = ipaddress.ip_network(text)
        left = [part for one in left for part in _without(one, gap)]
    return [str(one) for one in sorted(left, key=lambda one: (int(one.network_address), one.prefixlen))]


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _without(one: _Network, gap: _Network) -> Sequence[_Network]:
    if isinstance(one, ipaddress.IPv4Network) and isinstance(gap, ipaddress.IPv4Network) and gap.subnet_of(one):
        return [*one.address_exclude(gap)]
    if isinstance(one, ipaddress.IPv6Network) and isinstance(gap, ipaddress.IPv6Network) and gap.subnet_of(one):
        return [*one.address_exclude(gap)]
    return [one]


def _port(port: Port) -> Iterator[str]:
    yield f"        - {port.protocol.lower()}:"
    yield "            destinationPort:"
    if not port.is_range:
        yield f"              number: {port.number}"
        return
    yield "              range:"
    yield f"                start: {port.number}"
    yield f"                end: {port.last}"
