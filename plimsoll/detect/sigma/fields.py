"""What a Sigma field means in an audit Event: a column, a path in the event's JSON, or a key wherever it stands.

Names are those of audit.k8s.io/v1. A key that itself has dots (annotations, labels) may be written as it is; lists
are passed through, so `requestObject.spec.containers.image` is the image of any container. A single word that is no
field of the Event (`hostPath`, `capabilities`, `apiGroup` in the published rules) is a key at any depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

EVENT = "event"
"""The column that holds an event's whole JSON."""
LARGEST = 4 << 20
MOST = 10_000
"""Values of one event that are looked at for a field."""
DEEPEST = 64

TOP = (
    "kind", "apiVersion", "metadata", "level", "auditID", "stage", "requestURI", "verb", "user", "impersonatedUser",
    "authenticationMetadata", "sourceIPs", "userAgent", "objectRef", "responseStatus", "requestObject", "responseObject",
    "requestReceivedTimestamp", "stageTimestamp", "annotations",
)  # fmt: skip
"""The fields of an Event."""
COLUMNS = {
    name.replace("_", "."): name
    for name in (
        "auditID", "stage", "level", "verb", "requestURI", "user_username", "user_groups", "impersonatedUser_username",
        "impersonatedUser_groups", "sourceIPs", "userAgent", "objectRef_apiGroup", "objectRef_resource",
        "objectRef_subresource", "objectRef_namespace", "objectRef_name", "responseStatus_code",
    )
} | {
    "annotations.authorization.k8s.io/decision": "annotations_decision",
    "annotations.authorization.k8s.io/reason": "annotations_reason",
}  # fmt: skip
"""Fields that are columns of tables.AUDIT."""
LISTS = ("user_groups", "impersonatedUser_groups", "sourceIPs")


class Field(NamedTuple):
    """Where a field's values are."""

    name: str
    """As the rule has it; empty for the whole event as text."""
    column: str
    """The column that holds them; one of our own where it has to be taken from the JSON."""
    lists: bool
    """Several values an event, of which any may fit."""
    taken: bool
    """It has to be taken from the JSON."""


def field(name: str) -> Field | str:
    """Return what a field means; where it means nothing, the reason.

    >>> field("objectRef.resource")
    Field(name='objectRef.resource', column='objectRef_resource', lists=False, taken=False)
    >>> field("hostPath").taken, field("objectref.resource")
    (True, "no field 'objectref.resource' in an audit Event; objectRef.resource is one")
    """
    plain = name.replace("[]", "").strip(".")
    if plain in COLUMNS:
        return Field(plain, COLUMNS[plain], COLUMNS[plain] in LISTS, taken=False)
    head, dot, rest = plain.partition(".")
    if dot and head not in TOP:
        right = next((one for one in TOP if one.lower() == head.lower()), "")
        hint = f"; {right}.{rest} is one" if right else f"; its fields are {', '.join(TOP)}"
        return f"no field {name[:60]!r} in an audit Event{hint}"
    return Field(plain, f"taken {plain}", lists=True, taken=True)


WHOLE = Field("", "taken", lists=True, taken=True)
"""The event as text, for keywords."""


def taken(text: str | None, wanted: tuple[Field, ...]) -> list[list[str]]:
    """Return the values of each field that an event's JSON holds, as texts; objects are told as `{}`.

    >>> taken('{"requestObject": {"spec": {"volumes": [{"hostPath": {"path": "/"}}]}}}', (field("hostPath"),))
    [['{}']]
    >>> taken('{"annotations": {"a.b/c": true}}', (field("annotations.a.b/c"), WHOLE))[0]
    ['true']
    """
    event = _decoded(text)
    return [_values(event, one, text or "") for one in wanted]


def _decoded(text: str | None) -> Any:
    if not text or len(text) > LARGEST:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _values(event: Any, wanted: Field, text: str) -> list[str]:
    if not wanted.name:
        return [text]
    anywhere = "." not in wanted.name and wanted.name not in TOP
    found = _anywhere(event, wanted.name) if anywhere else _at(event, wanted.name)
    return [_shown(value) for value, _ in zip(found, range(MOST), strict=False) if value is not None]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "{}" if isinstance(value, dict) else str(value).lower()


def _spread(value: Any) -> Iterator[Any]:
    """Yield a value, the elements of a list one by one."""
    waiting, seen = [value], 0
    while waiting and seen < MOST:
        one = waiting.pop()
        seen += 1
        if isinstance(one, list):
            waiting += reversed(one[:MOST])
        else:
            yield one


def _at(event: Any, path: str) -> Iterator[Any]:
    """Yield what stands at a path; at each step the longest key that there is counts."""
    waiting: list[tuple[Any, str]] = [(event, path)]
    seen = 0
    while waiting and seen < MOST:
        value, rest = waiting.pop()
        seen += 1
        for one in _spread(value):
            if not rest:
                yield one
            elif isinstance(one, dict):
                key = _longest(one, rest)
                if key is not None:
                    waiting.append((one[key], rest[len(key) + 1 :]))


def _longest(held: dict[str, Any], path: str) -> str | None:
    parts = path.split(".", DEEPEST)
    keys = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((key for key in keys if key in held), None)


def _anywhere(event: Any, name: str) -> Iterator[Any]:
    waiting, seen = [event], 0
    while waiting and seen < MOST:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict):
            if name in value:
                yield from _spread(value[name])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value[:MOST]
