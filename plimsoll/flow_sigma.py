"""The wiring of Sigma's rules: files → rules; and the events that come by → their alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from plimsoll import errors
from plimsoll.detect.sigma import hits, problems, rule
from plimsoll.sources import inputs

LARGEST = 1 << 20
"""Bytes of a rule file."""
MOST = 10_000
"""Rules of a run."""
SUFFIXES = (".yml", ".yaml")


def read(paths: Sequence[str]) -> list[rule.Rule]:
    """Return the rules of these files and folders; raise InputError with file and line where one cannot be used.

    In a folder, rules about other logs are passed over; a file that is named has to be about Kubernetes' audit log.
    """
    found: list[rule.Rule] = []
    for path in paths:
        folder = Path(path).is_dir()
        for file in _files(path):
            found += _of_file(file, alone=not folder)
            if len(found) > MOST:
                raise errors.InputError(f"more than {MOST:,} rules", file=inputs.shown(path))
    if not found:
        raise errors.InputError("no rule about Kubernetes' audit log", file=inputs.shown(", ".join(paths)))
    return found


def _files(path: str) -> list[Path]:
    if not Path(path).is_dir():
        return [Path(path)]
    return sorted(one for one in Path(path).rglob("*") if one.suffix in SUFFIXES and one.is_file())


def _of_file(path: Path, *, alone: bool) -> Iterator[rule.Rule]:
    name = inputs.shown(path)
    try:
        for one in rule.rules(inputs.text(path, LARGEST), path.stem):
            if isinstance(one, rule.Rule):
                yield one
            elif alone:
                reason = f"a rule about {one.about}; here are run those of product kubernetes, service audit"
                raise errors.InputError(reason, file=name, line=one.mark.line)
    except problems.Unusable as broken:
        raise errors.InputError(str(broken), file=name, line=broken.mark.line, column=broken.mark.column) from None


def habit(learned: pl.DataFrame) -> hits.Usual:
    """Return what says whether a subject asks for something in a namespace out of habit (tables.PROFILE)."""
    rows = learned.filter(pl.col("verb") == "within").select("subject", "given", "object").unique()
    known = frozenset(rows.iter_rows())
    return lambda subject, request, namespace: (subject, request, namespace) in known
