"""Plimsoll's own recordings: the columns of the table under their names."""

from __future__ import annotations

import pytest

from plimsoll.sources import plimsoll_activity


@pytest.mark.parametrize(
    "line",
    [
        b'{"evt_source":"plimsoll"}',
        b'{"time":"x","evt_type":"a"}',
        b'{"time":"2026-01-01T00:00:00Z","evt_type":7}',
        b"[]",
        b"{",
    ],
)
def test_a_row_without_time_or_type_is_rejected(line: bytes) -> None:
    assert len(plimsoll_activity.parse([line], 1).rejects) == 1


def test_fields_of_a_later_version_are_ignored() -> None:
    line = b'{"evt_source":"plimsoll","time":"2026-01-01T00:00:00Z","evt_type":"execve","new":1}'
    assert plimsoll_activity.parse([line], 1).accepted == 1


def test_events_are_numbered_by_their_place_in_the_input() -> None:
    line = b'{"evt_num":77,"evt_source":"plimsoll","time":"2026-01-01T00:00:00Z","evt_type":"execve"}'
    assert plimsoll_activity.parse([line, line], 5).events["evt_num"].to_list() == [5, 6]
