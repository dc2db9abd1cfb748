"""JSON: one document, indented, for people who look and programs that want all at once."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from plimsoll.outputs import findings, places, plain

NAME = "json"


def text(rows: Iterable[Mapping[str, object]], _place: places.Place) -> Iterator[str]:
    """Yield one array of the rows, a row at a time: never more than one is held."""
    before = "[\n"
    for row in rows:
        yield before + textwrap.indent(plain.in_json(row, indent=2), "  ")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def report(found: findings.Report, place: places.Place) -> Iterator[str]:
    """Yield one array of the findings."""
    return text(map(findings.row, found.findings), place)


def document(value: object) -> str:
    r"""Return a value as indented JSON, in ASCII.

    >>> print(document({"accepted": 3}), end="")
    {
      "accepted": 3
    }
    """
    return plain.in_json(value, indent=2) + "\n"
