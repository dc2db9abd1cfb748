"""Names become documents, each with its place, whatever they are packed in."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from plimsoll import errors
from plimsoll.cluster import manifests

BOTH = b"a: 1\n---\nb: 2\n"


def read(source: Path | str) -> list[manifests.Document | manifests.Reject]:
    return list(manifests.documents(str(source)))


def held(source: Path | str) -> list[bytes]:
    return [one.json if isinstance(one, manifests.Document) else one.reason.encode() for one in read(source)]


def test_a_document_knows_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"%YAML 1.2\n---\n# first\na: 1\n--- # second\n\nb: 2\n...\n# end\n---\n---\nc: 3")
    name = str(tmp_path / "a")
    assert read(name) == [
        manifests.Document(name, 3, b'{"a":1}'),
        manifests.Document(name, 5, b'{"b":2}'),
        manifests.Document(name, 12, b'{"c":3}'),
    ]


def test_a_marker_within_a_line_or_a_block_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a: '---'\nb: |\n  ---\n  x\nc: ----\n")
    assert held(tmp_path / "a") == [b'{"a":"---","b":"---\\nx\\n","c":"----"}']


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])]
)
def test_what_is_packed_is_unpacked_by_content(tmp_path: Path, pack) -> None:
    (tmp_path / "a").write_bytes(pack(BOTH))
    assert held(tmp_path / "a") == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize(("pack", "kind"), [(gzip.compress, b"gzip"), (zstandard.compress, b"zstd")])
@pytest.mark.parametrize("cut", [1, 5])
def test_a_packed_file_that_is_cut_off_is_told(tmp_path: Path, pack, kind: bytes, cut: int) -> None:
    (tmp_path / "a").write_bytes(pack(BOTH)[:-cut])
    assert held(tmp_path / "a")[-1] == b"the %s stream is cut off" % kind


def test_zeros_after_a_packed_file_are_padding_and_other_bytes_are_not(tmp_path: Path) -> None:
    for name, after, documents in (("a", b"\0" * 512, 2), ("b", b"\0" * 512 + b"x", 3), ("c", b"x", 3)):
        (tmp_path / name).write_bytes(gzip.compress(BOTH) + after)
        assert len(held(tmp_path / name)) == documents


def test_many_tiny_members_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b"") * 20_000 + gzip.compress(BOTH))
    assert len(held(tmp_path / "a")) == 2


@pytest.mark.parametrize("damaged", [b"\x1f\x8b\x08", b"\x1f\x8b\x08\xff\xff\xff\xff", b"\x28\xb5\x2f\xfd\xff\xff\xff"])
def test_a_damaged_packed_file_is_a_reject(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "a").write_bytes(damaged)
    assert len(held(tmp_path / "a")) == 1


def test_a_folder_is_all_its_manifests_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.yaml", "a.json", "in/c.yml.gz", "readme.md", ".hidden.yaml"):
        (tmp_path / name).write_bytes(b'{"name": "%s"}' % name.encode())
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert held(tmp_path) == [b'{"name":"a.json"}', b'{"name":"b.yaml"}', b'{"name":"in/c.yml.gz"}']
    assert held(tmp_path / "*.json") == [b'{"name":"a.json"}']


def test_what_cannot_be_read_at_all_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in ("nothing", "no*thing", "", "empty", "a\0b"):
        with pytest.raises(errors.InputError):
            read(tmp_path / source if source else source)


def test_a_file_is_read_up_to_a_bound_and_a_folder_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "LARGEST", 1000)
    (tmp_path / "bomb.yaml").write_bytes(gzip.compress(b" " * 100_000))
    (tmp_path / "fine.yaml").write_bytes(BOTH)
    with pytest.raises(errors.InputError, match="larger"):
        read(tmp_path / "bomb.yaml")
    assert held(tmp_path) == [b"larger than 0 MiB", b'{"a":1}', b'{"b":2}']


def test_many_tiny_values_are_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MOST", 1000)
    (tmp_path / "a.json").write_bytes(b"[" + b"1," * 2000 + b"1]")
    with pytest.raises(errors.InputError, match="more than 1,000 values"):
        read(tmp_path / "a.json")


def test_a_damaged_line_of_a_stream_is_one_reject_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"a": \n{"b": 2}\n{"c": 3\n\n{"d": 4}\n')
    assert [(one.line, isinstance(one, manifests.Reject)) for one in read(tmp_path / "a")] == [
        (1, True),
        (2, False),
        (3, True),
        (5, False),
    ]


def test_a_deep_document_is_a_reject(tmp_path: Path) -> None:
    for name, text in {
        "a.json": b"[" * 100_000 + b"]" * 100_000,
        "b.yaml": b"- " * 100_000,
        "c.json": b'{"a":' * 9999,
    }.items():
        (tmp_path / name).write_bytes(text)
        assert [type(one) for one in read(tmp_path / name)] == [manifests.Reject]
