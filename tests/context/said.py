"""What an adapter says of a service, with the options of a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from plimsoll import context
from plimsoll.context import statements

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PEOPLE = {"domains": ["acme.example"], "names": {"ann-gh": "ann@acme.example", "bob-gh": "bob@acme.example"}}


def said(kind: str, **options: Any) -> statements.Said:
    adapter = context.every()[kind]
    given = msgspec.convert({"kind": kind, "people": PEOPLE, "allows": ["shell"], **options}, adapter.Options)
    return adapter.said(given, statements.Asked(NOW, NOW - timedelta(days=31), {}))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
