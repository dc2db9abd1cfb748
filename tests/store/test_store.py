"""A profile directory gives the same facts however its segments came in."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
import tempfile
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from plimsoll import errors, frames, store, tables
from plimsoll.store import Profile, segments
from tests.store import learned

ROW = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(1, 3), st.integers(1, 5))
SEGMENTS = st.lists(st.lists(ROW, max_size=5), min_size=1, max_size=6)
STEP = st.one_of(st.integers(0, 5), st.sampled_from(["compact", "reopen", "forget"]))


@settings(max_examples=40, deadline=None)
@given(rows=SEGMENTS, steps=st.lists(STEP, max_size=12), seed=st.integers())
def test_any_order_any_repeats_and_any_nesting_of_compactions_give_the_same_facts(rows, steps, seed):
    rest = list(range(len(rows)))
    random.Random(seed).shuffle(rest)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        straight = Profile.open(one, create=True)
        for number, some in enumerate(rows):
            learned.learn(straight, number, learned.facts_of(*some))
        winding = Profile.open(other, create=True)
        for step in [*steps, *rest]:
            winding = taken(winding, step, rows)
        if "forget" in steps:
            straight.forget("a", 1)
        assert_frame_equal(learned.merge(straight.facts()), learned.merge(winding.facts()))
        assert straight.segments() == winding.segments()


def taken(profile, step, rows):
    if step == "compact":
        profile.compact(learned.merge)
    elif step == "forget":
        profile.forget("a", 1)
    elif step == "reopen":
        return Profile.open(profile.path, create=True)
    elif step < len(rows):
        learned.learn(profile, step, learned.facts_of(*rows[step]))
    return profile


def test_a_segment_is_learned_once(profile):
    assert learned.learn(profile, "one")
    assert not learned.learn(profile, "one")
    assert profile.knows(learned.digest("one"))
    assert not profile.knows(learned.digest("two"))
    assert profile.facts().collect().height == 1


def test_a_segment_is_known_after_a_compaction(profile):
    learned.learn(profile, "one")
    learned.learn(profile, "two")
    assert profile.compact(learned.merge)
    assert not learned.learn(profile, "two")
    assert len(profile.paths()) == 1
    assert not list((profile.path / "segments").iterdir())


def test_compacting_one_file_or_none_does_nothing(profile):
    assert not profile.compact(learned.merge)
    learned.learn(profile, "one")
    assert not profile.compact(learned.merge)


def test_the_same_segments_give_the_same_bytes(tmp_path):
    def made(name, order):
        profile = Profile.open(tmp_path / name, create=True)
        for number in order:
            learned.learn(profile, number, learned.facts_of(*[("a", str(row), number, 1) for row in order]))
        loose = {path.name: path.read_bytes() for path in profile.paths()}
        profile.compact(learned.merge)
        return loose, {path.name: path.read_bytes() for path in profile.paths()}

    assert made("one", [1, 2, 3]) == made("other", [3, 1, 2])


def test_a_segment_without_facts_is_known_too(profile):
    assert profile.add(learned.digest("empty"), frames.empty(tables.FACTS), source="empty.log", accepted=0, rejected=3)
    assert profile.segments() == [segments.Segment(None, None, learned.digest("empty"), "empty.log", 0, 3, 0, "")]
    assert profile.facts().collect().height == 0


def test_segments_tell_their_span_in_event_time_and_sort_by_it(profile):
    for day in (3, None, 1, 2):
        learned.learn(profile, day, learned.facts_of(*([("a", "x", day, 1)] if day else [])))
    spans = [(segment.first, segment.last) for segment in profile.segments()]
    day, hour = 86_400_000_000, 3_600_000_000
    assert spans == [(None, None), *((n * day, n * day + hour) for n in (1, 2, 3))]


def test_times_beyond_what_python_can_tell_do_no_harm(profile):
    learned.learn(profile, "far", learned.facts_of(("a", "x", 100_000_000, 1)))
    assert profile.segments()[0].first == 100_000_000 * 86_400_000_000
    assert profile.knows(learned.digest("far"))


def test_many_files_ask_for_a_compaction(profile, monkeypatch):
    monkeypatch.setattr(store, "LOOSE_FILES", 3)
    for number in range(4):
        assert not profile.needs_compaction()
        learned.learn(profile, number)
    assert profile.needs_compaction()
    profile.compact(learned.merge)
    assert not profile.needs_compaction()


def test_a_crash_between_merging_and_deleting_is_harmless(profile):
    for number in range(3):
        learned.learn(profile, number)
    before = {path: path.read_bytes() for path in profile.paths()}
    profile.compact(learned.merge)
    once = learned.merge(profile.facts())
    for path, data in before.items():
        path.write_bytes(data)
    assert_frame_equal(learned.merge(profile.facts()), once)
    assert len(profile.paths()) == 1
    Profile.open(profile.path, create=True)
    assert not any(path.exists() for path in before)


def test_a_merged_file_replaces_the_smaller_one_it_holds(profile):
    for number in range(2):
        learned.learn(profile, number)
    profile.compact(learned.merge)
    (smaller,) = profile.paths()
    data = smaller.read_bytes()
    learned.learn(profile, 2)
    profile.compact(learned.merge)
    smaller.write_bytes(data)
    assert learned.merge(profile.facts()).height == 3
    assert profile.compact(learned.merge) is False
    Profile.open(profile.path, create=True)
    assert not smaller.exists()


def test_two_profiles_become_one_by_copying_their_segments(tmp_path):
    one, other = (Profile.open(tmp_path / name, create=True) for name in ("one", "other"))
    for profile, names in ((one, "ab"), (other, "bc")):
        for name in names:
            learned.learn(profile, name)
    for path in other.paths():
        (one.path / "segments" / path.name).write_bytes(path.read_bytes())
    assert learned.merge(one.facts())["object"].to_list() == ["a", "b", "c"]


def test_a_segment_that_two_merged_files_share_is_an_error_not_counted_twice(tmp_path):
    one, other = (Profile.open(tmp_path / name, create=True) for name in ("one", "other"))
    for profile, names in ((one, "ab"), (other, "bc")):
        for name in names:
            learned.learn(profile, name)
        profile.compact(learned.merge)
    (path,) = other.paths()
    (one.path / "merged" / path.name).write_bytes(path.read_bytes())
    with pytest.raises(errors.InputError, match="holds too"):
        one.facts()


def test_forgetting_holds_for_what_is_learned_later(profile):
    learned.learn(profile, 1, learned.facts_of(("a", "x", 5, 1), ("b", "x", 5, 1)))
    assert profile.forget("a") == 5
    learned.learn(profile, 2, learned.facts_of(("a", "old", 4, 1), ("a", "new", 6, 1)))
    kept = profile.facts().sort("subject", "object").select("subject", "object").collect().rows()
    assert kept == [("a", "new"), ("b", "x")]
    profile.compact(learned.merge)
    assert profile.facts().sort("subject", "object").select("subject", "object").collect().rows() == kept


def test_forgetting_whom_nobody_knows_does_nothing(profile):
    assert profile.forget("nobody") is None
    assert profile.state.forgotten() == {}


def test_facts_are_a_snapshot_that_outlives_a_compaction(profile, monkeypatch):
    monkeypatch.setattr(segments, "IN_MEMORY", 0)
    for number in range(3):
        learned.learn(profile, number)
    facts = profile.facts()
    profile.compact(learned.merge)
    learned.learn(profile, 3)
    assert learned.merge(facts)["object"].to_list() == ["0", "1", "2"]
    assert learned.merge(facts).height == 3


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_facts_can_be_narrowed_before_they_are_read(profile, monkeypatch, engine):
    monkeypatch.setattr(segments, "ROWS", 7)
    rows = [("ab"[n % 2], str(n), n % 5, n) for n in range(50)]
    learned.learn(profile, 1, learned.facts_of(*rows[:30]))
    learned.learn(profile, 2, learned.facts_of(*rows[30:]))
    found = profile.facts().filter(pl.col("day") == 2).select("subject", "count").collect(engine=engine)
    assert sorted(found.rows()) == sorted((subject, count) for subject, _, day, count in rows if day == 2)
    assert profile.facts().head(33).collect(engine=engine).height == 33
    assert profile.facts().select(pl.len()).collect(engine=engine).item() == 50


def test_another_engine_reads_the_files_and_no_compaction_takes_them_away(profile):
    for number in range(3):
        learned.learn(profile, number)
    with profile.reading() as paths:
        profile.compact(learned.merge)
        names = [str(path) for path in paths]
        assert duckdb.sql("SELECT sum(count) FROM read_parquet($names)", params={"names": names}).fetchall() == [(3,)]
        assert len(profile.paths()) == 1
    Profile.open(profile.path, create=True)
    assert not any(path.exists() for path in paths)


def test_a_reader_finds_no_profile_and_makes_none(tmp_path):
    for place in (tmp_path, tmp_path / "absent", Path(__file__)):
        with pytest.raises(errors.InputError, match="no profile here: "):
            Profile.open(place)
    assert list(tmp_path.iterdir()) == []


def test_a_half_made_profile_is_none_yet_and_is_finished_by_the_next_writer(profile):
    (profile.path / "profile.json").unlink()
    with pytest.raises(errors.InputError, match="no profile here"):
        Profile.open(profile.path)
    assert learned.learn(Profile.open(profile.path, create=True), 1)


def test_learning_does_not_change_the_mark(profile):
    before = (profile.path / "profile.json").read_bytes()
    learned.learn(profile, 1)
    Profile.open(profile.path, create=True)
    assert (profile.path / "profile.json").read_bytes() == before
    assert json.loads(before)["format"] == 1


@pytest.mark.parametrize(
    "mark", [b"", b"{", b"[]", b'{"format": "x"}', b"\xff", b'{"format": 99, "made": "2025-01-01T00:00:00Z"}']
)
def test_a_mark_that_is_none_or_of_a_newer_plimsoll_is_an_input_error(profile, mark):
    (profile.path / "profile.json").write_bytes(mark)
    with pytest.raises(errors.InputError, match=r"profile\.json"):
        Profile.open(profile.path)


def test_what_a_dead_writer_left_aside_is_ignored_and_cleared(profile):
    left = [profile.path / name for name in (".profile.json.tmp", "segments/.a.parquet.tmp", "merged/.b.parquet.tmp")]
    for path in left:
        path.write_bytes(b"PAR1")
    assert Profile.open(profile.path).paths() == []
    Profile.open(profile.path, create=True)
    assert not any(path.exists() for path in left)


def test_a_merge_that_makes_no_facts_changes_nothing(profile):
    for number in range(2):
        learned.learn(profile, number)
    before = profile.paths()
    with pytest.raises(errors.InputError, match="not a table of facts"):
        profile.compact(lambda facts: facts.select("subject").collect())
    assert profile.paths() == before


def test_a_folder_that_is_missing_is_one_line(profile):
    (profile.path / "merged").rmdir()
    with pytest.raises(errors.InputError, match="merged: cannot be read"):
        profile.facts()
    with pytest.raises(errors.PlimsollError):
        Profile.open(profile.path, create=True)


@pytest.mark.parametrize("digest", ["", "abc", "../../etc/passwd", "ABCDEF0123456789", "0" * 129])
def test_only_a_digest_names_a_segment(profile, digest):
    with pytest.raises(errors.UsageError):
        profile.add(digest, frames.empty(tables.FACTS), source="", accepted=0, rejected=0)


def test_a_source_with_undecodable_bytes_in_its_name_is_learned(profile):
    profile.add(learned.digest(1), learned.facts_of(), source="a\udcff.log", accepted=0, rejected=0)
    assert profile.segments()[0].source == "a?.log"


def test_orders_of_learning_leave_the_same_files(tmp_path):
    trees = []
    for number, order in enumerate(itertools.permutations(range(3))):
        profile = Profile.open(tmp_path / str(number), create=True)
        for name in order:
            learned.learn(profile, name)
        trees.append({path.name: path.read_bytes() for path in profile.paths()})
    assert all(tree == trees[0] for tree in trees)


def test_check_names_the_damaged_file(profile):
    learned.learn(profile, 1)
    profile.check()
    profile.state.put("key", "value")
    profile.state.approve(store.Approval("a", "exec", "x", "me", dt.datetime(2025, 1, 1, tzinfo=dt.UTC)))
    profile.check()
    (profile.path / "state.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(errors.InputError, match=r"state\.sqlite"):
        profile.check()
