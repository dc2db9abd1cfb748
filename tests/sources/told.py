"""What the tests of sources share: records in, the columns that were filled out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

SAMPLES = Path(__file__).parent / "samples"


def rows(source: Any, *given: object) -> list[dict[str, Any]]:
    """The rows of records that must all be accepted, without what is null and without numbers."""
    parsed = source.parse([msgspec.json.encode(record) for record in given], 1)
    assert parsed.rejects == []
    return [
        {name: value for name, value in row.items() if value is not None and name != "evt_num"}
        for row in parsed.events.iter_rows(named=True)
    ]


def row(source: Any, record: object) -> dict[str, Any]:
    """The one row of a record."""
    (only,) = rows(source, record)
    return only


def refused(source: Any, record: object) -> bool:
    """Whether the record is a reject."""
    parsed = source.parse([msgspec.json.encode(record)], 1)
    return len(parsed.rejects) == 1 and parsed.accepted == 0 and parsed.events.is_empty()


def sample(name: str) -> list[bytes]:
    """The lines of our own sample of a format."""
    return (SAMPLES / f"{name}.jsonl").read_bytes().splitlines()


def recorded(folder: Path, pattern: str) -> list[bytes]:
    """The events of recordings that wrap each in {"_src", "event"}."""
    lines = [line for path in sorted(folder.glob(pattern)) for line in path.read_bytes().splitlines()]
    return [json.dumps(json.loads(line)["event"]).encode() for line in lines]
