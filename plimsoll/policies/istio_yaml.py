"""Generated policies as Istio's AuthorizationPolicy documents: who may call a workload, by the identity that mTLS proves.

An identity is a service account, so workloads that share one cannot be told apart. Only what calls in over TCP is
spoken of: Istio's proxies neither rule what goes out nor see other protocols.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from plimsoll.policies import yaml_lines
from plimsoll.policies.blocks import Block
from plimsoll.policies.drafts import Dialect, Generated, Pods, Policy, Port, Rule, Source
from plimsoll.policies.yaml_lines import comment, quoted

DIALECT = Dialect()
MOST_PORTS = 100
"""Ports of a range that are written out, as Istio knows no ranges."""
TRUST_DOMAIN = "cluster.local"
"""In Istio's policies it means the mesh's own, whatever its name."""
_API = ("security.istio.io/v1", "AuthorizationPolicy")


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    accounts = {str(one.workload): one.accounts for one in generated.policies}
    shared: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in generated.policies:
        for account in one.accounts:
            shared[one.workload.namespace, account].append(str(one.workload))
    return yaml_lines.files(generated, default_deny, lambda policy: document(policy, accounts, shared))


def default_deny(namespace: str, why: str) -> str:
    """Return the policy that closes a namespace: it allows, and names nobody."""
    head = [*yaml_lines.head(*_API, yaml_lines.DEFAULT_DENY, namespace)]
    return "\n".join([yaml_lines.MARK, *head[:-1], f"spec: {{}}{comment(why)}", ""])


def document(
    policy: Policy, accounts: Mapping[str, Sequence[str]], shared: Mapping[tuple[str, str], Sequence[str]]
) -> str | None:
    """Return the AuthorizationPolicy of a workload; None where it has no labels, as Istio would take it for all."""
    if not policy.selector.labels:
        return None
    unsaid = [
        f"pods with the label {key} are selected too: Istio has no way to leave them out"
        for key in policy.selector.absent
    ]
    notes = (*yaml_lines.notes(policy), *unsaid, *_unspoken(policy.ingress))
    lines = [yaml_lines.MARK, *yaml_lines.head(*_API, policy.name, policy.workload.namespace, notes)]
    lines += ["  selector:", *yaml_lines.terms(policy.selector.labels, (), "    "), "  action: ALLOW"]
    rules = [line for rule in policy.ingress for line in _rule(rule, accounts, shared)]
    return "\n".join([*lines, *(["  rules:", *rules] if rules else [f"  # {_NOBODY}"]), ""])


_NOBODY = "No rules: nobody who calls over TCP was seen."


def _unspoken(rules: Iterable[Rule]) -> Iterator[str]:
    told = sorted({f"{port.protocol} {port.number}" for rule in rules for port in rule.ports if port.protocol != "TCP"})
    if told:
        yield f"Not said, as Istio rules TCP alone: {', '.join(told)}"


def _rule(
    rule: Rule, accounts: Mapping[str, Sequence[str]], shared: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[str]:
    numbers = [number for port in rule.ports if port.protocol == "TCP" for number in _numbers(port)]
    wide = any(port.protocol == "TCP" and not [*_numbers(port)] for port in rule.ports)
    if not numbers and not wide:
        return
    yield "    - from:"
    for source in rule.peers:
        yield f"        - source:{comment(source.why)}"
        yield from _source(source, accounts, shared)
    if wide:
        yield f"      # At any port: those that were seen are more than {MOST_PORTS}, and Istio knows no ranges."
        return
    yield "      to:"
    yield "        - operation:"
    yield from yaml_lines.listed("ports", map(str, numbers), "            ")


def _numbers(port: Port) -> Iterable[int]:
    """Return the ports of a range one by one; none where they are too many."""
    last = port.last or port.number
    return range(port.number, last + 1) if last - port.number < MOST_PORTS else ()


def _source(
    source: Source, accounts: Mapping[str, Sequence[str]], shared: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[str]:
    """Yield who calls: the service accounts of a workload, its namespace where they are not told, or addresses."""
    match source.peer:
        case Pods(namespace, _, workload):
            named = accounts.get(workload) or ()
            yield f"            {'principals' if named else 'namespaces'}:"
            for account in named:
                others = [one for one in shared[namespace, account] if one != workload]
                why = f"also of {', '.join(others[:3])}{' …' if others[3:] else ''}" if others else ""
                yield f"              - {quoted(f'{TRUST_DOMAIN}/ns/{namespace}/sa/{account}')}{comment(why)}"
            if not named:
                yield f"              - {quoted(namespace)}{comment('its service account is not known')}"
        case Block(cidr, without):
            yield from yaml_lines.listed("ipBlocks", [cidr], "            ")
            yield from yaml_lines.listed("notIpBlocks", without, "            ")
