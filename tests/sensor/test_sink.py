"""Lines out: see also the spool, which is one kind of sink."""

from __future__ import annotations

import io
import threading
from typing import BinaryIO, cast

import pytest

from plimsoll.sensor import sink


def test_a_reader_that_went_away_is_noticed() -> None:
    class Gone(io.BytesIO):
        def write(self, _: object) -> int:
            raise BrokenPipeError

    ended = threading.Event()
    out = sink.Output(cast("BinaryIO", Gone()), ended.set)
    out.start()
    out.put(b"a\n")
    assert ended.wait(5)


def test_a_slow_reader_costs_lines_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "WAITING", 5)
    out = sink.Output(io.BytesIO(), lambda: None)  # not started: nobody reads
    for _ in range(8):
        out.put(b"a\n")
    assert out.dropped == 3


def test_what_was_given_before_the_end_is_written() -> None:
    kept = io.BytesIO()
    out = sink.Output(kept, lambda: None)
    out.start()
    for n in range(1000):
        out.put(b"%d\n" % n)
    out.close()
    assert kept.getvalue().count(b"\n") == 1000
