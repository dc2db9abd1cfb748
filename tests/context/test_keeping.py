from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plimsoll.context.keeping import FAILURES, LONGEST, REST, Kept
from plimsoll.context.statements import Said, Silent, Statement

START = datetime(2026, 3, 4, tzinfo=UTC)
TTL = timedelta(minutes=5)


class Source:
    def __init__(self) -> None:
        self.asked = 0
        self.silent: Silent | None = None

    def __call__(self, now: datetime) -> Said:
        self.asked += 1
        if self.silent:
            raise self.silent
        return Said([Statement("ticket", str(self.asked))], [])


def fails(kept: Kept, now: datetime) -> str:
    with pytest.raises(Silent) as told:
        kept.said(now)
    return str(told.value)


def test_an_answer_holds_for_its_time_with_its_age() -> None:
    source = Source()
    kept = Kept(source, TTL)
    assert kept.said(START)[1] == START
    said, fetched = kept.said(START + timedelta(minutes=4))
    assert (said.statements[0].id, fetched, source.asked) == ("1", START, 1)
    assert kept.said(START + TTL)[0].statements[0].id == "2"


def test_an_answer_that_is_too_old_is_none_when_the_source_is_silent() -> None:
    source = Source()
    kept = Kept(source, TTL)
    kept.said(START)
    source.silent = Silent("is gone")
    assert fails(kept, START + TTL) == "is gone"


def test_after_some_failures_a_source_is_left_in_peace_ever_longer() -> None:
    source = Source()
    source.silent = Silent("is gone")
    kept, now = Kept(source, TTL), START
    for _ in range(FAILURES):
        fails(kept, now)
    assert "not asked again before 00:01:00" in fails(kept, now + timedelta(seconds=1))
    assert source.asked == FAILURES
    now += REST
    fails(kept, now)
    assert source.asked == FAILURES + 1
    assert "not asked again" in fails(kept, now + REST)
    for _ in range(20):
        now += LONGEST
        fails(kept, now)
    assert source.asked == FAILURES + 21


def test_a_source_that_answers_again_is_asked_again() -> None:
    source = Source()
    source.silent = Silent("wants peace", timedelta(seconds=30))
    kept = Kept(source, TTL)
    fails(kept, START)
    assert "not asked again" in fails(kept, START + timedelta(seconds=29))
    source.silent = None
    assert kept.said(START + timedelta(seconds=30))[0].statements


def test_a_clock_that_went_back_makes_no_answer_younger() -> None:
    source = Source()
    kept = Kept(source, TTL)
    kept.said(START)
    kept.said(START - timedelta(hours=1))
    assert source.asked == 2
