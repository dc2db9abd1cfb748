"""Calico's NetworkPolicy as the API writes it, as far as it only allows: selectors joined by `&&`, nets and ports.

What goes beyond that (denials, tiers of one's own, service accounts) is refused with its name rather than misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from plimsoll.policies import documents, intervals, policy, ports, selectors
from plimsoll.policies.documents import Part, Strict
from plimsoll.policies.selectors import Requirement

GROUPS = ("projectcalico.org", "crd.projectcalico.org")
KIND = "NetworkPolicy"
_NUMBERS = {6: "TCP", 17: "UDP", 132: "SCTP"}
_TOKEN = re.compile(
    r"""\s*(?:(?P<word>[A-Za-z0-9_./-]+)|(?P<text>"[^"]*"|'[^']*')|(?P<sign>==|!=|&&|\|\||[!(){},]))\s*"""
)
_LONGEST = 8192


class Entity(Strict, frozen=True):
    """One end of a rule."""

    selector: str = ""
    namespace_selector: str = ""
    nets: list[str] | None = None
    not_nets: list[str] | None = None
    ports: list[int | str] | None = None


class Rule(Strict, frozen=True):
    """What is allowed."""

    action: Literal["Allow"]
    protocol: str | int | None = None
    source: Entity = Entity()
    destination: Entity = Entity()
    metadata: Any = None


class Spec(Strict, frozen=True):
    """What a policy says; the order of what only allows is of no matter."""

    selector: str = ""
    types: list[Literal["Ingress", "Egress"]] | None = None
    ingress: list[Rule] | None = None
    egress: list[Rule] | None = None
    tier: Literal["default", ""] = ""
    order: float | None = None


class Document(Part, frozen=True):
    """A policy."""

    spec: Spec


_decode = msgspec.json.Decoder(Document).decode


def read(text: str | bytes, namespace: str, name: str) -> policy.Policy:
    """Return Calico's NetworkPolicy; raise ValueError (msgspec's is one) where it says what is not judged here.

    >>> told = '{"spec": {"selector": "all()", "egress": [{"action": "Allow", "destination": {"nets": ["10.0.0.0/8"]}}]}}'
    >>> read(told, "shop", "inside").egress[0].peers[0].text
    '10.0.0.0/8'
    """
    spec = _decode(text).spec
    title = f"Calico {KIND} {namespace}/{name}"
    types = spec.types or _default_types(spec)
    return policy.Policy(
        f"Calico {KIND}",
        namespace,
        name,
        "network",
        0,
        policy.Pods(namespace, selectors.EVERYTHING, selector(spec.selector)),
        tuple(_rules(spec.ingress or [], "ingress", title, namespace)) if "Ingress" in types else None,
        tuple(_rules(spec.egress or [], "egress", title, namespace)) if "Egress" in types else None,
    )


def _default_types(spec: Spec) -> list[Literal["Ingress", "Egress"]]:
    if spec.egress:
        return ["Ingress", "Egress"] if spec.ingress else ["Egress"]
    return ["Ingress"]


def _rules(told: Sequence[Rule], way: policy.Way, title: str, namespace: str) -> Iterator[policy.Rule]:
    for number, rule in enumerate(told, 1):
        here, there = (rule.destination, rule.source) if way == "ingress" else (rule.source, rule.destination)
        if msgspec.structs.replace(here, ports=None) != Entity() or rule.source.ports:
            raise ValueError(f"{way} rule {number}: it narrows its own end, which is not judged")
        peer = _peer(there, namespace)
        yield policy.Rule(f"{title}, {way} rule {number}", "allow", None if peer is None else (peer,), _ports(rule))


def _peer(told: Entity, namespace: str) -> policy.Peer | None:
    chosen, spaces = told.selector.strip(), told.namespace_selector.strip()
    if told.nets or told.not_nets:
        if chosen or spaces:
            raise ValueError("nets beside a selector are not judged")
        return _nets(told.nets or ["0.0.0.0/0", "::/0"], told.not_nets or [])
    if spaces:
        return policy.Pods(None, selector(spaces), selector(chosen))
    return policy.Pods(namespace, selectors.EVERYTHING, selector(chosen)) if chosen else None


def _nets(nets: Sequence[str], without: Sequence[str]) -> policy.Block:
    found = [documents.block(one, []) for one in nets]
    gaps = [documents.block(one, []) for one in without]
    text = ", ".join(one.text for one in found) + (f" except {', '.join(without)}" if without else "")
    whole, gap = (intervals.union(*(one.addresses for one in blocks)) for blocks in (found, gaps))
    return policy.Block(intervals.difference(whole, gap), text)


def _ports(rule: Rule) -> tuple[policy.PortRange, ...] | None:
    told = rule.destination.ports
    if rule.protocol is None:
        if told:
            raise ValueError("ports without a protocol")
        return None
    protocol = _NUMBERS.get(rule.protocol, "") if isinstance(rule.protocol, int) else rule.protocol.upper()
    if protocol not in ports.PROTOCOLS:
        return ()
    return tuple(_port(protocol, one) for one in told) if told else (policy.PortRange(protocol),)


def _port(protocol: str, told: int | str) -> policy.PortRange:
    low, _, high = str(told).partition(":")
    if not low.isdigit():
        return policy.PortRange(protocol, name=low)
    return documents.numbered(protocol, int(low), int(high or low))


def selector(text: str) -> selectors.Selector:
    """Return a selector of terms that must all hold; raise ValueError where it says more than that.

    >>> selector("app == 'web' && !has(old)")
    (Requirement(key='app', operator='In', values=('web',)), Requirement(key='old', operator='DoesNotExist', values=()))
    """
    found, tokens = set[Requirement](), [*_tokens(text)]
    while tokens:
        term = _term(tokens)
        found |= {term} if term else set()
        if tokens and tokens.pop(0) != "&&":
            raise ValueError(f"the selector {text[:100]!r} is not judged")
    return tuple(sorted(found))


def _tokens(text: str) -> Iterator[str]:
    place = 0
    if len(text) > _LONGEST:
        raise ValueError("a selector that is too long")
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"no selector: {text[:100]!r}")
        yield match[0].strip()
        place = match.end()


def _term(tokens: list[str]) -> Requirement | None:
    """Return the next term; None for `all()`."""
    match tokens:
        case ["all", "(", ")", *rest]:
            found = None
        case ["has", "(", key, ")", *rest]:
            found = Requirement(key, "Exists")
        case ["!", "has", "(", key, ")", *rest]:
            found = Requirement(key, "DoesNotExist")
        case [key, "==", value, *rest]:
            found = Requirement(key, "In", (_text(value),))
        case [key, "!=", value, *rest]:
            found = Requirement(key, "NotIn", (_text(value),))
        case [key, "in", "{", *rest]:
            found = Requirement(key, "In", _values(rest))
        case [key, "not", "in", "{", *rest]:
            found = Requirement(key, "NotIn", _values(rest))
        case _:
            raise ValueError(f"the selector's {' '.join(tokens)[:100]!r} is not judged")
    tokens[:] = rest
    return found


def _values(tokens: list[str]) -> tuple[str, ...]:
    """Return the values up to the closing brace, and take them away."""
    end = tokens.index("}")
    values = tuple(sorted(_text(one) for one in tokens[:end] if one != ","))
    del tokens[: end + 1]
    return values


def _text(token: str) -> str:
    if token[:1] not in ("'", '"'):
        raise ValueError(f"no text: {token[:100]!r}")
    return token[1:-1]
