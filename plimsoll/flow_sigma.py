"""The wiring of Sigma's rules: files → rules; and the events that come by → their alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from plimsoll import errors, sources
from plimsoll.detect.sigma import fields, hits, problems, rule
from plimsoll.sources import audit_whole, inputs, reading

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


class Watch:
    """Sigma's rules beside a run: it sees the batches that come by, and has its alerts at the end."""

    def __init__(self, paths: Sequence[str], usual: hits.Usual | None = None) -> None:
        """Read the rules of these paths; none at all where there are no paths."""
        self._hits = hits.Hits(read(paths) if paths else [], usual)

    def source(self, name: str) -> sources.Source:
        """Return the format of this name, as a Reading asks for it: with whole events where a rule reads them."""
        whole = self._hits.reads_events and sources.get(name).STREAM == "audit"
        return audit_whole.Whole() if whole else sources.get(name)

    def take(self, batch: reading.Batch) -> reading.Batch:
        """Judge a batch, as far as it is of audit events; return it as others know it."""
        if batch.stream == "audit":
            self._hits.take(batch.events)
        return batch._replace(events=batch.events.drop(fields.EVENT, strict=False))

    def beside(self, alerts: list[dict[str, object]], most: int | None) -> list[dict[str, object]]:
        """Return these alerts and those of all that was taken, gravest first; `most` of them where there is a limit."""
        return [*alerts, *self._hits.alerts()[: None if most is None else max(0, most - len(alerts))]]

    @property
    def forgone(self) -> int:
        """Return how many hits there was no room for."""
        return self._hits.forgone

    def tell(self) -> list[dict[str, object]]:
        """Return the alerts that began since the last call."""
        return self._hits.tell()


def habit(learned: pl.DataFrame) -> hits.Usual:
    """Return what says whether a subject asks for something in a namespace out of habit (tables.PROFILE)."""
    rows = learned.filter(pl.col("verb") == "within").select("subject", "given", "object").unique()
    known = frozenset(rows.iter_rows())
    return lambda subject, request, namespace: (subject, request, namespace) in known
