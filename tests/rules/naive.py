"""A slow evaluator of conditions, one event at a time, written from the language's description alone: the reference."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from plimsoll.rules import syntax

Event = Mapping[str, Any]


def holds(tree: syntax.Tree, event: Event) -> bool:
    """Say whether a condition holds for an event."""
    if isinstance(tree, syntax.Or):
        return any(holds(part, event) for part in tree.parts)
    if isinstance(tree, syntax.And):
        return all(holds(part, event) for part in tree.parts)
    if isinstance(tree, syntax.Not):
        return not holds(tree.of, event)
    assert isinstance(tree, syntax.Check)
    return checked(tree, event)


def checked(check: syntax.Check, event: Event) -> bool:
    name = str(check.left)
    if name in ("fd.ip", "fd.port"):
        return either(check, event)
    if name == "proc.aname":
        names = event.get("proc.aname")
        return names is not None and any(compared(check, one) for one in names.split(" "))
    value = given(check.left, event)
    return value is not None and compared(check, value, event)


def given(left: syntax.Argument, event: Event) -> Any:
    if isinstance(left, str):
        return left
    if isinstance(left, syntax.Field):
        return event.get(str(left))
    assert isinstance(left, syntax.Call)
    values = [given(one, event) for one in left.args]
    if None in values:
        return None
    one = values[0]
    return {
        "tolower": lambda: re.sub("[A-Z]", lambda letter: letter[0].lower(), one),
        "toupper": lambda: re.sub("[a-z]", lambda letter: letter[0].upper(), one),
        "basename": lambda: one.split("/")[-1],
        "len": lambda: len(one.encode()),
        "concat": lambda: "".join(values),
    }[left.name]()


def either(check: syntax.Check, event: Event) -> bool:
    """Compare both ends: `=` wants one of them, `!=` both; an IP socket without address is 0.0.0.0, port 0."""
    ends = {"fd.ip": ("fd.cip", "fd.sip"), "fd.port": ("fd.cport", "fd.sport")}[str(check.left)]
    values = [event[end] for end in ends if end in event]
    if not values and event.get("fd.type") in ("ipv4", "ipv6"):
        nowhere = {"ipv4": "0.0.0.0", "ipv6": "::"}[event["fd.type"]]
        values = [nowhere if str(check.left) == "fd.ip" else 0]
    many = all if check.operator == "!=" else any
    return bool(values) and many(compared(check, value) for value in values)


def compared(check: syntax.Check, value: Any, event: Event | None = None) -> bool:
    operator, right = check.operator, check.right
    if operator == "exists":
        return True
    if isinstance(right, syntax.Values):
        if right.word:
            held = sum(one(operator, value, text) for text in right.texts)
            return {"oneof": held == 1, "anyof": held > 0, "allof": 0 < held == len(right.texts)}[right.word]
        return many(operator, value, right.texts)
    if isinstance(right, syntax.Field | syntax.Call):
        other = given(right, event or {})
        return other is not None and one(operator, value, other)
    assert isinstance(right, str)
    return one(operator, value, right)


def many(operator: str, value: Any, texts: tuple[str, ...]) -> bool:
    if operator == "pmatch":
        return any(below(value, text) for text in texts)
    return any(one("=", value, text) for text in texts)


def below(path: str, prefix: str) -> bool:
    parts, wanted = ([part for part in text.split("/") if part] for text in (path, prefix))
    return len(parts) >= len(wanted) and all(
        fnmatch.fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=False)
    )


def one(operator: str, value: Any, text: Any) -> bool:
    if isinstance(value, bool):
        text = text in ("true", True)
    elif isinstance(value, int):
        text = int(text)
    elif operator in ("<", "<=", ">", ">="):
        value, text = value.encode(), text.encode()
    return {
        "=": lambda: value == text,
        "!=": lambda: value != text,
        "<": lambda: value < text,
        "<=": lambda: value <= text,
        ">": lambda: value > text,
        ">=": lambda: value >= text,
        "contains": lambda: text in value,
        "icontains": lambda: lowered(text) in lowered(value),
        "startswith": lambda: value.startswith(text),
        "endswith": lambda: value.endswith(text),
        "glob": lambda: fnmatch.fnmatchcase(value, text),
        "iglob": lambda: fnmatch.fnmatchcase(lowered(value), lowered(text)),
        "regex": lambda: re.fullmatch(text, value) is not None,
    }[operator]()


def lowered(text: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)
