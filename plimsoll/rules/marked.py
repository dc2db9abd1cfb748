"""YAML with its places: the values of rule files, each with the line and column where it stands.

Built from the parser's events: depth and weight are bounded while the text is read, tags mean nothing,
and an alias costs what it stands for.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import yaml

DEEPEST = 50
HEAVIEST = 20_000_000
"""Values of one file, those that aliases stand for as well."""


class Mark(NamedTuple):
    """A place in a file: line and column from 1, and the offset in its text."""

    line: int = 1
    column: int = 1
    offset: int = 0


class Scalar(NamedTuple):
    """A text; `plain` says that it was not quoted, so that it may mean nothing, a number or yes."""

    text: str
    plain: bool
    mark: Mark

    @property
    def is_null(self) -> bool:
        """Say whether this means nothing."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


class Sequence(NamedTuple):
    """Values in order."""

    items: tuple[Node, ...]
    mark: Mark


class Mapping(NamedTuple):
    """Keys, each with its value; of one that is given twice the first counts."""

    keys: dict[str, Node]
    mark: Mark


Node = Scalar | Sequence | Mapping


class Unreadable(ValueError):
    """A text that is no YAML, and where."""

    def __init__(self, reason: str, mark: Mark) -> None:
        super().__init__(reason)
        self.mark = mark


class _Open(NamedTuple):
    """A collection that has not ended."""

    anchor: str | None
    mark: Mark
    found: list[Node]
    is_mapping: bool
    before: int
    """Values read before it."""


def documents(text: str) -> list[Node]:
    r"""Return the documents of a text, empty ones left out.

    >>> [document.mark for document in documents("---\n- a\n---\n---\nb: c\n")]
    [Mark(line=2, column=1, offset=4), Mark(line=5, column=1, offset=16)]
    """
    try:
        return _Builder().built(yaml.CSafeLoader(text))
    except yaml.MarkedYAMLError as broken:
        where = broken.problem_mark or broken.context_mark
        mark = _mark(where) if where else Mark()
        raise Unreadable(" ".join(filter(None, (broken.context, broken.problem))) or "no YAML", mark) from None
    except (yaml.YAMLError, UnicodeError) as broken:
        raise Unreadable(str(broken).partition("\n")[0] or "no YAML", Mark()) from None


def _mark(where: Any) -> Mark:
    """Return a place as PyYAML tells it, in C or in Python."""
    return Mark(where.line + 1, where.column + 1, where.index)


class _Builder:
    """The documents so far, the collections that are open, and what anchors name."""

    def __init__(self) -> None:
        self._documents: list[Node] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._weight = 0

    def built(self, parser: yaml.CSafeLoader) -> list[Node]:
        """Return what the parser's events make."""
        while (event := parser.get_event()) is not None:
            mark = _mark(event.start_mark)
            if isinstance(event, yaml.ScalarEvent):
                self._add(Scalar(event.value, bool(event.implicit[0]) and not event.style, mark), event.anchor, 1)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event, mark)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                node, weight = self._anchors.get(event.anchor or "") or _fail(f"unknown alias {event.anchor}", mark)
                self._add(node, None, weight)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
        return [one for one in self._documents if not (isinstance(one, Scalar) and one.is_null)]

    def _begin(self, event: yaml.CollectionStartEvent, mark: Mark) -> None:
        if len(self._open) >= DEEPEST:
            _fail(f"nested more than {DEEPEST} deep", mark)
        self._open.append(_Open(event.anchor, mark, [], isinstance(event, yaml.MappingStartEvent), self._weight))

    def _end(self) -> None:
        last = self._open.pop()
        node = _mapping(last) if last.is_mapping else Sequence(tuple(last.found), last.mark)
        weight = self._weight - last.before + 1
        self._weight = last.before
        self._add(node, last.anchor, weight)

    def _add(self, node: Node, anchor: str | None, weight: int) -> None:
        self._weight += weight
        if self._weight > HEAVIEST:
            _fail("the file stands for too much", node.mark)
        if anchor:
            self._anchors[anchor] = (node, weight)
        (self._open[-1].found if self._open else self._documents).append(node)


def _mapping(last: _Open) -> Mapping:
    keys: dict[str, Node] = {}
    for key, node in zip(last.found[::2], last.found[1::2], strict=True):
        if not isinstance(key, Scalar):
            _fail("a key that is no text", key.mark)
        keys.setdefault(key.text, node)
    return Mapping(keys, last.mark)


def _fail(reason: str, mark: Mark) -> NoReturn:
    raise Unreadable(reason, mark)
