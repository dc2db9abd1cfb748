"""A file of facts is whole or named as damaged."""

from __future__ import annotations

import io
import random

import polars as pl
import pytest

from plimsoll import errors, frames, tables
from plimsoll.store import Segment, segments
from tests.store import learned


@pytest.fixture(params=[0, 1 << 20], ids=["mapped", "in memory"])
def path(request, profile, monkeypatch):
    """The only file of a profile, small enough to be read whole or not."""
    monkeypatch.setattr(segments, "IN_MEMORY", request.param)
    learned.learn(profile, 1, learned.facts_of(*[("a", str(n), n, n) for n in range(200)]))
    return profile.paths()[0]


def test_a_file_reads_back_as_it_was_written(path):
    file = segments.opened(path)
    assert file.facts.collect().sort("day").equals(learned.facts_of(*[("a", str(n), n, n) for n in range(200)]))
    assert [segment.source for segment in file.segments] == ["1.log"]


def test_a_truncated_file_is_an_input_error_that_names_it(path, profile):
    whole = path.read_bytes()
    for length in (0, 1, 4, 8, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(errors.InputError, match=path.name):
            profile.facts()


def test_a_damaged_file_never_raises_anything_but_an_input_error(path, profile):
    whole = path.read_bytes()
    dice = random.Random(7)
    seen = 0
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            profile.facts().collect()
        except errors.InputError as named:
            seen += path.name in str(named) and "\n" not in str(named)
    assert seen > 20


def written(profile, facts, metadata):
    path = profile.path / "segments" / f"{learned.digest(1)}.parquet"
    facts.write_parquet(path, metadata=metadata)
    return path


def test_other_columns_or_types_are_an_input_error(profile):
    right = {segments.FORMAT_KEY: "1", segments.SEGMENTS_KEY: "[]"}
    for facts in (pl.DataFrame({"a": [1]}), frames.empty(tables.FACTS).with_columns(pl.col("count").cast(pl.Int32))):
        path = written(profile, facts, right)
        with pytest.raises(errors.InputError, match=path.name):
            profile.facts()


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {segments.FORMAT_KEY: "2", segments.SEGMENTS_KEY: "[]"},
        {segments.FORMAT_KEY: "1"},
        {segments.FORMAT_KEY: "1", segments.SEGMENTS_KEY: "[]"},
        {segments.FORMAT_KEY: "1", segments.SEGMENTS_KEY: "[" * 100_000},
        {segments.FORMAT_KEY: "1", segments.SEGMENTS_KEY: '[{"digest": 1}]'},
    ],
)
def test_a_parquet_file_that_does_not_say_whose_facts_it_holds_is_an_input_error(profile, metadata):
    path = written(profile, learned.facts_of(("a", "x", 1, 1)), metadata)
    with pytest.raises(errors.InputError, match=path.name):
        profile.segments()


def test_a_file_under_another_segments_name_is_an_input_error(profile):
    learned.learn(profile, 1)
    path = profile.paths()[0]
    path.rename(path.with_name(f"{learned.digest(2)}.parquet"))
    with pytest.raises(errors.InputError, match="other segments than its name says"):
        profile.facts()


def test_rows_in_any_order_give_the_same_bytes():
    facts = learned.facts_of(*[("ab"[n % 2], str(n), n % 3, n) for n in range(100)])
    segment = Segment(None, None, learned.digest(1), "a", 1, 0, 1, "1")
    assert segments.encode(facts, [segment]) == segments.encode(
        facts.sample(fraction=1, shuffle=True, seed=3), [segment]
    )


def test_the_metadata_says_what_was_learned():
    segment = Segment(1, 2, learned.digest(1), "a.log", 10, 1, 9, "7")
    data = segments.encode(learned.facts_of(("a", "x", 1, 1)), [segment])
    told = pl.read_parquet_metadata(io.BytesIO(data))[segments.SEGMENTS_KEY]
    assert all(word in told for word in (learned.digest(1), "a.log", '"accepted":10', '"vocabulary":"7"'))


def test_a_merged_file_may_hold_very_many_segments(tmp_path):
    many = [Segment(n, n, learned.digest(n), f"{n}.log", 1, 0, 1, "1") for n in range(30_000)]
    path = tmp_path / f"{segments.merged_name(segment.digest for segment in many)}.parquet"
    path.write_bytes(segments.encode(frames.empty(tables.FACTS), many))
    assert sorted(segments.opened(path).segments, key=segments.by_time) == many
