"""The wiring of questions to audit logs: which rights and credentials are used, and what the audit policy leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import objects as inventory
from plimsoll.detect import audit_coverage
from plimsoll.rbac import credentials, grants, usage, uses
from plimsoll.sources import inputs, reading
from plimsoll.sources.rejects import Rejects, batches

Progress = Callable[[str, int], None]


class Intake(NamedTuple):
    """What was read of the sources and of the objects, and what could not be."""

    accepted: int
    rejects: Rejects
    objects_rejected: int = 0
    first: str = ""
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
    taken = uses.Uses(since)
    accepted, rejects = _take(sources, taken.take, form, progress)
    used = taken.told()
    return Found(usage.report(used, rights, days=days), used, Intake(accepted, rejects, rejected, first))


def credentials_of(
    sources: Sequence[str],
    objects: Sequence[str],
    *,
    form: str | None = None,
    days: int = credentials.DORMANT_DAYS,
    progress: Progress,
) -> tuple[list[credentials.Finding], int, Intake]:
    """Return what is wrong with the credentials these logs show, and for how many memory had no room."""
    held, rejected, first = objects_of(objects)
    taken = credentials.Credentials()
    accepted, rejects = _take(sources, taken.take, form, progress)
    seen = taken.told()
    return credentials.findings(seen, held, days=days), seen.forgone, Intake(accepted, rejects, rejected, first)


def coverage_of(
    sources: Sequence[str], *, form: str | None = None, progress: Progress
) -> tuple[list[audit_coverage.Finding], Intake]:
    """Return which findings these audit logs can support."""
    taken = audit_coverage.Coverage()
    accepted, rejects = _take(sources, taken.take, form, progress)
    return taken.findings(), Intake(accepted, rejects)


def _take(
    sources: Sequence[str], take: Callable[[pl.DataFrame], None], form: str | None, progress: Progress
) -> tuple[int, Rejects]:
    """Hand the events of audit logs on, batch by batch; return what was read and what could not be."""
    rejects, accepted = Rejects(), 0
    for source in inputs.inputs(sources):
        read = reading.Reading(source, format=form)
        for batch in batches(source, read, rejects, "audit"):
            take(batch.events)
            progress(read.name, read.accepted + read.rejected)
        accepted += read.accepted
    return accepted, rejects


def objects_of(sources: Sequence[str]) -> tuple[pl.DataFrame, int, str]:
    """Return the objects of these sources, how many documents could not be read, and where the first of them is."""
    found = [inventory.read(source) for source in sources]
    first = next((one for each in found for one in each.rejects), None)
    told = f"{first.file}:{first.line}: {first.reason}" if first else ""
    frame = pl.concat([each.frame for each in found]) if found else frames.empty(tables.OBJECTS)
    return frame, sum(each.rejected for each in found), told
