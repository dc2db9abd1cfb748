from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import lines


def cut(data: bytes, block: int, size: int, ending: str | None = None) -> list[lines.Run]:
    return list(lines.runs((data[at : at + block] for at in range(0, len(data), block)), lambda: ending, size))


@given(
    st.lists(st.sampled_from([b"", b" ", b"\r", b"a", b"b\r", b"cc cc", b"\t"])),
    st.booleans(),
    st.integers(1, 9),
    st.integers(1, 5),
)
def test_however_blocks_fall_the_lines_and_their_numbers_are_the_same(
    written: list[bytes], ended: bool, block: int, size: int
) -> None:
    data = b"\n".join(written) + b"\n" * ended
    found = [(run.lines.number(at), line) for run in cut(data, block, size) for at, line in enumerate(run.lines)]
    assert found == [(number, line.rstrip(b"\r")) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    assert all(len(run.lines) <= size for run in cut(data, block, size))


@given(st.text("ab\n").map(str.encode), st.integers(1, 9))
def test_a_text_cut_in_blocks_is_the_same_text_and_each_block_is_of_whole_lines(text: bytes, size: int) -> None:
    blocks = lines.blocks(text, size)
    assert b"".join(block.text for block in blocks) == text
    assert all(block == lines.block(block.text) and block.text.endswith(b"\n") for block in blocks[:-1])
    assert all(len(block.text) <= size or block.height == 1 for block in blocks)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(cut(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n", 100, 10)[0].lines) == [b"{}", b"\xef\xbb\xbf{}"]


def test_a_line_that_is_too_long_is_one_break_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10)
    first, second = cut(b"a\n" + b"x" * 50 + b"\nb\n", 4, 10)
    assert (list(first.lines), list(second.lines)) == ([b"a"], [b"b"])
    assert first.broken == lines.Break(2, lines.TOO_LONG, b"x" * 50)
    assert second.lines.number(0) == 3


def test_a_line_as_long_as_allowed_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10)
    assert [list(run.lines) for run in cut(b"0123456789\n", 3, 10)] == [[b"0123456789"]]


def test_a_last_line_that_is_too_long_is_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 10)
    (only,) = cut(b"x" * 50, 4, 10)
    assert only.broken == lines.Break(1, lines.TOO_LONG, b"x" * 50)


def test_what_was_cut_off_with_the_input_is_one_break() -> None:
    (only,) = cut(b'{"a":1}\n{"a"', 5, 10, "the gzip stream is cut off")
    assert list(only.lines) == [b'{"a":1}']
    assert only.broken == lines.Break(2, "the gzip stream is cut off", b'{"a"')


def test_an_endless_line_is_not_held() -> None:
    block = b"x" * (1 << 20)
    tracemalloc.start()
    (only,) = lines.runs((block for _ in range(200)), lambda: None, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert only.broken
    assert len(only.broken.raw) == lines.KEPT
    assert peak < 4 * lines.LONGEST


def test_a_run_ends_when_it_is_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "HEAVY", 100)
    assert [len(run.lines) for run in cut(b"0123456789\n" * 30, 11, 1000)] == [10, 10, 10]
