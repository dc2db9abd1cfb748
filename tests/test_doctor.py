"""The doctor says what is there, what is missing, and how to mend it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from plimsoll import doctor, flow
from tests import told


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of one segment."""
    flow.learn([str(told.log(tmp_path / "audit.log", told.habit(1)))], tmp_path / "p")
    return tmp_path / "p"


def found(name: str, profile: Path | None = None) -> doctor.Check:
    (only,) = [check for check in doctor.examine(profile) if check.name == name]
    return only


def test_every_check_has_a_state_and_what_is_not_well_has_a_cure():
    for check in doctor.examine(Path("/nowhere")):
        assert check.state in ("ok", "missing", "note")
        assert check.name
        assert check.found
        assert bool(check.mend) == (check.state != "ok")


def test_this_machine_runs_what_is_needed():
    assert found("Python").state == found("engine polars").state == "ok"


def test_checks_come_in_one_order(profile):
    names = [check.name for check in doctor.examine(profile)]
    assert names == [check.name for check in doctor.examine(profile)]
    assert names[-2:] == ["profile", "disk"]
    assert [check.name for check in doctor.examine()] == names[:-2]


def test_an_extra_that_is_not_there_is_a_note_and_the_engine_itself_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert found("engine duckdb").state == "note"
    assert "plimsoll[duckdb]" in found("engine duckdb").mend
    assert found("engine polars").state == "missing"


def test_java_is_found_where_java_home_says(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setenv("JAVA_HOME", "/opt/java")
    assert found("Java") == doctor.Check("ok", "Java", "/opt/java", "")
    monkeypatch.delenv("JAVA_HOME")
    assert found("Java").state == "note"


def test_a_kubeconfig_may_be_one_of_several(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/one")
    assert found("cluster").state == "note"
    (tmp_path / "one").touch()
    assert found("cluster").state == "ok"


def test_a_profile_is_read_to_its_end(profile):
    assert found("profile", profile).found.endswith("1 segment, readable")


def test_a_damaged_profile_is_missing_and_named(profile):
    (segment,) = (profile / "segments").glob("*.parquet")
    segment.write_bytes(segment.read_bytes()[:100])
    broken = found("profile", profile)
    assert broken.state == "missing"
    assert segment.name in broken.found


def test_where_no_profile_is_the_disk_is_looked_at_all_the_same(tmp_path):
    nowhere = tmp_path / "no" / "where"
    assert found("profile", nowhere).state == "missing"
    assert str(tmp_path) in found("disk", nowhere).found


def test_little_room_is_missing(monkeypatch, profile):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    assert found("disk", profile).state == "missing"
