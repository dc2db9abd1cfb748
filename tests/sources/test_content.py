from __future__ import annotations

import gzip
import hashlib
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sources import content, inputs

LOG = b"".join(b'{"line": %d, "text": "%d"}\n' % (number, number * 7919 % 104729) for number in range(5000))
PACKED = {"gzip": gzip.compress(LOG), "zstd": zstandard.compress(LOG)}


def unpacked(packed: bytes, block: int = 1000) -> tuple[bytes, content.Content]:
    blocks = [packed[at : at + block] for at in range(0, len(packed), block)]
    text = content.Content(inputs.Input("a.log", lambda: iter(blocks)))
    return b"".join(text), text


@given(
    st.binary(max_size=300).filter(lambda data: not data.startswith((content.GZIP, content.ZSTD))),
    st.sampled_from(["plain", "gzip", "zstd", "members", "frames"]),
    st.integers(1, 50),
)
def test_every_packing_of_a_log_gives_the_log_and_its_digest(log: bytes, kind: str, block: int) -> None:
    half = len(log) // 2
    packed = {
        "plain": lambda: log,
        "gzip": lambda: gzip.compress(log),
        "zstd": lambda: zstandard.compress(log),
        "members": lambda: gzip.compress(log[:half]) + gzip.compress(log[half:]) + bytes(9),
        "frames": lambda: (
            b"\x51\x2a\x4d\x18\x03\0\0\0abc" + zstandard.compress(log[:half]) + zstandard.compress(log[half:])
        ),
    }[kind]()
    found, text = unpacked(packed, block)
    assert (found, text.broken) == (log, None)
    assert text.digest == hashlib.sha256(log).hexdigest()


@pytest.mark.parametrize("kind", PACKED)
def test_of_a_stream_that_is_cut_off_everything_before_is_used(kind: str) -> None:
    found, text = unpacked(PACKED[kind][:-100])
    assert LOG.startswith(found)
    assert text.broken == f"the {kind} stream is cut off"
    assert len(found) > (len(LOG) // 2 if kind == "gzip" else -1)


@pytest.mark.parametrize("kind", PACKED)
def test_a_corrupt_stream_ends_with_a_reason_and_what_came_before_is_whole(kind: str) -> None:
    pack = gzip.compress if kind == "gzip" else zstandard.compress
    found, text = unpacked(pack(LOG) + pack(LOG)[:20] + b"\xff" * 100)
    assert found.startswith(LOG)
    assert text.broken
    assert kind in text.broken


@pytest.mark.parametrize("kind", PACKED)
def test_rubbish_after_the_stream_is_told(kind: str) -> None:
    found, text = unpacked(PACKED[kind] + b"rubbish")
    assert (found, text.broken) == (LOG, f"what follows the {kind} stream is no {kind}")


def test_deflate_gives_all_that_came_before_the_wrong_byte() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"whole\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    found, text = unpacked(packed + b"\xff" * 50)
    assert found == b"whole\n"
    assert text.broken


@given(st.sampled_from(sorted(PACKED)), st.data())
def test_damage_anywhere_is_no_exception(kind: str, data: st.DataObject) -> None:
    packed = bytearray(PACKED[kind])
    for at in data.draw(st.lists(st.integers(0, len(packed) - 1), min_size=1, max_size=5)):
        packed[at] = data.draw(st.integers(0, 255))
    unpacked(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


def test_a_read_error_midway_is_a_break() -> None:
    def blocks():
        yield LOG
        raise inputs.Interrupted("Input/output error")

    text = content.Content(inputs.Input("a.log", blocks))
    assert b"".join(text) == LOG
    assert text.broken == "Input/output error"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_unpacked_in_little_memory(pack) -> None:
    bomb = pack(bytes(300_000_000))
    text = content.Content(inputs.Input("bomb", lambda: iter([bomb])))
    tracemalloc.start()
    size = sum(map(len, text))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 300_000_000
    assert peak < 100_000_000
