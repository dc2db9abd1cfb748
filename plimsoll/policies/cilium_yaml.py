"""Generated policies as CiliumNetworkPolicy documents: domain names as peers, nodes and the API server as entities.

Cilium learns the addresses of a name from the answers that pass its DNS proxy, so who is allowed a name has a DNS rule
that listens. Where a rule names nobody, as `- {}` does, its way is closed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from plimsoll.policies import yaml_lines
from plimsoll.policies.drafts import DNS, Dialect, Entity, Generated, Name, Pods, Policy, Port, Rule, Source
from plimsoll.policies.yaml_lines import comment, quoted

DIALECT = Dialect(domain_names=True, entities=True)
POD_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
MOST_PORTS = 40
"""Ports of one entry (the CRD's maxItems)."""
_API = ("cilium.io/v2", "CiliumNetworkPolicy")
_EVERYBODY = ("0.0.0.0/0", "::/0")
_Field = Literal["Endpoints", "Entities", "FQDNs", "CIDRSet"]


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    return yaml_lines.files(generated, default_deny, document)


def default_deny(namespace: str, why: str) -> str:
    """Return the policy that closes a namespace to all that no other policy allows."""
    head = yaml_lines.head(*_API, yaml_lines.DEFAULT_DENY, namespace)
    body = [f"  endpointSelector: {{}}{comment(why)}", "  ingress:", "    - {}", "  egress:", "    - {}", ""]
    return "\n".join([yaml_lines.MARK, *head, *body])


def document(policy: Policy) -> str:
    """Return the CiliumNetworkPolicy of a workload."""
    lines = [yaml_lines.MARK, *yaml_lines.head(*_API, policy.name, policy.workload.namespace, yaml_lines.notes(policy))]
    lines += yaml_lines.selecting("endpointSelector", policy.selector, "  ")
    listens = any(isinstance(source.peer, Name) for rule in policy.egress for source in rule.peers)
    for way, side, rules in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)):
        lines += [f"  {way}:"] if rules else [f"  {way}:", f"    - {{}}{comment('none was seen')}"]
        for rule in rules:
            lines += _rules(rule, side, policy.workload.namespace, listens=listens and way == "egress")
    return "\n".join([*lines, ""])


def _rules(rule: Rule, side: str, namespace: str, *, listens: bool) -> Iterator[str]:
    """Yield a rule as one for each sort of peers: Cilium takes one sort a rule."""
    sorts: dict[_Field, list[Source]] = {}
    for source in rule.peers:
        sorts.setdefault(_field(source), []).append(source)
    for field, sources in sorts.items():
        yield f"    - {side}{field}:"
        for source in sources:
            yield from _peer(source, namespace)
        yield "      toPorts:"
        yield from _ports(rule.ports, listens=listens)


def _field(source: Source) -> _Field:
    match source.peer:
        case Pods():
            return "Endpoints"
        case Entity():
            return "Entities"
        case Name():
            return "FQDNs"
        case block:
            return "Entities" if block.cidr in _EVERYBODY and not block.without else "CIDRSet"


def _peer(source: Source, namespace: str) -> Iterator[str]:
    match source.peer:
        case Pods() as pods:
            yield from _pods(pods, namespace, source.why)
        case Entity(name):
            yield f"        - {name}{comment(source.why)}"
        case Name(name):
            yield f"        - matchName: {quoted(name)}{comment(source.why)}"
        case block if _field(source) == "Entities":
            yield f"        - {'world-ipv6' if ':' in block.cidr else 'world-ipv4'}{comment(source.why)}"
        case block:
            yield f"        - cidr: {quoted(block.cidr)}{comment(source.why)}"
            yield from yaml_lines.listed("except", block.without, "          ")


def _pods(peer: Pods, namespace: str, why: str) -> Iterator[str]:
    """Yield the pods of a workload; without a namespace they are of the policy's own."""
    labels = peer.selector.labels
    if peer.namespace != namespace:
        labels = ((POD_NAMESPACE, peer.namespace), *labels)
    lines = [*yaml_lines.terms(labels, peer.selector.absent, "")]
    if not lines:
        yield f"        - {{}}{comment(why)}"
        return
    yield f"        - {lines[0]}{comment(why)}"
    yield from (f"          {line}" for line in lines[1:])


def _ports(ports: Sequence[Port], *, listens: bool) -> Iterator[str]:
    """Yield the ports of a rule, those of DNS apart where Cilium has to listen to its answers."""
    dns = [port for port in ports if listens and port.number == DNS and port.protocol != "SCTP"]
    rest = [port for port in ports if port not in dns]
    for part in yaml_lines.parts(dns, MOST_PORTS):
        yield from _entry(part)
        yield "          rules:"
        yield "            dns:"
        yield f'              - matchPattern: "*"{comment("Cilium learns from the answers what names lead to")}'
    for part in yaml_lines.parts(rest, MOST_PORTS):
        yield from _entry(part)


def _entry(ports: Sequence[Port]) -> Iterator[str]:
    yield "        - ports:"
    for port in ports:
        yield f"            - port: {quoted(str(port.number))}"
        yield f"              protocol: {quoted(port.protocol)}"
        if port.is_range:
            yield f"              endPort: {port.last}"
