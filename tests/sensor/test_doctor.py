"""The doctor: what is missing is named with its cure, and nothing is taken for granted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll import errors
from plimsoll.sensor import control, doctor
from plimsoll.sensor.shapes import Coverage
from tests.sensor.hosts import mounted


def states(checks: list[doctor.Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


@pytest.fixture(autouse=True)
def _kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kernel:
        def __init__(self, **_: Any) -> None:
            self.coverage = [
                Coverage("exec", True, ""),
                Coverage("files", False, "tracefs is not mounted"),
                Coverage("pinning", False, "x"),
            ]

        def close(self, **_: Any) -> None:
            pass

    monkeypatch.setattr(doctor, "Kernel", Kernel)


def test_what_the_kernel_cannot_give_is_missing_with_its_reason(tmp_path: Path) -> None:
    checks = doctor.examine(tmp_path / "s")
    assert states(checks)["sees exec"] == "ok"
    assert states(checks)["sees files"] == "missing"
    assert any("tracefs" in check.mend for check in checks if check.name == "sees files")
    assert "sees pinning" not in states(checks)


def test_programs_that_were_not_built_are_said_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OBJECT", tmp_path / "absent.o")
    (check,) = [check for check in doctor.examine(tmp_path / "s") if check.name == "sensor's programs"]
    assert check.state == "missing"
    assert "make setup with clang" in check.mend


def test_rights_that_are_not_held_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_effective", lambda: 1 << 39)
    found = states(doctor.examine(tmp_path / "s"))
    assert (found["CAP_BPF"], found["CAP_PERFMON"], found["CAP_SYS_ADMIN"]) == ("ok", "missing", "note")


def test_who_may_not_load_programs_is_told_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_effective", lambda: 1 << 39)
    assert doctor.refusal() == "the sensor needs root, or CAP_PERFMON"
    monkeypatch.setattr(doctor, "_effective", lambda: 1 << 39 | 1 << 38)
    assert doctor.refusal() == ""  # connections, names and isolation are reduced coverage
    monkeypatch.setattr(doctor, "_effective", lambda: ~0)
    assert doctor.refusal() == ""


def test_programs_that_do_not_load_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise errors.PlimsollError("run it as root")

    monkeypatch.setattr(doctor, "Kernel", refuse)
    assert states(doctor.examine(tmp_path / "s"))["programs"] == "missing"


def test_a_running_agent_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"coverage": [{"name": "exec", "working": True, "reason": ""}]}
    monkeypatch.setattr(control, "ask", lambda *_: told)
    assert states(doctor.examine())["agent"] == "ok"


@pytest.mark.parametrize(
    ("v1", "v2", "state", "says"),
    [
        (True, "/sys/fs/cgroup/unified", "note", "hybrid"),
        (False, "/sys/fs/cgroup", "ok", "version 2"),
        (True, "", "missing", "version 1 alone"),
        (False, "", "missing", "none"),
    ],
)
def test_control_groups_that_give_less_are_named(tmp_path: Path, v1: bool, v2: str, state: str, says: str) -> None:
    check = doctor._hierarchy(mounted(tmp_path, v1=v1, v2=v2))
    assert check.state == state
    assert check.found.startswith(says)
    assert bool(check.mend) == (state != "ok")
