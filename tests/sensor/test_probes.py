from __future__ import annotations

import re

import pytest

from plimsoll.sensor import building, libbpf, probes


def test_every_program_of_the_object_belongs_to_a_group() -> None:
    sources = "".join(file.read_text() for file in sorted(building.SOURCE.iterdir()))
    written = re.findall(r"SEC\(\"[^\"]+\"\)\s+int (?:BPF_PROG\()?(\w+)", sources)
    assert set(written) == probes.programs_of(set(probes.NAMES))


def test_without_tracefs_the_reason_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "tracing", lambda: None)
    monkeypatch.setattr(probes.pins, "mount", lambda *_: "Operation not permitted; do it once: mount -t tracefs …")
    files = next(group for group in probes.GROUPS if group.name == "files")
    with pytest.raises(libbpf.Refused, match="mount -t tracefs"):
        list(probes.attach(files, {}, set()))


def test_without_cgroup_v2_there_is_no_root() -> None:
    assert probes.cgroup_root(lambda: "cgroup /sys/fs/cgroup/pids cgroup rw 0 0\n\nx") is None
