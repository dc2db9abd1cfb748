"""What the sensor's tests share: the process outlives a peer that went away, as a Python program does from its start."""

from __future__ import annotations

import pytest

from tests.sensor import boxes


@pytest.fixture(scope="session")
def programs() -> None:
    """Skip where the kernel does not take the sensor's programs."""
    if lack := boxes.lacking():
        pytest.skip(lack)


@pytest.fixture(scope="session")
def containers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no container can be started."""
    if lack := boxes.lacking_runtime(tmp_path_factory.mktemp("tried")):
        pytest.skip(lack)
