"""A small format of its own for the tests of how bytes become batches."""

from __future__ import annotations

import pytest

from plimsoll import sources
from tests.sources.counting import Counting


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """The only format there is while the test runs."""
    source = Counting()
    monkeypatch.setattr(sources, "every", lambda: {"counting": source})
    return source
