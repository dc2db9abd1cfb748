"""YAML as Kubernetes reads it: values without tags of their own, no dates, no base 60, and no bomb.

Built from the parser's events, not by PyYAML's constructors: memory and depth are bounded while the
text is read, and an alias costs what it stands for.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

import yaml

HEAVIEST = 1 << 27
"""Weight of one document: its letters, and NODE for each value, those that aliases stand for as well."""
NODE = 24
DEEPEST = 100
_SHOWN = 60

_TAG = "tag:yaml.org,2002:"
_COLLECTIONS = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_WORDS: dict[str, bool | None] = (
    dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True)
    | dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False)
    | dict.fromkeys(("", "~", "null", "Null", "NULL"))
)
_TELLING = frozenset({"", *"0123456789+-.~tTfFyYnNoO"})
"""Beginnings of plain scalars that may be no text."""
MERGE = "\ud800<<"
"""The key `<<` where it is not quoted; no text of YAML has a lone surrogate."""
_NUMERIC = frozenset("0123456789+-.")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"([-+]?)0o?([0-7]+)")
_HEXADECIMAL = re.compile(r"([-+]?)0x([0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 400
_INT64 = range(-(2**63), 2**64)


class Parser(Protocol):
    """What PyYAML calls a loader, as far as it is used here."""

    def get_event(self) -> yaml.Event | None:
        """Return the next event, None after the last."""


class Unreadable(ValueError):
    """A text that is no YAML value; `line` counts from 0 within it."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


class _Outer(NamedTuple):
    """What waits for a collection to end."""

    within: dict[str, Any] | list[Any]
    key: str | None
    anchor: str | None
    weight: int
    """What had been read when the collection began."""


def value(text: bytes) -> Any:
    r"""Return the value of one document, None where it is empty; raise Unreadable where it is none.

    >>> value(b"mode: 0644\nsize: 1:30\nday: 2026-01-01\non: {all: [yes, 1.5, ~]}")
    {'mode': 420, 'size': '1:30', 'day': '2026-01-01', 'on': {'all': [True, 1.5, None]}}
    >>> value(b"a: &same {b: 1}\nc: *same\nd: {<<: *same, e: 2}")
    {'a': {'b': 1}, 'c': {'b': 1}, 'd': {'b': 1, 'e': 2}}
    """
    try:
        return _Builder().built(yaml.CSafeLoader(text))
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line if broken.problem_mark else 0
        raise Unreadable(str(broken.problem or broken.context or "no YAML"), line) from None
    except yaml.YAMLError as broken:
        raise Unreadable(str(broken).partition("\n")[0] or "no YAML") from None


class _Builder:
    """The value so far: the collection that is open, the key that waits for its value, and what anchors name."""

    def __init__(self) -> None:
        self._whole: list[Any] = []
        self._within: dict[str, Any] | list[Any] = self._whole
        self._key: str | None = None
        self._outer: list[_Outer] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._weight = 0

    def built(self, parser: Parser) -> Any:
        """Return what the parser's events make; most of them are scalars without tag and anchor."""
        event = parser.get_event()
        try:
            while event is not None:
                if event.__class__ is yaml.ScalarEvent and event.tag is event.anchor is None:
                    self._scalar(event.value, plain=event.implicit[0])
                else:
                    self._other(event)
                event = parser.get_event()
        except Unreadable as broken:
            line = event.start_mark.line if event and event.start_mark else 0
            raise Unreadable(str(broken), line) from None
        return self._whole[0] if self._whole else None

    def _scalar(self, text: str, *, plain: bool) -> None:
        self._weigh(NODE + len(text))
        if self._waits_for_key():
            self._key = MERGE if plain and text == "<<" else text  # the keys of JSON are strings
        else:
            self._add(_plain(text) if plain and text[:1] in _TELLING else text)

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight > HEAVIEST:
            raise Unreadable("the document stands for too much")

    def _other(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.MappingStartEvent):
            self._open(event, {})
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(event, [])
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor or "")
        elif isinstance(event, yaml.ScalarEvent):
            self._odd_scalar(event)

    def _odd_scalar(self, event: yaml.ScalarEvent) -> None:
        made = _tagged(event.value, event.tag, plain=event.implicit[0])
        if event.anchor:
            self._anchors[event.anchor] = (made, NODE + len(event.value))
        self._weigh(NODE + len(event.value))
        if self._waits_for_key():
            self._key = event.value
        else:
            self._add(made)

    def _waits_for_key(self) -> bool:
        return isinstance(self._within, dict) and self._key is None

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent, empty: dict[str, Any] | list[Any]) -> None:
        if event.tag not in _COLLECTIONS:
            raise Unreadable(f"a tag Kubernetes does not know: {event.tag[:_SHOWN]}")
        if self._waits_for_key():
            raise Unreadable("a key that is no text")
        if len(self._outer) >= DEEPEST:
            raise Unreadable(f"nested deeper than {DEEPEST}")
        self._outer.append(_Outer(self._within, self._key, event.anchor, self._weight))
        self._within, self._key = empty, None
        self._weigh(NODE)

    def _close(self) -> None:
        done: dict[str, Any] | list[Any] = self._within
        if isinstance(done, dict) and MERGE in done:
            done = _merged(done)
        self._within, self._key, anchor, weight = self._outer.pop()
        if anchor:
            self._anchors[anchor] = (done, self._weight - weight)
        self._add(done)

    def _alias(self, anchor: str) -> None:
        if anchor not in self._anchors:
            raise Unreadable(f"an alias of nothing: {anchor[:_SHOWN]}")
        meant, weight = self._anchors[anchor]
        self._weigh(weight)
        if not self._waits_for_key():
            self._add(meant)
        elif isinstance(meant, str):
            self._key = meant
        else:
            raise Unreadable("a key that is no text")

    def _add(self, made: Any) -> None:
        if isinstance(self._within, list):
            self._within.append(made)
        elif self._key is not None:
            self._within[self._key] = made
            self._key = None


def _merged(mapping: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with what its merge key brings in; what it tells itself is stronger."""
    made: dict[str, Any] = {}
    for base in reversed(_bases(mapping[MERGE])):
        made |= base
    made |= mapping
    del made[MERGE]
    return made


def _bases(made: Any) -> list[dict[str, Any]]:
    """Return the mappings a merge key names, the strongest first."""
    bases = made if isinstance(made, list) else [made]
    if not all(isinstance(base, dict) for base in bases):
        raise Unreadable("a merge of what is no mapping")
    return bases


def _tagged(text: str, tag: str | None, *, plain: bool) -> Any:
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
