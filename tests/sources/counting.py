"""A format for tests: one JSON object a line with a number, `{"n": 7}`, or several, `{"many": [7, 8]}`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from plimsoll import frames, tables
from plimsoll.sources import records


class Counting:
    STREAM: records.Stream = "activity"

    def recognises(self, record: object) -> bool:
        return "n" in record or "many" in record  # type: ignore[operator]  careless on purpose: it may be a number

    def parse(self, lines: Sequence[bytes], first: int) -> records.Parsed:
        rows: list[records.Row] = []
        rejects: list[records.Reject] = []
        for offset, line in enumerate(lines):
            if line == b"stumble":
                raise ValueError("a source should not raise")
            for number in _numbers(line):
                if number is None:
                    rejects.append(records.Reject(offset, "no number"))
                else:
                    rows.append({"evt_num": first + len(rows) + len(rejects), "proc_pid": number})
        return records.Parsed(frames.of_rows(tables.ACTIVITY, rows), len(rows), rejects)


def _numbers(line: bytes) -> Iterator[int | None]:
    try:
        record = msgspec.json.decode(line)
        yield from record["many"] if "many" in record else (record["n"],)
    except records.BROKEN:
        yield None


def text(*numbers: int) -> bytes:
    return b"".join(b'{"n": %d}\n' % number for number in numbers)
