"""On which line of its file a field of an object stands."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

LARGEST = 1 << 22
"""Bytes of a file in which lines are looked for: a document's tree is some fifty times as large."""
_END = re.compile(rb"\n(?:---|\.\.\.)(?=[ \t\r\n]|\Z)")
_STEP = re.compile(r"\['?([^\]]*?)'?\]|([^.\[\]]+)")


class File:
    """The text of a file, in which documents begin on lines."""

    def __init__(self, text: bytes) -> None:
        """Take the text; a file that is too large has no lines."""
        self._text = text if len(text) <= LARGEST else b""
        self._starts = [0, *(found.end() for found in re.finditer(b"\n", self._text))]
        self._at = 0
        self._root: yaml.Node | None = None

    def line(self, document: int, field: str) -> int:
        r"""Return the line of a field, else of the innermost field around it that is there; 0 where it is not known.

        The document is told by its own line, from 1.

        >>> File(b"---\nspec:\n  containers:\n  - name: a\n    image: b").line(2, "spec.containers[0].image")
        5
        """
        if document != self._at:
            self._at, self._root = document, _tree(self._chunk(document))
        node, line = self._root, 0
        if node is None:
            return 0
        for step in steps(field):
            found = _inner(node, step)
            if found is None:
                break
            node, line = found
        return document + line

    def _chunk(self, line: int) -> bytes:
        """Return the document that begins on a line."""
        if not 0 < line <= len(self._starts):
            return b""
        start = self._starts[line - 1]
        end = _END.search(self._text, start + 1)
        return self._text[start : end.start() + 1] if end else self._text[start:]


def steps(field: str) -> Iterator[str]:
    """Yield the keys and numbers of a field.

    >>> list(steps("metadata.annotations['a.b/c'].x[0]"))
    ['metadata', 'annotations', 'a.b/c', 'x', '0']
    """
    for bracketed, name in _STEP.findall(field):
        yield bracketed or name


def _inner(node: yaml.Node, step: str) -> tuple[yaml.Node, int] | None:
    """Return what a key or number leads to, and its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):
            if key.value == step:
                return value, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        inner = node.value[int(step)]
        return inner, inner.start_mark.line
    return None


def _tree(text: bytes) -> yaml.Node | None:
    try:
        loader = yaml.CSafeLoader(text)
        return loader.get_node() if loader.check_node() else None
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError):
        return None
