"""YAML: one document, the fields in their order, in ASCII; times are quoted so that they stay text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import yaml

from plimsoll.outputs import findings, places, plain

NAME = "yaml"

_UNFOLDED = 2**31 - 1


def text(rows: Iterable[Mapping[str, object]], _place: places.Place) -> Iterator[str]:
    """Yield one sequence of the rows, a row at a time; `[]` where there are none."""
    empty = True
    for row in rows:
        empty = False
        yield document([row])
    if empty:
        yield document([])


def report(found: findings.Report, place: places.Place) -> Iterator[str]:
    """Yield one sequence of the findings."""
    return text(map(findings.row, found.findings), place)


def document(value: object) -> str:
    r"""Return a value as YAML.

    >>> print(document({"why": ["on", "red \x1b"]}), end="")
    why:
    - 'on'
    - "red \e"
    """
    return yaml.dump(plain.value(value), Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=_UNFOLDED)


class _Dumper(yaml.CSafeDumper):
    """Says values that occur twice twice: anchors are no help to a reader."""

    def ignore_aliases(self, _data: object) -> bool:
        return True
