"""JSON Lines: one object a line, nothing for no rows. ASCII only, so that no terminal can misread it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from plimsoll.outputs import findings, places, plain

NAME = "jsonl"


def text(rows: Iterable[Mapping[str, object]], _place: places.Place) -> Iterator[str]:
    """Yield one line for each row."""
    return map(document, rows)


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield one line for each finding."""
    return map(findings.line, found.findings)


def document(value: object) -> str:
    r"""Return a value as one line of JSON.

    >>> document({"name": "caf\xe9"})
    '{"name": "caf\\u00e9"}\n'
    """
    return plain.in_json(value) + "\n"
