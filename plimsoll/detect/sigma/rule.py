"""A Sigma rule: YAML by anybody's hand, read with its places into searches and a condition.

Only what a rule over one audit event can mean is taken; anything else is refused with its line and the reason, never
guessed at. Tags of YAML mean nothing, aliases cost what they stand for, everything is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from plimsoll.detect.sigma import condition, fields, values
from plimsoll.detect.sigma.problems import Unusable, shown
from plimsoll.rules import marked

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: dict[str, Severity] = {
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "informational": "info",
}
MOST_SEARCHES, MOST_VALUES = 200, 5_000
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_SKIPPED = ("deprecated", "unsupported")


class Tests(NamedTuple):
    """Tests that must all hold, or any of them."""

    nodes: tuple[Search, ...]
    every: bool


Search = values.Test | Tests


class Rule(NamedTuple):
    """What is looked for, and what is said of it."""

    id: str
    title: str
    description: str
    severity: Severity
    attack: tuple[str, ...]
    searches: Mapping[str, Search]
    condition: condition.Node
    fields: tuple[fields.Field, ...]
    """All that it asks for, each once."""


class Foreign(NamedTuple):
    """A rule about another log, or one that its author has withdrawn."""

    about: str
    mark: marked.Mark


def rules(text: str, name: str) -> Iterator[Rule | Foreign]:
    """Yield the rules of a file; `name` stands in where a rule has no id. Raise Unusable where one cannot be used."""
    try:
        documents = marked.documents(text)
    except marked.Unreadable as broken:
        raise Unusable(str(broken), broken.mark) from None
    for document in documents:
        yield _rule(_mapping(document, "a Sigma rule"), name)


def _rule(told: marked.Mapping, name: str) -> Rule | Foreign:
    for key in ("correlation", "action", "filter"):
        if key in told.keys:
            raise Unusable(f"{key!r} is not supported: a rule judges one event by itself", told.keys[key].mark)
    source = _mapping(_needed(told, "logsource"), "logsource")
    about = {key: _word(source, key) for key in ("product", "service", "category", "application")}
    if not _ours(about) or _word(told, "status") in _SKIPPED:
        shown_as = ", ".join(f"{key} {shown(value)}" for key, value in about.items() if value) or "nothing"
        withdrawn = f", status {_word(told, 'status')}" if _ours(about) else ""
        return Foreign(shown_as + withdrawn, source.mark)
    detection = _mapping(_needed(told, "detection"), "detection")
    searches = dict(_searches(detection))
    level = _word(told, "level") or "medium"
    if level not in SEVERITIES:
        raise Unusable(f"level {shown(level)!r} is none of {', '.join(SEVERITIES)}", told.keys["level"].mark)
    return Rule(
        _word(told, "id") or name,
        _text(told, "title") or name,
        _text(told, "description"),
        SEVERITIES[level],
        tuple(_techniques(told)),
        searches,
        _condition(_needed(detection, "condition"), [*searches]),
        tuple(dict.fromkeys(one for search in searches.values() for one in _fields(search))),
    )


def _ours(about: Mapping[str, str]) -> bool:
    kubernetes = "kubernetes" in (about["product"], about["application"])
    return kubernetes and about["service"] in ("", "audit") and about["category"] in ("", "application", "audit")


def _needed(told: marked.Mapping, key: str) -> marked.Node:
    if key not in told.keys:
        raise Unusable(f"a rule without `{key}`", told.mark)
    return told.keys[key]


def _mapping(node: marked.Node, what: str) -> marked.Mapping:
    if not isinstance(node, marked.Mapping):
        raise Unusable(f"{what} is a mapping", node.mark)
    return node


def _text(told: marked.Mapping, key: str) -> str:
    node = told.keys.get(key)
    if node is None:
        return ""
    if not isinstance(node, marked.Scalar):
        raise Unusable(f"`{key}` is a text", node.mark)
    return "" if node.is_null else " ".join(node.text.split())


def _word(told: marked.Mapping, key: str) -> str:
    return _text(told, key).lower()


def _techniques(told: marked.Mapping) -> Iterator[str]:
    node = told.keys.get("tags")
    for tag in node.items if isinstance(node, marked.Sequence) else ():
        if isinstance(tag, marked.Scalar) and (found := _TECHNIQUE.fullmatch(tag.text.strip())):
            yield found[1].upper()


def _condition(node: marked.Node, names: list[str]) -> condition.Node:
    """Return the condition; of a list any may hold."""
    several = node.items if isinstance(node, marked.Sequence) else (node,)
    found = []
    for one in several:
        if not isinstance(one, marked.Scalar):
            raise Unusable("a condition is a text, or a list of texts", one.mark)
        try:
            found.append(condition.parse(one.text, names))
        except condition.Unreadable as broken:
            raise Unusable(str(broken), one.mark) from None
    if not found:
        raise Unusable("a condition is a text, or a list of texts", node.mark)
    return found[0] if len(found) == 1 else condition.Group(tuple(found), every=False)


def _searches(detection: marked.Mapping) -> Iterator[tuple[str, Search]]:
    if "timeframe" in detection.keys:
        raise Unusable("`timeframe` is not supported: a rule judges one event", detection.keys["timeframe"].mark)
    named = {name: node for name, node in detection.keys.items() if name != "condition"}
    if len(named) > MOST_SEARCHES or sum(map(_weight, named.values())) > MOST_VALUES:
        raise Unusable(f"more than {MOST_SEARCHES} searches or {MOST_VALUES:,} values", detection.mark)
    for name, node in named.items():
        yield name, _search(node)


def _weight(node: marked.Node) -> int:
    if isinstance(node, marked.Scalar):
        return 1
    inner = node.items if isinstance(node, marked.Sequence) else node.keys.values()
    return 1 + sum(map(_weight, inner))


def _search(node: marked.Node) -> Search:
    """Return a search: of a mapping all must hold, of a list any; a text alone is looked for in the whole event."""
    if isinstance(node, marked.Mapping):
        tests = tuple(_test(key, value) for key, value in node.keys.items())
        if not tests:
            raise Unusable("a search without fields", node.mark)
        return tests[0] if len(tests) == 1 else Tests(tests, every=True)
    if isinstance(node, marked.Sequence):
        if not node.items:
            raise Unusable("a search without fields", node.mark)
        return Tests(tuple(_search(one) for one in node.items), every=False)
    if node.is_null:
        raise Unusable("a search without fields", node.mark)
    return _made(fields.WHOLE, ("contains",), [node], node.mark)


def _test(key: str, value: marked.Node) -> Search:
    name, *modifiers = key.split("|")
    given = value.items if isinstance(value, marked.Sequence) else (value,)
    scalars = [one for one in given if isinstance(one, marked.Scalar)]
    if len(scalars) < len(given):
        odd = next(one for one in given if not isinstance(one, marked.Scalar))
        raise Unusable(f"{shown(key)}: a value is a text, a number or a list of them", odd.mark)
    if not name:
        return _made(fields.WHOLE, ("contains", *modifiers), scalars, value.mark)
    field = fields.field(name)
    if isinstance(field, str):
        raise Unusable(field, value.mark)
    return _made(field, modifiers, scalars, value.mark)


def _made(
    field: fields.Field, modifiers: tuple[str, ...] | list[str], scalars: list[marked.Scalar], mark: marked.Mark
) -> values.Test:
    words = [word.strip().lower() for word in modifiers]
    try:
        return values.test(field, words, [None if one.is_null else one.text for one in scalars])
    except values.Unusable as broken:
        raise Unusable(f"{shown(field.name) or 'keywords'}: {broken}", scalars[0].mark if scalars else mark) from None


def _fields(search: Search) -> Iterator[fields.Field]:
    if isinstance(search, Tests):
        for one in search.nodes:
            yield from _fields(one)
    else:
        yield search.field
