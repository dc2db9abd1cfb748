"""What the tests share: the folder of recordings beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from plimsoll import cli
from tests import told
from tests.typed import HABIT, THEFT, Told

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("plimsoll", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("plimsoll")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; the test is skipped where it is absent."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the recordings (../shared/data) are not here")
    return folder


@pytest.fixture(scope="session")
def shared_tables() -> Path:
    """The folder of published schemas and tables; the test is skipped where it is absent."""
    folder = SHARED / "facts" / "tables"
    if not folder.is_dir():
        pytest.skip("the schemas (../shared/facts/tables) are not here")
    return folder


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: object) -> Told:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Told(code, *capsys.readouterr())

    return ran


@pytest.fixture
def taught(run, tmp_path) -> Path:
    """Give a folder with a profile of the shop's web pod in `p`, the log of its habit, and one of a theft."""
    told.log(tmp_path / "habit.log", HABIT)
    told.log(tmp_path / "theft.log", [THEFT])
    assert run("learn", "habit.log", "--profile", "p").code == 0
    return tmp_path
