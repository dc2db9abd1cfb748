"""Generated policies as NetworkPolicy documents: YAML with the reason beside each line, the same bytes for the same input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from plimsoll.policies.generate import Generated, Pods, Policy, Port, Rule
from plimsoll.policies.separating import Selector

MARK = "# Written by plimsoll policies generate; what is edited here is lost when it runs again."
"""First line of each file we write: others are never touched."""
DEFAULT_DENY = "default-deny"
_NAMESPACE = "kubernetes.io/metadata.name"
_PLAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")
_SIMPLE = re.compile(r"[ !#-\[\]-~]*")
_INDENT = "  "


def files(generated: Generated) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy."""
    found = {
        f"{_folder(space)}/{DEFAULT_DENY}.yaml": default_deny(space, _unseen(generated, space))
        for space in generated.namespaces
    }
    return found | {f"{_folder(one.workload.namespace)}/{one.name}.yaml": document(one) for one in generated.policies}


def _unseen(generated: Generated, space: str) -> list[str]:
    return [f"{key.kind}/{key.name}" for key in generated.unseen if key.namespace == space]


def _folder(namespace: str) -> str:
    """Return a folder's name; what is no namespace's name cannot lead elsewhere."""
    return namespace if _PLAIN.fullmatch(namespace) else "_" + namespace.encode().hex()[:200]


def default_deny(namespace: str, unseen: Sequence[str]) -> str:
    """Return the policy that closes a namespace to all that no other policy allows.

    >>> print(default_deny("shop", ["Job/migrate"]).partition("spec:")[2])
    <BLANKLINE>
      podSelector: {}  # every pod; closed too, though never seen: Job/migrate
      policyTypes:
        - Ingress
        - Egress
    <BLANKLINE>
    """
    closed = f"every pod; closed too, though never seen: {', '.join(unseen)}" if unseen else "every pod"
    return "\n".join([*_head(DEFAULT_DENY, namespace, ()), f"  podSelector: {{}}{_comment(closed)}", *_types(), ""])


def document(policy: Policy) -> str:
    """Return the NetworkPolicy of a workload."""
    lines = [*_head(policy.name, policy.workload.namespace, (f"For {policy.workload}.", *policy.notes))]
    lines += ["  podSelector:", *_selector(policy.selector, 2)] if _selects(policy.selector) else ["  podSelector: {}"]
    lines += _types()
    for way, side, rules in (("ingress", "from", policy.ingress), ("egress", "to", policy.egress)):
        lines += [f"  {way}:"] if rules else [f"  {way}: []{_comment('none was seen')}"]
        for rule in rules:
            lines += _rule(rule, side, policy.workload.namespace)
    return "\n".join([*lines, ""])


def _head(name: str, namespace: str, notes: Iterable[str]) -> Iterator[str]:
    yield MARK
    yield from (f"# {_printable(note)}" for note in notes)
    yield "apiVersion: networking.k8s.io/v1"
    yield "kind: NetworkPolicy"
    yield "metadata:"
    yield f"  name: {quoted(name)}"
    yield f"  namespace: {quoted(namespace)}"
    yield "  labels:"
    yield '    app.kubernetes.io/managed-by: "plimsoll"'
    yield "spec:"


def _types() -> list[str]:
    return ["  policyTypes:", "    - Ingress", "    - Egress"]


def _rule(rule: Rule, side: str, namespace: str) -> Iterator[str]:
    yield f"    - {side}:"
    for source in rule.peers:
        if isinstance(source.peer, Pods):
            yield from _pods(source.peer, namespace, source.why)
        else:
            yield f"        - ipBlock:{_comment(source.why)}"
            yield f"            cidr: {quoted(source.peer.cidr)}"
            if source.peer.without:
                yield "            except:"
                yield from (f"              - {quoted(cidr)}" for cidr in source.peer.without)
    yield "      ports:"
    for port in rule.ports:
        yield from _port(port)


def _pods(peer: Pods, namespace: str, why: str) -> Iterator[str]:
    if peer.namespace == namespace:
        yield (
            f"        - podSelector:{_comment(why)}"
            if _selects(peer.selector)
            else f"        - podSelector: {{}}{_comment(why)}"
        )
        yield from _selector(peer.selector, 6)
        return
    yield f"        - namespaceSelector:{_comment(why)}"
    yield "            matchLabels:"
    yield f"              {_NAMESPACE}: {quoted(peer.namespace)}"
    yield "          podSelector:" if _selects(peer.selector) else "          podSelector: {}"
    yield from _selector(peer.selector, 6)


def _port(port: Port) -> Iterator[str]:
    yield f"        - protocol: {quoted(port.protocol)}"
    yield f"          port: {quoted(port.name) if port.name else port.number}"
    if port.last is not None and port.last != port.number:
        yield f"          endPort: {port.last}"


def _selects(selector: Selector) -> bool:
    return bool(selector.labels or selector.absent)


def _selector(selector: Selector, depth: int) -> Iterator[str]:
    """Yield a selector's lines; one of nothing has been written as `{}`."""
    indent = _INDENT * depth
    if selector.labels:
        yield f"{indent}matchLabels:"
        yield from (f"{indent}  {quoted(key)}: {quoted(value)}" for key, value in selector.labels)
    if selector.absent:
        yield f"{indent}matchExpressions:"
    for key in selector.absent:
        yield f"{indent}  - key: {quoted(key)}"
        yield f"{indent}    operator: DoesNotExist"


def quoted(text: str) -> str:
    r"""Return a text as a YAML scalar that every reader takes for a text, YAML 1.1's too.

    >>> quoted("y"), quoted('a"b'), quoted("\u2028\U0001f600")
    ('"y"', '"a\\"b"', '"\\u2028\\U0001F600"')
    """
    if _SIMPLE.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isascii() and char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 1 << 16 else f"\\U{ord(char):08X}"


def _comment(text: str) -> str:
    return f"  # {_printable(text)}"


def _printable(text: str) -> str:
    """Return a text that stays in its line."""
    short = text[:1000]
    return short if short.isprintable() else "".join(char if char.isprintable() else "?" for char in short)
