"""Names of addresses: the newest answer counts, and memory has a bound."""

from __future__ import annotations

import pytest

from plimsoll.sensor import dns, names


def test_the_newest_answer_counts() -> None:
    known = names.Names()
    known.remember(1, dns.Answer("a", ("10.0.0.1",)))
    known.remember(1, dns.Answer("b", ("10.0.0.1",)))
    assert known.of(1, "10.0.0.1") == "b"


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 2)
    known = names.Names()
    for n in range(4):
        known.remember(1, dns.Answer(f"name{n}", (f"10.0.0.{n}",)))
    assert [known.of(1, f"10.0.0.{n}") for n in range(4)] == ["", "", "name2", "name3"]
