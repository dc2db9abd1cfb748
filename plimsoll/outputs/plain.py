"""Any value as plain data, as JSON in ASCII, and hostile text as something safe to show."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

SHOWN = 2000
"""Characters of one value that a person is shown; the structured forms always hold the whole value."""


def value(thing: object) -> object:
    """Return a value as dicts, lists, text, numbers, booleans and None.

    >>> value({"time": datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "bits": math.inf, "why": ("a", "b")})
    {'time': '2026-01-02T03:04:05.000006Z', 'bits': None, 'why': ['a', 'b']}
    """
    if thing is None or isinstance(thing, bool | int):
        return thing
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if isinstance(thing, datetime):
        return rfc3339(thing)
    if isinstance(thing, Mapping):
        return {text(key): value(item) for key, item in thing.items()}
    if isinstance(thing, Iterable) and not isinstance(thing, str | bytes):
        return [value(item) for item in thing]
    return text(thing)


def in_json(thing: object, indent: int | None = None) -> str:
    r"""Return a value as strict JSON, in ASCII so that no terminal can misread it.

    >>> print(in_json({"name": "caf\xe9 \x1b\x7f"}))
    {"name": "caf\u00e9 \u001b\u007f"}
    """
    return json.dumps(value(thing), allow_nan=False, indent=indent).replace("\x7f", "\\u007f")


def text(thing: object) -> str:
    r"""Return a value as text that UTF-8 can hold; what it cannot becomes U+FFFD.

    >>> text("lone \ud800"), text(b"\xff"), text(None)
    ('lone �', '�', '')
    """
    if thing is None:
        return ""
    if isinstance(thing, bytes):
        return thing.decode("utf-8", "replace")
    if isinstance(thing, date):
        return thing.isoformat()
    return str(thing).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def rfc3339(time: datetime) -> str:
    """Return a time as RFC 3339 with microseconds and Z; a time without a zone is UTC.

    >>> rfc3339(datetime(2026, 1, 2, 3, 4, 5))
    '2026-01-02T03:04:05.000000Z'
    """
    return utc(time).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def utc(time: datetime) -> datetime:
    """Return a time in UTC; one that no calendar can hold there keeps its clock reading."""
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)


def shown(thing: object, encoding: str = "utf-8") -> str:
    r"""Return a value as one line that moves no cursor, changes no colour and turns no text around.

    Terminal escapes, line ends, bidirectional overrides, invisible characters and what the encoding
    of the place cannot say are written as escapes.

    >>> print(shown("red \x1b[31m, new\nline, \u202egnp.exe"))
    red \x1b[31m, new\nline, \u202egnp.exe
    """
    whole = text(thing)
    cut = whole[:SHOWN]
    safe = "".join(char if char.isprintable() else _escape(char) for char in cut)
    return safe.encode(encoding, "backslashreplace").decode(encoding) + ("..." if len(whole) > SHOWN else "")


def _escape(char: str) -> str:
    # The codec leaves U+00A0 to U+00FF as they are only in latin-1, never in ASCII.
    return char.encode("unicode_escape").decode("ascii")
