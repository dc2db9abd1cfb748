"""A Sigma condition: which searches must hold, put together with and, or, not, `1 of`, `all of` and parentheses.

    condition = or ; or = and { "or" and } ; and = not { "and" not } ; not = "not" not | "(" or ")" | of | name
    of = ( "1" | "any" | "all" ) "of" ( "them" | name with * )

Names that begin with an underscore are not among `them` (Sigma specification 2, Rules).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

LONGEST = 4_000
DEEPEST = 40
_TOKEN = re.compile(r"\s*(\(|\)|\||[^\s()|]+)")
_PLAIN = re.compile(r"[\w.*-]+")


class Name(NamedTuple):
    """The search of this name."""

    name: str


class Not(NamedTuple):
    """What must not hold."""

    node: Node


class Group(NamedTuple):
    """Several of which all must hold, or any."""

    nodes: tuple[Node, ...]
    every: bool


Node = Name | Not | Group


class Unreadable(ValueError):
    """A text that is no condition."""


def parse(text: str, names: Sequence[str]) -> Node:
    """Return the tree of a condition over searches of these names.

    >>> parse("a and not 1 of b*", ["a", "b1", "b2"])
    Group(nodes=(Name(name='a'), Not(node=Group(nodes=(Name(name='b1'), Name(name='b2')), every=False))), every=True)
    >>> parse("a or", ["a"])
    Traceback (most recent call last):
    plimsoll.detect.sigma.condition.Unreadable: the condition ends where a search was expected
    """
    if len(text) > LONGEST:
        raise Unreadable(f"a condition of more than {LONGEST:,} characters")
    tokens = _TOKEN.findall(text)
    if "|" in tokens:
        raise Unreadable("counting (`| count() …`) is not supported: a rule judges one event")
    reader = _Reader(tokens, names)
    node = reader.either(0)
    if reader.next():
        raise Unreadable(f"{reader.next()!r} where the condition should end")
    return node


T = TypeVar("T")


class _Reader:
    def __init__(self, tokens: Sequence[str], names: Sequence[str]) -> None:
        self._tokens, self._names, self._at = tokens, names, 0

    def next(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _word(self, ahead: int = 0) -> str:
        return self.next(ahead).lower()

    def either(self, depth: int) -> Node:
        return self._several("or", lambda: self._both(depth), every=False)

    def _both(self, depth: int) -> Node:
        return self._several("and", lambda: self._one(depth), every=True)

    def _several(self, word: str, read: Callable[[], Node], *, every: bool) -> Node:
        nodes = [read()]
        while self._word() == word:
            self._at += 1
            nodes.append(read())
        return nodes[0] if len(nodes) == 1 else Group(tuple(nodes), every)

    def _one(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise Unreadable(f"nested more than {DEEPEST} deep")
        word = self.next()
        self._at += 1
        if not word:
            raise Unreadable("the condition ends where a search was expected")
        if word.lower() == "not":
            return Not(self._one(depth + 1))
        if word == "(":
            node = self.either(depth + 1)
            if self.next() != ")":
                raise Unreadable("a parenthesis is not closed")
            self._at += 1
            return node
        if self._word() == "of":
            return self._of(word)
        return self._named(word)

    def _of(self, many: str) -> Node:
        if many.lower() not in ("1", "any", "all"):
            raise Unreadable(f"`{many} of` is not supported; there are `1 of`, `any of` and `all of`")
        glob = self.next(1)
        self._at += 2
        if glob.lower() == "them":
            chosen = [name for name in self._names if not name.startswith("_")]
        else:
            chosen = [name for name in self._names if fnmatch.fnmatchcase(name, glob)] if _PLAIN.fullmatch(glob) else []
        if not chosen:
            raise Unreadable(f"no search is called {glob or 'so'}")
        return Group(tuple(map(Name, chosen)), many.lower() == "all")

    def _named(self, name: str) -> Node:
        if name not in self._names:
            raise Unreadable(f"no search is called {name}")
        return Name(name)
