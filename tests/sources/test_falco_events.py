from __future__ import annotations

import json
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import tables
from plimsoll.sources import falco_events

EVENT = {
    "evt.num": 5, "evt.type": "open", "evt.rawtime": 1588262426779031304, "proc.name": "cat", "fd.name": "/etc/shadow",
    "proc.aname[1]": "sh", "proc.aname[2]": "runc", "container.id": "host", "user.name": "<NA>", "user.uid": 4294967295,
    "evt.arg.flags": "O_RDONLY", "fd.sport": 443,
}  # fmt: skip
COLUMNS = {
    "proc.name": pl.String(),
    "fd.num": pl.Int64(),
    "proc.duration": pl.UInt64(),
    "evt.is_open_read": pl.Boolean(),
}
KEYS = st.sampled_from(["evt.num", "evt.type", "proc.name", "fd.num", "proc.duration"])
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.booleans(), st.lists(st.integers(), max_size=1))


def lines(*events: Any) -> list[bytes]:
    return [json.dumps(event).encode() for event in events]


def wide() -> falco_events.Wide:
    return falco_events.Wide(COLUMNS, lambda kind: kind != "close")


def test_an_event_is_an_activity_row() -> None:
    row = falco_events.parse(lines(EVENT), 1).events.to_dicts()[0]
    told = {name: value for name, value in row.items() if value is not None and name != "time"}
    assert told == {
        "evt_num": 1, "evt_type": "openat", "evt_source": "falco", "proc_name": "cat", "fd_name": "/etc/shadow",
        "proc_aname": ["sh", "runc"], "evt_arg_flags": "O_RDONLY", "fd_sport": 443,
    }  # fmt: skip


def test_what_the_kernel_only_notes_teaches_nothing() -> None:
    parsed = falco_events.parse(lines({**EVENT, "evt.type": "procinfo"}), 1)
    assert (parsed.accepted, parsed.events.height) == (1, 0)


def test_an_alert_of_falco_is_no_event() -> None:
    assert falco_events.recognises(EVENT)
    assert not falco_events.recognises({"rule": "x", "priority": "Notice", "evt.num": 1, "evt.type": "open"})


def test_a_wide_frame_has_the_fields_asked_for_of_the_kinds_asked_for() -> None:
    parsed = wide().parse(
        lines(EVENT, {**EVENT, "evt.type": "close"}, {"evt.num": 7, "evt.type": "dup", "proc.duration": 2**64 - 1}), 1
    )
    assert (parsed.accepted, parsed.rejects) == (3, [])
    assert parsed.events.select("evt.num", "proc.name", "proc.duration").rows() == [
        (5, "cat", None),
        (7, None, 2**64 - 1),
    ]


def test_an_event_is_told_from_what_only_looks_like_one() -> None:
    seen = wide()
    seen.parse(lines(EVENT), 1)
    odd = [
        b'{"proc.name": "\\"evt.type\\":\\"open\\"", "evt.num": 1, "evt.type": "close"}',
        b'{"evt.type":"open","evt.type":"close","evt.num":2}',
        b'{"x":{"evt.type":"open"},"evt.num":3,"evt.type":"dup"}',
        b'{"evt.type":"open"}',
        b'{"x":{"evt.type":"open"},"evt.num":3}',
        b'{"evt.type":"open","evt.num":null}',
        b'{"evt.type":"open","evt.num":4,',
    ]
    parsed = seen.parse(odd, 1)
    assert parsed.events["evt.num"].to_list() == [3]
    assert [reject.offset for reject in parsed.rejects] == [3, 4, 5, 6]
    assert parsed == wide().parse(odd, 1)._replace(events=parsed.events)


def test_lines_stay_with_their_events() -> None:
    broken = b'{"evt.num": 1, "evt.type": "open", "fd.num": 99999999999999999999}'
    parsed = wide().parse([broken, *lines({**EVENT, "evt.type": "close"}, EVENT)], 1)
    (line,) = parsed.events["line"]
    assert falco_events.told(line, COLUMNS | {"user.uid": pl.Int64(), "fd.name": pl.Int64()}) == {
        "proc.name": "cat", "fd.num": None, "proc.duration": None, "evt.is_open_read": None, "user.uid": 4294967295, "fd.name": None,
    }  # fmt: skip


def test_broken_records_are_set_aside_and_the_rest_stand() -> None:
    broken = [
        b"{",
        b"[]",
        b'{"evt.num": 1}',
        b'{"evt.num": 1, "evt.type": "open", "proc.name": 7}',
        b'\xff{"evt.num": 1, "evt.type": "close"}',
        b'{"evt.num": 1, "evt.type": "open", "proc.duration": -1}',
        b'{"evt.num": 1, "evt.type": "open", "fd.num": 99999999999999999999}',
    ]
    parsed = wide().parse([*broken, *lines(EVENT)], 1)
    assert [reject.offset for reject in parsed.rejects] == list(range(len(broken)))
    assert (parsed.accepted, parsed.events["evt.num"].to_list()) == (1, [5])


def test_text_without_utf8_is_no_text() -> None:
    parsed = wide().parse([b'{"evt.num": 1, "evt.type": "open", "proc.name": "\\ud800"}', *lines(EVENT)], 1)
    assert (len(parsed.rejects), parsed.events.height) == (1, 1)


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=4))
def test_every_line_is_accepted_or_rejected(events: list[dict[str, Any]]) -> None:
    for parsed in (wide().parse(lines(*events), 1), falco_events.parse(lines(*events), 1)):
        assert parsed.accepted + len(parsed.rejects) == len(events)


def test_no_lines_make_the_activity_table() -> None:
    assert falco_events.parse([], 1).events.columns == list(tables.names(tables.ACTIVITY))
