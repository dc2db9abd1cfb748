"""What rules must be told of: kinds of events, and of files only some paths, so that a sensor may keep the rest to itself.

A condition is looked at twice at once: for which paths may it be true, and for which may it be false. What is not
understood may be both, so nothing that a rule could ask for is ever left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from plimsoll.rules import compile as graphs
from plimsoll.rules import events, syntax
from plimsoll.rules.ruleset import Compiled, Ruleset

MOST = 4096
"""Paths that are told apart; a rule that names more wants any."""
_WILD = re.compile(r"[*?\[\\]")


class Places(NamedTuple):
    """Paths: these, and those that begin so; or any."""

    any: bool = False
    paths: frozenset[str] = frozenset()
    prefixes: frozenset[str] = frozenset()

    def __or__(self, other: Places) -> Places:
        found = Places(self.any or other.any, self.paths | other.paths, self.prefixes | other.prefixes)
        return ANY if found.any or found.size > MOST else found

    def __and__(self, other: Places) -> Places:
        """At most what is in both: the one that tells more."""
        return min(self, other, key=lambda one: (one.any, len(one.prefixes), one.size))

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.paths) + len(self.prefixes)


ANY, NONE = Places(any=True), Places()


class Needs(NamedTuple):
    """What some rules must be told of."""

    events: frozenset[str]
    """Kinds of events; all that there are where a rule names none."""
    read: Places
    """Files opened to be read,"""
    write: Places
    """those opened to be written,"""
    change: Places
    """and those made, moved, linked, removed, or given another mode."""


def needs(rules: Ruleset, source: str = "syscall", given: Callable[[str], bool] = lambda _: True) -> Needs:
    """Return what the rules of a source must be told of; those that ask for fields that are not `given` are left out.

    >>> from plimsoll.rules import ruleset
    >>> text = "- {rule: r, desc: d, condition: evt.type = openat and evt.is_open_read = true and fd.name = /etc/shadow,"
    >>> found = needs(ruleset.load([("r.yaml", text + " output: o, priority: info}")]))
    >>> sorted(found.events), sorted(found.read.paths), found.change.size
    (['openat'], ['/etc/shadow'], 0)
    """
    graph = rules.graphs[source]
    found = [rule for rule in rules.of(source) if all(map(given, graph.nodes[rule.node].columns))]
    kinds = frozenset().union(*(_named(graph.kinds(rule.node)) for rule in found))
    asked = _asked(graph)
    return Needs(kinds, *(_places(graph, found, asked, kinds & types, given) for types, given in _USES))


def _named(kinds: events.Kinds) -> frozenset[str]:
    return events.TYPES - kinds.names if kinds.all_but else kinds.names


OPENS = frozenset({"open", "openat", "openat2", "creat"})
CHANGES = frozenset({
    "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir",
    "mkdirat", "mknod", "mknodat", "truncate", "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat",
})  # fmt: skip
_USES: tuple[tuple[frozenset[str], dict[str, bool]], ...] = (
    (OPENS, {"evt.is_open_read": True, "evt.is_open_write": False, "evt.is_open_exec": False}),
    (OPENS, {"evt.is_open_write": True}),
    (CHANGES, {}),
)
"""The ways of using a file: kinds of events, and what they say of themselves."""


def _places(
    graph: graphs.Graph,
    rules: Iterable[Compiled],
    asked: Mapping[int, Places],
    types: Iterable[str],
    given: Mapping[str, bool],
) -> Places:
    """Return the files that rules may hold for, of events that are like this."""
    places = NONE
    for roots in {_settled(graph, rules, {"evt.type": name, **given}) for name in types}:
        found: dict[int, tuple[Places, Places]] = {}
        for number in graph.below(*roots):
            found[number] = _of(graph.nodes[number], number, found, asked)
        for number in roots:
            places |= found[number][0]
    return places


def _settled(graph: graphs.Graph, rules: Iterable[Compiled], given: Mapping[str, object]) -> frozenset[int]:
    """Return what is left of rules where some columns are known."""
    left = {rule.node for rule in rules}
    for column, value in given.items():
        leaves = ((number, graph.nodes[number].leaf) for number in graph.below(*left))
        truths = {number: _holds(leaf, value) for number, leaf in leaves if leaf and leaf.columns == (column,)}
        left = {*graph.given(left, column, truths).values()}
    return frozenset(left)


def _holds(leaf: graphs.Leaf, value: object) -> bool:
    return bool(leaf.test(value))


def _of(
    node: graphs.Node, number: int, found: Mapping[int, tuple[Places, Places]], asked: Mapping[int, Places]
) -> tuple[Places, Places]:
    """Return the paths for which a node may be true, and those for which it may be false."""
    if node.how == "constant":
        return (ANY, NONE) if number == graphs.TRUE else (NONE, ANY)
    if node.leaf:
        return asked.get(number, ANY), ANY
    parts = [found[part] for part in node.parts]
    if node.how == "not":
        return parts[0][1], parts[0][0]
    all_of, one_of = (0, 1) if node.how == "and" else (1, 0)
    both, either = ANY, NONE
    for part in parts:
        both, either = both & part[all_of], either | part[one_of]
    return (both, either) if node.how == "and" else (either, both)


def _asked(graph: graphs.Graph) -> dict[int, Places]:
    """Return the paths that tests of names ask for, by the number of the test."""
    found: dict[int, Places] = {}
    for key, number in graph._known.items():  # noqa: SLF001  the words of a test are kept nowhere else
        match key:
            case ("in", "fd.name" | "fd.directory" as column, frozenset() as texts):
                found[number] = _given(column, "in", texts)
            case (("fd.name" | "fd.directory" as column,), syntax.Check(syntax.Field(), operator, right)):
                found[number] = _given(column, operator, _texts(right))
    return found


def _texts(right: object) -> tuple[str, ...]:
    if isinstance(right, syntax.Values):
        return right.texts
    return (right,) if isinstance(right, str) else ()


def _given(column: str, operator: str, texts: Iterable[str]) -> Places:
    """Return the paths that have a name, or lie in a folder, that compares so."""
    places = NONE
    for text in texts:
        places |= _one(column, operator, text)
    return places if places.size else ANY


def _one(column: str, operator: str, text: str) -> Places:
    plain = _WILD.split(text)[0]
    match column, operator:
        case "fd.name", "=" | "==" | "in":
            return Places(paths=frozenset({text}))
        case "fd.directory", "=" | "==" | "in":
            return Places(prefixes=frozenset({text.rstrip("/") + "/"}))
        case _, "startswith":
            return Places(prefixes=frozenset({text}))
        case "fd.name", "pmatch" if plain == text:
            return Places(paths=frozenset({text}), prefixes=frozenset({text.rstrip("/") + "/"}))
        case "fd.name", "glob" | "pmatch" if plain.startswith("/"):
            return Places(prefixes=frozenset({plain}))
        case _:
            return ANY
