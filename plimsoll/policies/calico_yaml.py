"""Generated policies as Calico's NetworkPolicy documents (projectcalico.org/v3): a rule for each peer and protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from plimsoll.policies import yaml_lines
from plimsoll.policies.blocks import Block
from plimsoll.policies.drafts import Dialect, Generated, Pods, Policy, Port, Rule, Source
from plimsoll.policies.separating import Selector
from plimsoll.policies.yaml_lines import comment, quoted

DIALECT = Dialect(port_names=True)
_API = ("projectcalico.org/v3", "NetworkPolicy")
_ODD_KEY, _ODD_VALUE = re.compile(r"[^A-Za-z0-9_./-]"), re.compile(r"[^ !#-&(-~]")


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    return yaml_lines.files(generated, default_deny, document)


def default_deny(namespace: str, why: str) -> str:
    """Return the policy that closes a namespace to all that no other policy allows."""
    head = yaml_lines.head(*_API, yaml_lines.DEFAULT_DENY, namespace)
    return "\n".join([yaml_lines.MARK, *head, f'  selector: "all()"{comment(why)}', *_types(), ""])


def document(policy: Policy) -> str:
    """Return Calico's NetworkPolicy of a workload."""
    lines = [yaml_lines.MARK, *yaml_lines.head(*_API, policy.name, policy.workload.namespace, yaml_lines.notes(policy))]
    lines += [f"  selector: {quoted(selector(policy.selector))}", *_types()]
    for way, side, rules in (("ingress", "source", policy.ingress), ("egress", "destination", policy.egress)):
        lines += [f"  {way}:"] if rules else [f"  {way}: []{comment('none was seen')}"]
        for rule in rules:
            lines += _rules(rule, side, policy.workload.namespace)
    return "\n".join([*lines, ""])


def selector(one: Selector) -> str:
    """Return a selector in Calico's words.

    >>> selector(Selector((("app", "web"),), ("canary",))), selector(Selector(()))
    ("app == 'web' && !has(canary)", 'all()')
    """
    told = [f"{_key(key)} == '{_ODD_VALUE.sub('?', value)}'" for key, value in one.labels]
    return " && ".join([*told, *(f"!has({_key(key)})" for key in one.absent)]) or "all()"


def _key(key: str) -> str:
    """Return a label's key; what no label's can hold selects nothing, and leads nowhere else."""
    return _ODD_KEY.sub("?", key)


def _types() -> list[str]:
    return ["  types:", "    - Ingress", "    - Egress"]


def _rules(rule: Rule, side: str, namespace: str) -> Iterator[str]:
    for source in rule.peers:
        for protocol in sorted({port.protocol for port in rule.ports}):
            ports = [port for port in rule.ports if port.protocol == protocol]
            yield "    - action: Allow"
            yield f"      protocol: {quoted(protocol)}"
            yield f"      {side}:{comment(source.why)}"
            yield from _peer(source, namespace)
            if side == "source":
                yield "      destination:"
            yield from _ports(ports)


def _peer(source: Source, namespace: str) -> Iterator[str]:
    """Yield a peer; this kind has none but pods and blocks."""
    match source.peer:
        case Pods(space, chosen, _):
            yield f"        selector: {quoted(selector(chosen))}"
            if space != namespace:
                named = Selector(((yaml_lines.NAMESPACE, space),))
                yield f"        namespaceSelector: {quoted(selector(named))}"
        case Block(cidr, without):
            yield from yaml_lines.listed("nets", [cidr], "        ")
            yield from yaml_lines.listed("notNets", without, "        ")


def _ports(ports: Sequence[Port]) -> Iterator[str]:
    yield "        ports:"
    for port in ports:
        if port.is_range:
            yield f"          - {quoted(f'{port.number}:{port.last}')}"
        else:
            yield f"          - {quoted(port.name) if port.name else port.number}"
