"""What the sensor's tests share: the process outlives a peer that went away, as a Python program does from its start."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(autouse=True)
def _outlive_peers() -> None:
    """The command line dies of a closed pipe, and a test of it leaves that behind."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
