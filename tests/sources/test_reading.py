from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.sources import inputs, lines, reading
from tests.sources.counting import text

pytestmark = pytest.mark.usefixtures("counting")


def read(
    data: bytes, forced: str | None = None, size: int = reading.SIZE
) -> tuple[reading.Reading, list[reading.Batch]]:
    found = reading.Reading(inputs.Input("a.log", lambda: iter([data] if data else [])), format=forced, size=size)
    return found, list(found)


def numbers(batches: list[reading.Batch], column: str = "proc_pid") -> list[int]:
    return [number for batch in batches for number in batch.events[column]]


def test_a_file_becomes_batches_of_its_recognised_format() -> None:
    found, batches = read(text(*range(10)), size=4)
    assert [(batch.source, batch.format, batch.stream, batch.accepted) for batch in batches] == [
        ("a.log", "counting", "activity", accepted) for accepted in (4, 4, 2)
    ]
    assert numbers(batches) == list(range(10))
    assert numbers(batches, "evt_num") == list(range(1, 11))
    assert (found.format, found.accepted, found.rejected) == ("counting", 10, 0)
    assert found.digest == hashlib.sha256(text(*range(10))).hexdigest()


def test_plain_gzip_and_zstd_copies_are_one_segment() -> None:
    copies = [text(1, 2), gzip.compress(text(1, 2)), zstandard.compress(text(1, 2))]
    assert len({read(copy)[0].digest for copy in copies}) == 1


def test_a_broken_record_is_set_aside_with_its_line_and_reason() -> None:
    _, batches = read(text(1) + b"\n{broken\n" + text(2))
    assert batches[0].rejects == [reading.Reject("a.log", 3, "no number", b"{broken")]
    assert numbers(batches, "evt_num") == [1, 3]


def test_records_are_counted_on_over_batches_and_wrapped_ones_each() -> None:
    _, batches = read(b'{"many": [7, null, 8]}\n' + text(9) + b'{"many": [10, 11]}\n', size=1)
    assert numbers(batches, "evt_num") == [1, 3, 4, 5, 6]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([b'{"n":1}', b"{", b"stumble", b"", b"null", b"[", b"\xff\0", b'[{"n":1},', b'"b":2}]'])),
    st.integers(1, 5),
)
def test_every_line_is_accepted_or_rejected(written: list[bytes], size: int) -> None:
    found, batches = read(b"\n".join([b'{"n":0}', *written]), forced="counting", size=size)
    assert found.accepted + found.rejected == 1 + sum(bool(line) for line in written)
    assert found.accepted == sum(batch.events.height for batch in batches) == 1 + written.count(b'{"n":1}')
    assert all(batch.events.schema == batches[0].events.schema for batch in batches)


def test_where_a_source_stumbles_the_other_lines_stand() -> None:
    _, batches = read(text(*range(5)) + b"stumble\n" + text(*range(5)))
    assert numbers(batches, "evt_num") == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]
    assert batches[0].rejects[0].line == 6
    assert "should not raise" in batches[0].rejects[0].reason


def test_a_document_over_many_lines_is_its_records() -> None:
    found, batches = read(json.dumps([{"n": 1}, {"x": 0}, {"many": [2, 3]}], indent=2).encode(), size=2)
    assert numbers(batches, "evt_num") == [1, 3, 4]
    assert (found.accepted, found.rejected, batches[0].rejects[0].line) == (3, 1, 2)


def test_a_truncated_gzip_gives_what_came_before_and_one_reject() -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    packed = packer.compress(text(1, 2) + b'{"n"') + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    found, batches = read(packed)
    assert numbers(batches) == [1, 2]
    assert batches[0].rejects == [reading.Reject("a.log", 3, "the zstd stream is cut off", b'{"n"')]
    assert (found.accepted, found.rejected) == (2, 1)


def test_a_line_that_is_too_long_is_one_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST", 20)
    found, batches = read(b"x" * 100 + b"\n" + text(1))
    assert [reject.reason for batch in batches for reject in batch.rejects] == [lines.TOO_LONG]
    assert numbers(batches, "evt_num") == [2]
    assert found.rejected == 1


def test_the_raw_bytes_kept_of_a_reject_are_bounded() -> None:
    _, batches = read(text(1) + b"x" * 10_000)
    assert len(batches[0].rejects[0].raw) == 4096


@pytest.mark.parametrize("data", [bytes(range(256)) * 64, b"hello\n", b'{"other": 1}\n', b"[1, 2]", b"{" * 1000])
def test_an_input_of_no_format_we_know_is_an_error_that_says_what_to_do(data: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        read(data)
    assert str(caught.value) == "a.log: no format we know (counting); name it with --from"


def test_an_input_that_breaks_before_its_first_record_is_an_error_with_that_reason() -> None:
    with pytest.raises(errors.InputError, match=r"a\.log: the gzip stream is corrupt"):
        read(b"\x1f\x8b" + b"\xff" * 100)


def test_with_a_forced_format_rubbish_is_all_rejects() -> None:
    found, batches = read(b"hello\nworld\n", forced="counting")
    assert (found.accepted, found.rejected) == (0, 2)
    assert batches[0].events.height == 0


@pytest.mark.parametrize(
    "data", [b"", b"\n\n \n", gzip.compress(b"", mtime=0)], ids=["nothing", "blank lines", "gzip of nothing"]
)
def test_an_empty_input_is_no_error_and_has_no_batches(data: bytes) -> None:
    found, batches = read(data)
    assert (batches, found.format, found.accepted, found.rejected) == ([], None, 0, 0)
    assert found.digest


def test_the_format_can_be_asked_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text(1))
    (tmp_path / "b.log").write_bytes(b"hello")
    first, second = inputs.inputs([str(tmp_path)])
    assert reading.detect(first) == "counting"
    with pytest.raises(errors.InputError, match=r"b\.log"):
        reading.detect(second)
    assert reading.detect(first._replace(again=False)) is None


def test_an_input_left_in_the_middle_is_closed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(text(*range(100)))
    batches = reading.batches(inputs.inputs([str(tmp_path)])[0], size=10)
    assert next(batches).accepted == 10
    batches.close()  # an open file would be a ResourceWarning, and warnings are errors
