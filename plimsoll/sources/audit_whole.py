"""Audit events with their whole JSON beside the columns, for rules that ask for what the table has no column for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.sources import audit_envelopes, k8s_audit, records

COLUMN = "event"


class Whole:
    """The audit source, with one column more.

    >>> line = b'{"auditID": "a", "stage": "Panic", "verb": "get", "user": {}, "stageTimestamp": "2026-01-02T03:04:05Z"}'
    >>> Whole().parse([line], 1).events["event"][0] == line.decode()
    True
    """

    STREAM: records.Stream = "audit"

    def recognises(self, record: Any) -> bool:
        """Say whether this is an audit event, or what holds some."""
        return k8s_audit.recognises(record)

    def parse(self, lines: Sequence[bytes], first: int) -> records.Parsed:
        """Return the events of these lines, each with its JSON; the first record has the number `first`."""
        try:
            parsed = k8s_audit.parse(lines, first)
        except (*records.BROKEN, pl.exceptions.PolarsError) as broken:
            return self._halved(lines, first, broken)
        texts = [text for line in lines for text in audit_envelopes.unwrap(line)] if parsed.events.height else []
        told = [_text(texts[number - first]) for number in parsed.events["evt_num"]]
        return parsed._replace(events=parsed.events.with_columns(pl.Series(COLUMN, told, pl.String)))

    def _halved(self, lines: Sequence[bytes], first: int, broken: Exception) -> records.Parsed:
        """Return what can be read where one of the lines cannot."""
        if len(lines) == 1:
            nothing = frames.empty(tables.AUDIT).with_columns(pl.Series(COLUMN, [], pl.String))
            return records.Parsed(nothing, 0, [records.Reject(0, records.reason(broken))])
        half = len(lines) // 2
        before = self.parse(lines[:half], first)
        after = self.parse(lines[half:], first + before.accepted + len(before.rejects))
        moved = [records.Reject(half + offset, reason) for offset, reason in after.rejects]
        return records.Parsed(
            before.events.vstack(after.events), before.accepted + after.accepted, before.rejects + moved
        )


def _text(found: audit_envelopes.Found) -> str | None:
    return found.decode() if isinstance(found, bytes) else found
