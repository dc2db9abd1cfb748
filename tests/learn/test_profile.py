"""Learning may be split in any way: one set of facts, one profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import engines, frames, tables
from plimsoll.learn import profile

MADE = st.text(max_size=3)
FEW = st.sampled_from(["", "a", "b", "ä", "\x00", "￿", "𐀀"]) | MADE


def fact(
    subject: str, verb: str, given: str, what: str, day: int, count: int, second: int, lasts: int
) -> dict[str, object]:
    first = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=second, microseconds=count)
    return {
        "subject": subject,
        "peer": f"peer of {subject}",
        "verb": verb,
        "given": given,
        "object": what,
        "day": 20_454 + day,
        "count": count,
        "first": first,
        "last": first + timedelta(seconds=lasts),
    }


FACT = st.builds(
    fact,
    FEW,
    st.sampled_from(["exec", "within"]),
    FEW,
    FEW,
    st.integers(0, 3),
    st.integers(1, 2**40),
    st.integers(0, 9),
    st.integers(0, 9),
)
FACTS = st.lists(FACT, max_size=30)


def table(rows: list[dict[str, object]]) -> pl.DataFrame:
    return frames.of_rows(tables.FACTS, rows)


def learn(facts: pl.DataFrame) -> pl.DataFrame:
    return engines.collect(profile.learn(engines.of(facts)))


def merge(*profiles: pl.DataFrame) -> pl.DataFrame:
    return engines.collect(profile.merge([engines.of(each) for each in profiles]))


def members(learned: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(learned.select(profile.KEY).rows())


def nested(parts: list[pl.DataFrame], data: st.DataObject) -> pl.DataFrame:
    """Merge parts two by two until one is left, in an order that hypothesis chooses."""
    left = [learn(part) for part in parts]
    while len(left) > 1:
        one = left.pop(data.draw(st.integers(0, len(left) - 1)))
        other = left.pop(data.draw(st.integers(0, len(left) - 1)))
        left.append(merge(one, other))
    return left[0]


@given(FACTS, FACTS)
def test_merging_is_commutative(one, other):
    a, b = learn(table(one)), learn(table(other))
    assert engines.digest(merge(a, b)) == engines.digest(merge(b, a))


@given(FACTS, FACTS, FACTS)
def test_merging_is_associative(one, other, third):
    a, b, c = (learn(table(rows)) for rows in (one, other, third))
    assert (
        engines.digest(merge(merge(a, b), c)) == engines.digest(merge(a, merge(b, c))) == engines.digest(merge(a, b, c))
    )


@given(FACTS)
def test_merging_a_profile_with_itself_adds_no_member(rows):
    learned = learn(table(rows))
    twice = merge(learned, learned)
    assert members(twice) == members(learned)
    unchanged = [name for name in learned.columns if name != "count"]
    assert engines.digest(twice.select(unchanged)) == engines.digest(learned.select(unchanged))
    assert twice["count"].sum() == 2 * learned["count"].sum()


@given(FACTS)
def test_nothing_learned_leaves_a_profile_as_it_is(rows):
    learned = learn(table(rows))
    assert engines.digest(merge(learned, frames.empty(tables.PROFILE))) == engines.digest(learned)
    assert engines.digest(learn(learned)) == engines.digest(learned)


@given(FACTS, st.data())
def test_any_split_order_and_nesting_gives_one_profile(rows, data):
    parts: list[list[dict[str, object]]] = [[] for _ in range(4)]
    for row in data.draw(st.permutations(rows)):
        parts[data.draw(st.integers(0, 3))].append(row)
    assert engines.digest(nested([table(part) for part in parts], data)) == engines.digest(learn(table(rows)))


@given(FACTS)
def test_what_was_learned_is_inside_the_profile_and_nothing_else_is(rows):
    facts = table(rows)
    assert members(learn(facts)) == members(facts)


@given(FACTS)
def test_a_profile_counts_every_event_and_keeps_its_first_and_last_time(rows):
    facts = table(rows)
    learned = learn(facts)
    assert learned.schema == frames.schema(tables.PROFILE)
    assert learned["count"].sum() == facts["count"].sum()
    assert learned["first"].min() == facts["first"].min()
    assert learned["last"].max() == facts["last"].max()


def test_a_profile_remembers_more_than_a_year():
    facts = frames.of_rows(tables.FACTS, [fact("a", "v", "", "o", day, 1, 0, 0) for day in (0, 35, 400, 420)])
    kept = engines.collect(profile.recent(engines.of(facts), 20_454 + 400))
    assert sorted(kept["day"] - 20_454) == [35, 400, 420]
