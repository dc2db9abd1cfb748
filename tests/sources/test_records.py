"""The contract of sources: types are checked a value at a time, numbers count records, reasons are one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.sources import records

WRONG: dict[str, list[Any]] = {
    "string": [7, True, ["x"], b"x", "\ud800"],
    "bool": [0, 1, "true"],
    "int64": [True, 1.0, "1", 2**63, -(2**63) - 1],
    "float64": [True, "1", 2**63],
    "time": [True, 1.0, "2026-03-02T10:00:00Z", -1, 2**62, datetime(2026, 3, 2), datetime(1, 1, 1, tzinfo=UTC)],  # noqa: DTZ001
    "list[string]": ["x", [1], ["x", None], ("x",), ["\udc00"]],
}
RIGHT: dict[str, list[Any]] = {
    "string": ["", "naïve 🐙"],
    "bool": [True, False],
    "int64": [0, 2**63 - 1, -(2**63)],
    "float64": [1.5, 2],
    "time": [0, 1772445600123456, datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=5)))],
    "list[string]": [[], ["a", "ß"]],
}


def of(kind: str) -> tables.Table:
    return (tables.Column("evt_num", "int64", ""), tables.Column("value", kind, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in WRONG.items() for value in values])
def test_a_value_of_another_type_is_refused(kind: str, value: object) -> None:
    with pytest.raises(records.Unreadable, match="value is no"):
        records.checker(of(kind))({"value": value}, 1)


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in RIGHT.items() for value in values])
def test_a_value_that_passes_fits_its_column(kind: str, value: object) -> None:
    row = records.checker(of(kind))({"value": value}, 1)
    assert frames.of_rows(of(kind), [row])["value"].null_count() == 0


@given(st.dictionaries(st.sampled_from(tables.names(tables.ACTIVITY)), st.integers() | st.text() | st.booleans() | st.none() | st.floats() | st.lists(st.text() | st.none())))  # fmt: skip
def test_what_the_check_lets_through_always_fits_the_table(row: dict[str, Any]) -> None:
    try:
        checked = records.checker(tables.ACTIVITY)(row, 1)
    except records.Unreadable:
        return
    assert frames.of_rows(tables.ACTIVITY, [checked]).height == 1


def test_a_moment_is_the_same_in_any_zone() -> None:
    moment = datetime(2026, 3, 2, 10, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-7)))
    assert records.microseconds(moment) == records.microseconds(elsewhere) == 1772445600_000000


def test_numbers_count_records_accepted_and_rejected() -> None:
    parse = records.each("activity", lambda record: [{"evt_type": name} for name in record])
    parsed = parse([b'["a"]', b"broken", b"[]", b'["b", "c"]', b'[7, "d"]', b'["e"]'], 10)
    assert parsed.events["evt_num"].to_list() == [10, 13, 13, 15]
    assert (parsed.accepted, [reject.offset for reject in parsed.rejects]) == (4, [1, 4])


def test_a_record_of_which_one_row_is_broken_has_no_row() -> None:
    parse = records.each("activity", lambda record: record)
    assert parse([b'[{"evt_type": "a"}, {"proc_pid": "1"}]'], 1).events.is_empty()


def test_a_line_that_wraps_several_counts_as_several_and_an_empty_wrapper_as_one() -> None:
    split = msgspec.json.Decoder(list[msgspec.Raw]).decode
    parse = records.each("activity", lambda name: [{"evt_type": name}], str, split)
    parsed = parse([b'["a", 7, "b"]', b"[]", b"{}", b'["c"]'], 1)
    assert parsed.events["evt_num"].to_list() == [1, 3, 6]
    assert (parsed.accepted, [reject.offset for reject in parsed.rejects]) == (4, [0, 2])


def test_a_record_too_deep_is_a_reject() -> None:
    parse = records.each("activity", lambda _: [])
    assert len(parse([b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000], 1).rejects) == 2


@given(st.text())
def test_a_reason_is_one_short_printable_line(text: str) -> None:
    for broken in (records.Unreadable(text), ValueError(text), KeyError(text)):
        reason = records.reason(broken)
        assert reason.isprintable()
        assert 0 < len(reason) <= 200
