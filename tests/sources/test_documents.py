from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import documents

VALUES = st.recursive(
    st.none() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def found(data: bytes, block: int = 1 << 20) -> list[bytes] | None:
    return documents.opening(data[at : at + block] for at in range(0, len(data), block)).found


@given(st.lists(st.dictionaries(st.text(), VALUES, min_size=1)), st.integers(0, 4), st.integers(1, 64))
def test_the_elements_of_an_array_are_its_records_each_in_one_line(
    written: list[object], indent: int, block: int
) -> None:
    records = found(json.dumps(written, indent=indent or None).encode(), block)
    assert records is not None
    assert [json.loads(record) for record in records] == written
    assert not any(b"\n" in record for record in records)


def test_an_object_over_many_lines_is_one_record() -> None:
    written = {"kind": "EventList", "items": [{"auditID": "a"}]}
    assert found(b"\n " + json.dumps(written, indent=2).encode()) == [
        json.dumps(written, separators=(",", ":")).encode()
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b'{"a":1}',
        b'{"a":1}\n{"a":2}\n',
        b'{"a":1,\n{"a":2}\n',
        b'[{"a":1},\n{"a":2}\n',
        b"[" * 100_000,
        b"{\n" * 100_000,
        b'{\n"a": 1}\n{\n"a": 2}\n',
        b"\xff\xfe{\n",
    ],
)
def test_what_is_no_one_document_is_given_back_whole(data: bytes) -> None:
    opening = documents.opening(iter([data[:3], data[3:]]))
    assert opening.found is None
    assert b"".join(opening.blocks) == data


def test_a_document_that_is_too_large_to_hold_is_given_back_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LARGEST", 100)
    data = json.dumps([{"a": 1}] * 50).encode()
    opening = documents.opening(data[at : at + 7] for at in range(0, len(data), 7))
    assert opening.found is None
    assert b"".join(opening.blocks) == data
