from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.sensor import libbpf, shapes
from plimsoll.sensor.building import OBJECT
from tests.sensor.boxes import needs_kernel


@needs_kernel
def test_a_map_keeps_what_it_was_given() -> None:
    loaded = libbpf.Object(OBJECT, skip=[])
    facts = loaded.maps["allow"]
    keys = {shapes.FACT.pack(1, 2, number) for number in range(1000)}
    assert all(facts.put(key, b"\1\0\0\0", libbpf.NOEXIST) for key in keys)
    assert not facts.put(next(iter(keys)), b"\1\0\0\0", libbpf.NOEXIST)
    assert {key for key, _ in facts.items()} == keys
    assert facts.drop(next(iter(keys)))
    assert not facts.drop(shapes.FACT.pack(9, 9, 9))
    assert facts.get(shapes.FACT.pack(9, 9, 9)) is None
    with pytest.raises(ValueError, match="bytes"):
        facts.get(b"short")
    loaded.close()


@needs_kernel
def test_what_is_no_object_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "no.o").write_bytes(b"\x7fELF nothing")
    with pytest.raises(libbpf.Refused):
        libbpf.Object(tmp_path / "no.o")
