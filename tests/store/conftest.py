"""An empty profile to learn into."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.store import Profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile.open(tmp_path / "profile", create=True)
