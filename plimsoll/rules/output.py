"""A rule's output: text with fields in it, filled from an event, and the alert in Falco's JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from plimsoll.rules import fields, operators, syntax, transform

SUGGESTED = (
    ("container_id", "container.id"),
    ("container_name", "container.name"),
    ("container_image_repository", "container.image.repository"),
    ("container_image_tag", "container.image.tag"),
    ("k8s_pod_name", "k8s.pod.name"),
    ("k8s_ns_name", "k8s.ns.name"),
)
"""What Falco's container plugin adds to the outputs of rules on system calls."""
CONTAINER_INFO = "%container.info"


class Part(NamedTuple):
    """A piece of an output: a text, or a field as it was written and where its value comes from."""

    text: str
    operand: transform.Operand | None = None
    width: int = 0

    def filled(self, values: Mapping[str, Any]) -> Any:
        """Return the field's value, given those of the columns."""
        return self.operand.value(*(values.get(column) for column in self.operand.columns)) if self.operand else None


class Invalid(ValueError):
    """An output that names no field where it should; `at` is where."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


class Template(NamedTuple):
    """An output, taken apart."""

    parts: tuple[Part, ...]

    @property
    def columns(self) -> frozenset[str]:
        """Return the columns that its fields are read from."""
        return frozenset(column for part in self.parts if part.operand for column in part.operand.columns)

    @property
    def told(self) -> frozenset[str]:
        """Return the columns that the rule's author asked for, those that are added to every output left out."""
        added = {field for _, field in SUGGESTED}
        return frozenset(
            column for part in self.parts if part.operand and part.text not in added for column in part.operand.columns
        )

    def text(self, values: Mapping[str, Any]) -> str:
        """Return the output for an event, given the values of its columns."""
        return "".join(self._written(part, values) for part in self.parts)

    @staticmethod
    def _written(part: Part, values: Mapping[str, Any]) -> str:
        if part.operand is None:
            return part.text
        text = transform.as_text(part.filled(values))
        return text.ljust(part.width)[: part.width] if part.width else text

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return each field with its value, None where it has none."""
        return {part.text: part.filled(values) for part in self.parts if part.operand}


def template(text: str, source: str, suggested: Iterable[tuple[str, str]] = ()) -> Template:
    """Return an output taken apart; raise Invalid where it names a field that does not exist.

    >>> template("ran %proc.name as %user.name.", "syscall").text({"proc.name": "sh"})
    'ran sh as <NA>.'
    """
    text = text.removeprefix("*")
    parts: list[Part] = []
    at = 0
    while (mark := text.find("%", at)) >= 0:
        parts.append(Part(text[at:mark]))
        if text.startswith(CONTAINER_INFO, mark):
            at = mark + len(CONTAINER_INFO)
            continue
        part, at = _field(text, mark + 1, source)
        parts.append(part)
    parts.append(Part(text[at:]))
    told = {part.text for part in parts if part.operand}
    for name, field in suggested:
        if field not in told:
            parts += [Part(f" {name}="), Part(field, transform.operand(syntax.Field(field), source))]
    return Template(tuple(part for part in parts if part.text))


def _field(text: str, at: int, source: str) -> tuple[Part, int]:
    """Return the field that stands behind a percent sign, and where it ends."""
    start = at
    while at < len(text) and text[at] in "0123456789" and at - start < 4:
        at += 1
    width = int(text[start:at]) if at > start else 0
    try:
        known, call, end = syntax.longest(text, at)
        if call:
            return Part(str(call), transform.operand(call, source), width), end
        for field in known:
            found = _longest(field, text, at, source)
            if found:
                return found[0]._replace(width=width), found[1]
    except (syntax.Unparsable, operators.Invalid, fields.Unknown) as broken:
        raise Invalid(f"unknown filter: {broken}", at) from None
    raise Invalid(
        "invalid formatting syntax: formatting cannot end with a %"
        if at >= len(text)
        else "unknown filter: unexpected token after '%'",
        at,
    )


def _longest(field: syntax.Field, text: str, at: int, source: str) -> tuple[Part, int] | None:
    """Return the field of this name, with the argument in brackets behind it, if it exists."""
    end = at + len(field.name)
    if text.startswith("[", end):
        close = text.find("]", end)
        if close < 0:
            raise fields.Unknown(f"expected a ']' token behind the argument of {field.name}")
        argument = text[end + 1 : close]
        try:
            with_argument = syntax.Field(field.name, argument)
            return Part(str(with_argument), transform.operand(with_argument, source)), close + 1
        except fields.Unknown:
            pass
    try:
        return Part(field.name, transform.operand(field, source)), end
    except fields.Unknown:
        return None


Reader = Callable[[Sequence[str]], Mapping[str, Any]]


class Event(NamedTuple):
    """What an alert tells of its event besides the fields of the output."""

    number: int
    nanoseconds: int
    hostname: str = ""


def alert(rule: Any, made: Template, event: Event, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alert with Falco's eight fields; times are in UTC."""
    told = made.fields(values)
    return {
        "hostname": event.hostname,
        "output": f"{transform.clock(event.nanoseconds, '%H:%M:%S.%9')}: {rule.priority} {made.text(values)}",
        "output_fields": dict(sorted({**told, "evt.num": event.number, "evt.time": event.nanoseconds}.items())),
        "priority": rule.priority,
        "rule": rule.name,
        "source": rule.source,
        "tags": sorted(rule.tags),
        "time": transform.clock(event.nanoseconds, "%Y-%m-%dT%H:%M:%S.%9Z"),
    }
