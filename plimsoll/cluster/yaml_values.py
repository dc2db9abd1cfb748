"""YAML as Kubernetes reads it: values without tags of their own, no dates, no base 60, and no bomb.

Built from the parser's events, not by PyYAML's constructors: memory and depth are bounded while the
text is read, and an alias costs what it stands for.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

HEAVIEST = 1 << 28
"""Weight of one document: its letters, and NODE for each value, those that aliases stand for as well."""
NODE = 32
DEEPEST = 100
_SHOWN = 60

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_WORDS: dict[str, bool | None] = (
    dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True)
    | dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
)
_NUMERIC = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"([-+]?)0o?([0-7]+)")
_HEXADECIMAL = re.compile(r"([-+]?)0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 400
_INT64 = range(-(2**63), 2**64)


class Unreadable(ValueError):
    """A text that is no YAML value; `line` counts from 0 within it."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


class _Open(NamedTuple):
    """A collection whose end has not come."""

    value: dict[str, Any] | list[Any]
    keys: list[str]
    """The key that waits for its value; empty where none does."""
    merged: list[dict[str, Any]]
    """What `<<` brings in."""
    anchor: str | None
    weight: int
    """What had been read when it began."""


def value(text: bytes) -> Any:
    r"""Return the value of one document, None where it is empty; raise Unreadable where it is none.

    >>> value(b"mode: 0644\nsize: 1:30\nday: 2026-01-01\non: {all: [yes, 1.5, ~]}")
    {'mode': 420, 'size': '1:30', 'day': '2026-01-01', 'on': {'all': [True, 1.5, None]}}
    >>> value(b"a: &same {b: 1}\nc: *same\nd: {<<: *same, e: 2}")
    {'a': {'b': 1}, 'c': {'b': 1}, 'd': {'e': 2, 'b': 1}}
    """
    try:
        return _Builder().built(yaml.CSafeLoader(text))
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line if broken.problem_mark else 0
        raise Unreadable(str(broken.problem or broken.context or "no YAML"), line) from None
    except yaml.YAMLError as broken:
        raise Unreadable(str(broken).partition("\n")[0] or "no YAML") from None


class _Builder:
    """The value so far, and what its anchors name."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._weight = 0
        self._whole: list[Any] = []

    def built(self, events: yaml.CSafeLoader) -> Any:
        try:
            while (event := events.get_event()) is not None:
                try:
                    self._take(event)
                except Unreadable as broken:
                    raise Unreadable(str(broken), event.start_mark.line if event.start_mark else 0) from None
        finally:
            events.dispose()
        return self._whole[0] if self._whole else None

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._weigh(NODE + len(event.value))
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "")

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight > HEAVIEST:
            raise Unreadable("the document stands for too much")

    def _waits_for_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and not self._stack[-1].keys

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._waits_for_key():
            self._stack[-1].keys.append(event.value)  # the keys of JSON are strings
            return
        made = _scalar(event.value, event.tag, plain=event.implicit[0])
        if event.anchor:
            self._anchors[event.anchor] = (made, NODE + len(event.value))
        self._put(made)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, empty: dict[str, Any] | list[Any]) -> None:
        if event.tag not in _COLLECTIONS:
            raise Unreadable(f"a tag Kubernetes does not know: {event.tag[:_SHOWN]}")
        if self._waits_for_key():
            raise Unreadable("a key that is no text")
        if len(self._stack) >= DEEPEST:
            raise Unreadable(f"nested deeper than {DEEPEST}")
        self._weigh(NODE)
        self._stack.append(_Open(empty, [], [], event.anchor, self._weight))

    def _close(self) -> None:
        done = self._stack.pop()
        if isinstance(done.value, dict):
            for base in done.merged:
                for key, inherited in base.items():
                    done.value.setdefault(key, inherited)
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._weight - done.weight + NODE)
        self._put(done.value)

    def _alias(self, anchor: str) -> None:
        if anchor not in self._anchors:
            raise Unreadable(f"an alias of nothing: {anchor[:_SHOWN]}")
        meant, weight = self._anchors[anchor]
        self._weigh(weight)
        if not self._waits_for_key():
            self._put(meant)
        elif isinstance(meant, str):
            self._stack[-1].keys.append(meant)
        else:
            raise Unreadable("a key that is no text")

    def _put(self, made: Any) -> None:
        if not self._stack:
            self._whole.append(made)
            return
        within = self._stack[-1]
        if isinstance(within.value, list):
            within.value.append(made)
        elif (key := within.keys.pop()) == "<<":
            within.merged.extend(_bases(made))
        else:
            within.value[key] = made


def _bases(made: Any) -> list[dict[str, Any]]:
    """Return the mappings a merge key names, the strongest first."""
    bases = made if isinstance(made, list) else [made]
    if not all(isinstance(base, dict) for base in bases):
        raise Unreadable("a merge of what is no mapping")
    return bases


def _scalar(text: str, tag: str | None, *, plain: bool) -> Any:
    if tag in (None, "!") or tag == f"{_TAG}str":
        return _plain(text) if plain and tag is None else text
    if tag in (f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"):
        return _plain(text)
    raise Unreadable(f"a tag Kubernetes does not know: {tag[:_SHOWN]}")


def _plain(text: str) -> Any:
    """Return what an unquoted text means; a number is one only as JSON could write it, or octal or hexadecimal.

    >>> _plain("10"), _plain("0x1f"), _plain("1e3"), _plain("1.2.3"), _plain("1_000"), _plain("12:30:45")
    (10, 31, 1000.0, '1.2.3', '1_000', '12:30:45')
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC or len(text) > _LONGEST_NUMBER:
        return text
    if _DECIMAL.fullmatch(text):
        return _integer(text, 10)
    for base, pattern in ((8, _OCTAL), (16, _HEXADECIMAL)):
        if found := pattern.fullmatch(text):
            return _integer(found[1] + found[2], base)
    return float(text) if _FLOAT.fullmatch(text) else text


def _integer(digits: str, base: int) -> int | float | str:
    number = int(digits, base)
    if number in _INT64:
        return number
    return float(number) if base == 10 and len(digits) < 300 else digits  # as JSON's readers do
