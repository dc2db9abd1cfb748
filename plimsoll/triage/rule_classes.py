"""What may excuse which rule: a class that tickets speak of, and a list of rules that nothing excuses.

The tables are in `rules.json`: `never` names rules, of Falco and of ours, that are never muted; our own alerts
of the kinds in `never_kinds`, and of our rules those about a technique in `never_attack`, are not either.
`classes` groups rules that one ticket may allow together. A rule in none is a class of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources

import msgspec


class _Tables(msgspec.Struct, frozen=True):
    never: frozenset[str]
    never_kinds: frozenset[str]
    never_attack: frozenset[str]
    classes: dict[str, list[str]]


_TABLES = msgspec.json.decode(resources.files(__package__).joinpath("rules.json").read_bytes(), type=_Tables)
_CLASS_OF = {rule: name for name, rules in _TABLES.classes.items() for rule in rules}


def class_of(rule: str) -> str:
    """Return the class that a ticket must allow for this rule.

    >>> class_of("Terminal shell in container"), class_of("Write below etc")
    ('shell', 'Write below etc')
    """
    return _CLASS_OF.get(rule, rule)


def never_muted(rule: str, kind: str = "", attack: Collection[str] = ()) -> bool:
    """Say whether nothing excuses this rule: escapes, miners, tampering, rights over everything.

    >>> never_muted("Clear Log Activities"), never_muted("Run shell untrusted")
    (True, False)
    >>> never_muted("Logs deleted", "rule", ["T1070.002"]), never_muted("stolen token", "ledger")
    (True, True)
    """
    if rule in _TABLES.never or kind in _TABLES.never_kinds:
        return True
    return kind == "rule" and any(uid in _TABLES.never_attack or uid[:5] in _TABLES.never_attack for uid in attack)
