"""What is wrong with a rule file: Falco's code and words, the place, the offending text and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from plimsoll.rules import marked

FIXES = {
    "LOAD_ERR_FILE_READ": "give a file that can be read, as UTF-8",
    "LOAD_ERR_YAML_PARSE": "mend the YAML: quote texts that hold `: ` or ` #`, and indent with blanks",
    "LOAD_ERR_YAML_VALIDATE": "see the keys of lists, macros and rules in docs/rules.md",
    "LOAD_ERR_VALIDATE": "mend the definition or the order of the files",
    "LOAD_ERR_COMPILE_CONDITION": "mend the condition here, or require the plugin that has the field; fields and operators are in docs/rules.md",
    "LOAD_ERR_COMPILE_OUTPUT": "write an existing field behind each %",
    "LOAD_UNKNOWN_SOURCE": "we have events of the sources syscall and k8s_audit",
    "LOAD_UNSAFE_NA_CHECK": "say `exists` instead of comparing with <NA>",
    "LOAD_NO_EVTTYPE": "say which events are meant: `evt.type in (…)`, or set `warn_evttypes: false`",
    "LOAD_UNKNOWN_FILTER": "the rule is left out; correct the field or upgrade",
    "LOAD_UNUSED_MACRO": "remove the macro, or use it",
    "LOAD_UNUSED_LIST": "remove the list, or use it",
    "LOAD_UNKNOWN_ITEM": "an item begins with list, macro, rule, required_engine_version or required_plugin_versions",
    "LOAD_DEPRECATED_ITEM": "replace it as the message says",
    "LOAD_APPEND_NO_VALUES": "give `values` to the exception",
    "LOAD_EXCEPTION_NAME_NOT_UNIQUE": "give each exception of a rule its own name",
    "LOAD_INVALID_MACRO_NAME": "use letters, digits and underscores, a letter first",
    "LOAD_INVALID_LIST_NAME": "use letters, digits and underscores, a letter first",
    "LOAD_COMPILE_CONDITION": "a value that looks like a field is taken as text: write val(field) to compare two fields",
    "LOAD_UNKNOWN_KEY": "correct the key's spelling, or remove it",
}
"""Code → what to do."""


class Problem(NamedTuple):
    """One error or warning."""

    level: Literal["error", "warning"]
    code: str
    message: str
    file: str
    line: int
    column: int
    item: str = ""
    """What it is in: `rule Terminal shell in container`."""
    text: str = ""
    """The offending text, and below it where in it."""

    @property
    def fix(self) -> str:
        """Return what to do about it."""
        return FIXES.get(self.code, "")


class Refused(Exception):
    """The error at which a file is given up."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def snippet(text: str, at: int, width: int = 100) -> str:
    r"""Return the line of a text that a place is in, cut around it, with a caret below.

    >>> print(snippet("a and\nb or or c", 11))
    b or or c
         ^
    """
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : len(text) if end < 0 else end]
    column = at - start
    first = max(0, column - width // 2) if len(line) > width else 0
    shown = "".join(char if char.isprintable() else " " for char in line[first : first + width])
    return f"{shown}\n{' ' * (column - first)}^"


def place(source: str, mark: marked.Mark, text: str, at: int) -> marked.Mark:
    r"""Return where in a file a place of a YAML text stands: blanks may differ there, letters do not.

    >>> place("condition: >\n  a and\n  b", marked.Mark(1, 12, 11), "a and b", 6)
    Mark(line=3, column=3, offset=23)
    """
    offset = _begin(source, mark.offset)
    for char in text[:at]:
        if char.isspace():
            continue
        offset = source.find(char, offset)
        if offset < 0:
            return mark
        offset += 1
    while offset < len(source) and source[offset].isspace() and at < len(text) and not text[at].isspace():
        offset += 1
    line = source.count("\n", 0, offset) + 1
    return marked.Mark(line, offset - source.rfind("\n", 0, offset), offset)


def _begin(source: str, offset: int) -> int:
    """Return where a scalar's text begins, behind its quote or block mark."""
    first = source[offset : offset + 1]
    if first in (">", "|") and first:
        end = source.find("\n", offset)
        return len(source) if end < 0 else end
    return offset + (first in ("'", '"') and bool(first))


def counted(problems: Sequence[Problem]) -> str:
    """Return how many errors and warnings these are.

    >>> counted([])
    '0 errors, 0 warnings'
    """
    bad = sum(problem.level == "error" for problem in problems)
    return f"{bad} error{'s'[: bad != 1]}, {len(problems) - bad} warning{'s'[: len(problems) - bad != 1]}"
