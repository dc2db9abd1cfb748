"""A lookup answers as the levels themselves do, whatever it is asked."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from polars.testing import assert_frame_equal

from plimsoll import engines, frames, tables
from plimsoll.detect import evidence, lookup
from tests.detect.test_evidence import PROFILES, fact, table


def answers(profile: pl.DataFrame, asked: pl.DataFrame, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    levels = evidence.levels(engines.of(profile), 200)
    whole = engines.collect(evidence.evidence(engines.of(asked), levels))
    return whole, lookup.Lookup(levels, seed).evidence(asked)


def same(one: pl.DataFrame, other: pl.DataFrame) -> None:
    assert_frame_equal(one, other, check_row_order=False)


@given(PROFILES, PROFILES)
@settings(max_examples=15)
def test_it_says_what_the_levels_say_of_facts_old_and_new(rows, others):
    asked = table(*rows, *others).select(evidence.FACT).unique()
    same(*answers(table(*rows), asked))


def test_of_an_empty_profile_nothing_is_known():
    whole, found = answers(frames.empty(tables.FACTS), table(fact()))
    same(whole, found)
    assert found["own_count"].to_list() == [0]


def test_it_answers_in_the_order_of_the_questions():
    asked = table(*(fact(object=f"get {what}") for what in "cab"))
    assert answers(table(fact()), asked)[1]["object"].to_list() == ["get c", "get a", "get b"]


def test_asked_for_nothing_it_says_nothing():
    assert answers(table(fact()), table(fact()).clear())[1].is_empty()
