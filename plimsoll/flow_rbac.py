"""The wiring of rights: audit sources → uses, objects → grants, both → what is used of what is granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll import errors, frames, tables
from plimsoll.cluster import objects as inventory
from plimsoll.rbac import grants, usage, uses
from plimsoll.sources import inputs, reading
from plimsoll.sources.rejects import Rejects

Progress = Callable[[str, int], None]


class Intake(NamedTuple):
    """What was read of the sources and of the objects, and what could not be."""

    accepted: int
    rejects: Rejects
    objects_rejected: int
    first: str
    """Where and why the first of the objects could not be read."""


class Found(NamedTuple):
    """Granted against used."""

    report: usage.Report
    used: uses.Used
    intake: Intake


def usage_of(
    sources: Sequence[str],
    objects: Sequence[str],
    *,
    form: str | None = None,
    since: int | None = None,
    days: int | None = None,
    progress: Progress,
) -> Found:
    """Return what these audit logs show of the rights that these objects grant."""
    held, rejected, first = objects_of(objects)
    rights = grants.bindings(held)
    taken, rejects, accepted = uses.Uses(since), Rejects(), 0
    for source in inputs.inputs(sources):
        read = reading.Reading(source, format=form)
        for events in audit_events(source, read, rejects, progress):
            taken.take(events)
        accepted += read.accepted
    used = taken.told()
    return Found(usage.report(used, rights, days=days), used, Intake(accepted, rejects, rejected, first))


def audit_events(
    source: inputs.Input, read: reading.Reading, rejects: Rejects, progress: Progress
) -> Iterator[pl.DataFrame]:
    """Yield the events of an audit log; what is no audit log is set aside, one that was named is an error."""
    try:
        for batch in read:
            rejects.add(batch.rejects)
            yield _audit(batch, source.name)
            progress(read.name, read.accepted + read.rejected)
    except errors.InputError as unknown:
        if not source.found:
            raise
        rejects.add([reading.Reject(source.name, 0, unknown.reason, b"")])


def _audit(batch: reading.Batch, name: str) -> pl.DataFrame:
    if batch.stream != "audit":
        raise errors.InputError(f"rights are used in audit logs, and this is {batch.format}", file=name)
    return batch.events


def objects_of(sources: Sequence[str]) -> tuple[pl.DataFrame, int, str]:
    """Return the objects of these sources, how many documents could not be read, and where the first of them is."""
    found = [inventory.read(source) for source in sources]
    first = next((one for each in found for one in each.rejects), None)
    told = f"{first.file}:{first.line}: {first.reason}" if first else ""
    frame = pl.concat([each.frame for each in found]) if found else frames.empty(tables.OBJECTS)
    return frame, sum(each.rejected for each in found), told
