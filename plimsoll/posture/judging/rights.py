"""What rules of roles allow: verbs on resources of API groups, with wildcards, as catalogues of risky rights read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

from plimsoll.posture.objects import Object, listed, mapped, text


class Rule(NamedTuple):
    """A rule of a role."""

    verbs: frozenset[str]
    resources: frozenset[str]
    groups: frozenset[str]
    names: frozenset[str]


class Right(NamedTuple):
    """A right that one rule may give."""

    verbs: frozenset[str]
    resources: frozenset[str]
    groups: frozenset[str] = frozenset(("",))
    whole: bool = False
    """Of all objects; a rule that names some does not give it."""


def right(verbs: str, resources: str, groups: str = "core", *, whole: bool = False) -> Right:
    """Return a right, told in words; `core` stands for the group without a name.

    >>> sorted(right("get list", "secrets").verbs)
    ['get', 'list']
    """
    told = frozenset("" if group == "core" else group for group in groups.split())
    return Right(frozenset(verbs.split()), frozenset(resources.split()), told, whole)


_known: WeakKeyDictionary[Object, tuple[Rule, ...]] = WeakKeyDictionary()


def rules(role: Object) -> tuple[Rule, ...]:
    """Return the rules of a role about resources; they are read once."""
    found = _known.get(role)
    if found is None:
        found = _known[role] = tuple(_rule(one) for one in listed(role.body.get("rules")))
    return found


def _rule(told: object) -> Rule:
    rule = mapped(told)
    verbs, resources, groups, names = (
        frozenset(text(one) for one in listed(rule.get(name)))
        for name in ("verbs", "resources", "apiGroups", "resourceNames")
    )
    return Rule(verbs, resources, groups, names)


def gives(rule: Rule, wanted: Right) -> bool:
    """Say whether a rule gives a right.

    >>> rule = _rule({"verbs": ["*"], "resources": ["pods/*"], "apiGroups": [""]})
    >>> gives(rule, right("create", "pods/exec")), gives(rule, right("create", "pods"))
    (True, False)
    """
    if wanted.whole and rule.names:
        return False
    return (
        _meets(rule.verbs, wanted.verbs)
        and _meets(rule.groups, wanted.groups)
        and any(_names(rule.resources, resource) for resource in wanted.resources)
    )


def _meets(held: frozenset[str], wanted: frozenset[str]) -> bool:
    return "*" in held or not held.isdisjoint(wanted)


def _names(held: frozenset[str], resource: str) -> bool:
    """Say whether resources of a rule name one; `pods/*` names all that is below pods, as catalogues read it."""
    if resource in held or "*" in held:
        return True
    above, slash, below = resource.partition("/")
    return bool(slash) and (f"{above}/*" in held or f"*/{below}" in held)


def given(role: Object, wanted: tuple[Right, ...]) -> Iterator[int]:
    """Yield the numbers of the rules of a role that give any of these rights."""
    for number, rule in enumerate(rules(role)):
        if any(gives(rule, one) for one in wanted):
            yield number
