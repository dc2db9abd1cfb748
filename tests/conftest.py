"""What the tests share: the folder of recordings beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
