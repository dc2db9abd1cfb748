"""Trees become a graph of tests: equal parts are one node, so that each is looked at once however often rules say it.

A leaf is one test of one column (or, rarely, of several columns together). It is false where its column has no
value, so that every node is true or false and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import polars as pl

from plimsoll.rules import events, fields, operators, syntax, transform

FALSE, TRUE = 0, 1
"""The first two nodes of every graph."""
DEEPEST = 300
"""Nodes below one another; evaluation goes down them."""


class Leaf(NamedTuple):
    """A test of an event's columns."""

    columns: tuple[str, ...]
    how: Literal["texts", "numbers", "rows"]
    """`texts`: once for each distinct text; `numbers`: on an array; `rows`: once for each distinct row of its columns."""
    test: Callable[..., bool]
    """Of the columns' values."""
    expression: pl.Expr | None = None
    numbers: Callable[[operators.Numbers], operators.Mask] | None = None
    quick: bool = True
    """Whether the test of one text costs about as little as a comparison."""


class Node(NamedTuple):
    """A part of a condition."""

    how: Literal["constant", "leaf", "and", "or", "not"]
    parts: tuple[int, ...] = ()
    leaf: Leaf | None = None
    columns: frozenset[str] = frozenset()
    depth: int = 0


class Invalid(ValueError):
    """A condition that means nothing; `at` is where in its text, `unknown` that it speaks of something we do not know."""

    def __init__(self, reason: str, at: int, *, unknown: bool = False) -> None:
        super().__init__(reason)
        self.at, self.unknown = at, unknown


class Graph:
    """The nodes of all conditions for one kind of source.

    >>> graph = Graph("syscall")
    >>> one = graph.add(syntax.parse("proc.name = sh or proc.name = bash"), {})
    >>> one == graph.add(syntax.parse("not not proc.name in (bash, sh)"), {}), sorted(graph.nodes[one].columns)
    (True, ['proc.name'])
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.nodes: list[Node] = [Node("constant"), Node("constant")]
        self._known: dict[object, int] = {}
        self._among: dict[int, tuple[str, frozenset[str]]] = {}
        """Leaves that say that a column is one of these texts."""
        self._gathered: dict[int, tuple[int, ...]] = {}

    def add(self, tree: syntax.Tree, macros: Mapping[str, int]) -> int:
        """Return the node of a tree, in which macros stand for nodes."""
        if isinstance(tree, syntax.Check):
            return self._check(tree)
        if isinstance(tree, syntax.Macro):
            if tree.name not in macros:
                raise Invalid(f"Undefined macro '{tree.name}' used in filter.", tree.at)
            return macros[tree.name]
        if isinstance(tree, syntax.Not):
            return self.negation(self.add(tree.of, macros))
        parts = [self.add(part, macros) for part in tree.parts]
        return self.conjunction(parts) if isinstance(tree, syntax.And) else self.disjunction(parts)

    def negation(self, part: int) -> int:
        """Return the node that is true where the part is not."""
        if part in (FALSE, TRUE):
            return 1 - part
        node = self.nodes[part]
        return node.parts[0] if node.how == "not" else self._put(Node("not", (part,)), ("not", part))

    def conjunction(self, parts: Iterable[int]) -> int:
        """Return the node that is true where all parts are."""
        kept = self._flat("and", parts)
        if FALSE in kept:
            return FALSE
        kept.pop(TRUE, None)
        return self._many("and", tuple(kept)) if kept else TRUE

    def disjunction(self, parts: Iterable[int]) -> int:
        """Return the node that is true where one part is."""
        kept = self._flat("or", parts)
        if TRUE in kept:
            return TRUE
        kept.pop(FALSE, None)
        merged = self._merged(kept)
        return self._many("or", tuple(merged)) if merged else FALSE

    def _flat(self, how: str, parts: Iterable[int]) -> dict[int, None]:
        kept: dict[int, None] = {}
        for part in parts:
            node = self.nodes[part]
            kept.update(dict.fromkeys(node.parts if node.how == how else (part,)))
        return kept

    def _merged(self, parts: dict[int, None]) -> list[int]:
        """Return alternatives with those that ask one column for a text put together."""
        sets: dict[str, list[int]] = {}
        for part in parts:
            if part in self._among:
                sets.setdefault(self._among[part][0], []).append(part)
        joined = {column: found for column, found in sets.items() if len(found) > 1}
        gone = {part for found in joined.values() for part in found}
        made = [
            self._one_of(column, frozenset().union(*(self._among[part][1] for part in found)))
            for column, found in joined.items()
        ]
        return [*dict.fromkeys([*made, *(part for part in parts if part not in gone)])]

    def _one_of(self, column: str, texts: frozenset[str]) -> int:
        meaning = operators.meaning("text", "in", sorted(texts))
        node = self._leaf(Leaf((column,), "texts", meaning.test, meaning.expression), ("in", column, texts))
        self._among[node] = (column, texts)
        return node

    def _many(self, how: Literal["and", "or"], parts: tuple[int, ...]) -> int:
        if len(parts) == 1:
            return parts[0]
        return self._put(Node(how, parts), (how, frozenset(parts)))

    def _put(self, node: Node, key: object) -> int:
        found = self._known.get(key)
        if found is not None:
            return found
        depth = 1 + max((self.nodes[part].depth for part in node.parts), default=0)
        if depth > DEEPEST:
            raise Invalid(f"macros nested more than {DEEPEST} deep", 0)
        columns = frozenset().union(*(self.nodes[part].columns for part in node.parts), node.columns)
        self.nodes.append(node._replace(depth=depth, columns=columns))
        self._known[key] = len(self.nodes) - 1
        return self._known[key]

    def _leaf(self, leaf: Leaf, key: object) -> int:
        return self._put(Node("leaf", (), leaf, frozenset(leaf.columns)), key)

    def _check(self, check: syntax.Check) -> int:
        key = check._replace(at=0)
        known = self._known.get(key)
        if known is not None:
            return known
        try:
            node = self._made(check)
        except fields.Unknown as unknown:
            raise Invalid(str(unknown), check.at, unknown=True) from None
        except operators.Invalid as wrong:
            raise Invalid(str(wrong), check.at) from None
        self._known[key] = node
        return node

    def _made(self, check: syntax.Check) -> int:
        left = check.left
        if isinstance(left, syntax.Field):
            field, kind = fields.resolve(left, self.source)
            if field.name in _EITHER:
                return self._either(check, kind)
            if field.name in _NETS:
                return self._test(check, transform.Operand("net", (_NETS[field.name],)))
            if field.name in fields.ANCESTORS and field.arg is None:
                return self._ancestors(check, kind, transform.key(field))
            if field.name == "evt.type":
                _known_types(check.right)
        return self._test(check, transform.operand(left, self.source))

    def _test(self, check: syntax.Check, left: transform.Operand) -> int:
        if isinstance(check.right, syntax.Field | syntax.Call):
            return self._of_two(check, left, check.right)
        texts, word = _texts(check.right)
        meaning = operators.meaning(left.type, check.operator, texts, word, is_list=left.is_list)
        among = left.read is None and left.type == "text" and not left.is_list and not word
        if among and check.operator in ("=", "in", "intersects"):
            return self._one_of(left.columns[0], frozenset(texts))
        return self._leaf(_leaf(left, meaning), (left.columns, check._replace(at=0)))

    def _of_two(self, check: syntax.Check, left: transform.Operand, other: syntax.Left) -> int:
        right = self._right(check.operator, left, other)
        columns = tuple(dict.fromkeys((*left.columns, *right.columns)))
        mine = tuple(columns.index(column) for column in left.columns)
        its = tuple(columns.index(column) for column in right.columns)

        def test(*values: Any) -> bool:
            one, two = left.value(*(values[at] for at in mine)), right.value(*(values[at] for at in its))
            if one is None or two is None:
                return False
            texts = two if isinstance(two, list) else [transform.as_text(two)]
            return operators.meaning(left.type, check.operator, texts, is_list=left.is_list).test(one)

        return self._leaf(Leaf(columns, "rows", test), check._replace(at=0))

    def _right(self, operator: str, left: transform.Operand, other: syntax.Left) -> transform.Operand:
        """Return what stands on the right, if it can be compared with what stands on the left."""
        if isinstance(other, syntax.Field):
            field, kind = fields.resolve(other, self.source)
            if kind.left_only or kind.filter_only:
                raise operators.Invalid(f"field '{field}' cannot be used on the right-hand side")
        right = transform.operand(other, self.source)
        if operator in ("pmatch", "regex") or left.type == "net":
            raise operators.Invalid(f"operator '{operator}' does not take a field on the right-hand side")
        plural = operator in ("in", "intersects")
        if left.type != right.type or (left.is_list != right.is_list and not plural):
            raise operators.Invalid("left and right-hand side fields have types that are not compatible")
        operators.check(left.type, operator, is_list=left.is_list)
        return right

    def _ancestors(self, check: syntax.Check, kind: fields.Kind, column: str) -> int:
        """Return the test that holds where one ancestor passes it; names come joined by blanks."""
        if isinstance(check.right, syntax.Field | syntax.Call):
            raise operators.Invalid("fields of ancestors cannot be compared with fields")
        texts, word = _texts(check.right)
        one = operators.meaning(kind.type, check.operator, texts, word).test
        read: Callable[[str], Any] = int if kind.type == "int64" else str

        def test(names: str) -> bool:
            return any(
                one(read(name)) for name in names.split(" ") if kind.type != "int64" or name.lstrip("-").isdecimal()
            )

        return self._leaf(Leaf((column,), "texts", test), (column, check._replace(at=0)))

    def _either(self, check: syntax.Check, kind: fields.Kind) -> int:
        """Return the test of both ends of a connection: `=` wants one of them, `!=` both.

        A socket of IP that has no address yet is compared as 0.0.0.0 or ::, port 0.
        """
        name = str(fields.resolve(check.left, self.source)[0]) if isinstance(check.left, syntax.Field) else ""
        if isinstance(check.right, syntax.Field | syntax.Call):
            raise operators.Invalid(f"field '{name}' can only be compared with values")
        check = _first_net(check) if name == "fd.net" else check
        ends = _EITHER[name]
        equal = check._replace(operator="=") if check.operator == "!=" else check
        tests = [self._test(equal, transform.Operand(kind.type, (end,))) for end in ends]
        told = [self._exists(end) for end in ends]
        texts, word = _texts(equal.right)
        passes = operators.meaning(kind.type, equal.operator, texts, word).test
        lost = {
            family: self.conjunction([self._one_of("fd.type", frozenset({family})), *map(self.negation, told)])
            for family in _NOWHERE
        }
        tests += [
            node for family, node in lost.items() if passes(_NOWHERE[family] if kind.type in ("address", "net") else 0)
        ]
        held = self.disjunction(tests)
        if check.operator != "!=":
            return held
        return self.conjunction([self.disjunction([*told, *lost.values()]), self.negation(held)])

    def _exists(self, column: str) -> int:
        kind = fields.CATALOGUE[self.source][column]
        leaf = _leaf(transform.Operand(kind.type, (column,)), operators.meaning(kind.type, "exists", ()))
        return self._leaf(leaf, ("exists", column))

    def kinds(self, node: int) -> events.Kinds:
        """Return the kinds of events that a node can be true for, as its tests of evt.type tell."""
        found: dict[int, tuple[events.Kinds, events.Kinds]] = {}
        for number in self.below(node):
            found[number] = self._kinds(self.nodes[number], number, found)
        return found[node][0]

    def _kinds(
        self, node: Node, number: int, found: Mapping[int, tuple[events.Kinds, events.Kinds]]
    ) -> tuple[events.Kinds, events.Kinds]:
        """Return the kinds for which a node may be true, and those for which it may be false."""
        every = events.EVERY
        if node.how == "constant":
            return (every, events.Kinds()) if number == TRUE else (events.Kinds(), every)
        if node.leaf:
            if node.leaf.columns != ("evt.type",):
                return every, every
            true = events.Kinds(name for name in events.TYPES if node.leaf.test(name))
            return true, ~true
        parts = [found[part] for part in node.parts]
        if node.how == "not":
            return parts[0][1], parts[0][0]
        all_of, one_of = (0, 1) if node.how == "and" else (1, 0)
        both, either = every, events.Kinds()
        for part in parts:
            both, either = both & part[all_of], either | part[one_of]
        return (both, either) if node.how == "and" else (either, both)

    def gathered(self, number: int) -> tuple[int, ...]:
        """Return the parts of a node, those about one and the same column as one part: its texts are judged once.

        >>> graph = Graph("syscall")
        >>> node = graph.add(syntax.parse("fd.name contains a and fd.num = 1 and fd.name contains b"), {})
        >>> [sorted(graph.nodes[part].columns) for part in graph.gathered(node)]
        [['fd.num'], ['fd.name']]
        """
        if number not in self._gathered:
            how, parts = self.nodes[number].how, self.nodes[number].parts
            groups: dict[object, list[int]] = {}
            for part in parts:
                columns = self.nodes[part].columns
                groups.setdefault(columns if len(columns) == 1 else part, []).append(part)
            made = [self._many("and" if how == "and" else "or", tuple(group)) for group in groups.values()]
            made = made if len(made) > 1 else [*parts]
            self._gathered[number] = tuple(
                sorted(made, key=lambda part: (len(self.nodes[part].columns), self.nodes[part].depth))
            )
        return self._gathered[number]

    def below(self, *roots: int) -> list[int]:
        """Return these nodes and all they are made of, parts first."""
        seen: set[int] = set()
        waiting = [*roots]
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting += self.nodes[number].parts
        return sorted(seen)  # a node is numbered after its parts

    def given(self, roots: Iterable[int], column: str, truths: Mapping[int, bool]) -> dict[int, int]:
        """Return what is left of each node where the leaves of a column are known to be true or false."""
        roots = [*roots]
        left: dict[int, int] = {}
        for number in self.below(*roots):
            node = self.nodes[number]
            if column not in node.columns:
                left[number] = number
            elif node.leaf:
                left[number] = int(truths[number]) if number in truths else number
            elif node.how == "not":
                left[number] = self.negation(left[node.parts[0]])
            else:
                join = self.conjunction if node.how == "and" else self.disjunction
                left[number] = join(left[part] for part in node.parts)
        return {root: left[root] for root in roots}


_EITHER = {
    "fd.ip": ("fd.cip", "fd.sip"),
    "fd.port": ("fd.cport", "fd.sport"),
    "fd.net": ("fd.cip", "fd.sip"),
    "fd.proto": ("fd.cport", "fd.sport"),
}
_NOWHERE = {"ipv4": "0.0.0.0", "ipv6": "::"}  # noqa: S104  no socket is opened
"""fd.type → the address of a socket that has none."""
_NETS = {"fd.cnet": "fd.cip", "fd.snet": "fd.sip", "fd.lnet": "fd.lip", "fd.rnet": "fd.rip"}


def _first_net(check: syntax.Check) -> syntax.Check:
    """Return the check as Falco makes it: of several nets `fd.net in` looks at the first."""
    if check.operator in ("in", "intersects") and isinstance(check.right, syntax.Values) and check.right.texts:
        for text in check.right.texts:
            operators.net(text)
        return check._replace(operator="=", right=check.right.texts[0])
    return check


def _known_types(right: object) -> None:
    texts, _ = _texts(right)
    for text in texts:
        if text not in events.TYPES:
            raise fields.Unknown(f"unknown event type {text}")


def _texts(right: object) -> tuple[tuple[str, ...], str]:
    if isinstance(right, syntax.Values):
        return right.texts, right.word
    return ((right,) if isinstance(right, str) else ()), ""


def _leaf(left: transform.Operand, meaning: operators.Meaning) -> Leaf:
    if left.read is None and not left.is_list:
        if left.type in ("text", "bytes", "address", "net"):
            return Leaf(left.columns, "texts", meaning.test, meaning.expression, quick=meaning.quick)
        return Leaf(left.columns, "numbers", meaning.test, None, meaning.numbers)

    def test(*values: Any) -> bool:
        value = left.value(*values)
        return value is not None and meaning.test(value)

    return Leaf(left.columns, "rows", test)
