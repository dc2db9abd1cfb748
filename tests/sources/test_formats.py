from __future__ import annotations

import pytest

from plimsoll import errors, sources
from tests.sources.counting import Counting


def test_formats_are_the_modules_that_look_like_one() -> None:
    assert "falco" in sources.names()
    assert not {"records", "reading", "inputs"} & set(sources.names())


def test_an_unknown_format_is_answered_with_the_known_ones(counting: Counting) -> None:
    with pytest.raises(errors.UsageError, match="counting"):
        sources.get("smoke_signals")


def test_the_first_recognised_record_decides(counting: Counting) -> None:
    assert sources.recognised([b"{broken", b"7", b'"text"', b'{"other": 1}', b'{"n": 1}']) == "counting"


def test_we_stop_looking_after_a_while(counting: Counting) -> None:
    assert sources.recognised([b"{}"] * sources.SAMPLE + [b'{"n": 1}']) is None


def test_a_deep_or_binary_line_is_recognised_by_nobody(counting: Counting) -> None:
    assert sources.recognised([b"[" * 100_000, bytes(range(256))]) is None
