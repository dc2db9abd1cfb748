"""What people decided is kept, whatever the order it is told in."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import errors
from plimsoll.store import Approval, Profile, state

NOON = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
EVENING = NOON + dt.timedelta(hours=6)


def test_approvals_are_kept_in_the_order_of_what_they_approve(profile):
    late, early = (
        Approval("b/*", "exec", "/bin/sh", "ann", NOON, "a reason"),
        Approval("a", "exec", "/bin/sh", "bob", EVENING),
    )
    profile.state.approve(late)
    profile.state.approve(early)
    assert Profile.open(profile.path).state.approvals() == [early, late]


def test_of_two_approvals_of_the_same_fact_the_later_one_stands(profile):
    first, last = (Approval("a", "exec", "x", who, when) for who, when in (("ann", NOON), ("bob", EVENING)))
    for approval in (last, first):
        profile.state.approve(approval)
    assert profile.state.approvals() == [last]


def test_times_of_other_zones_compare_as_times(profile):
    abroad = NOON.astimezone(dt.timezone(dt.timedelta(hours=14))) + dt.timedelta(hours=1)
    profile.state.approve(Approval("a", "exec", "x", "ann", NOON))
    profile.state.approve(Approval("a", "exec", "x", "bob", abroad))
    assert [approval.by for approval in profile.state.approvals()] == ["bob"]


@settings(max_examples=20, deadline=None)
@given(days=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30_000)), max_size=6))
def test_forgetting_is_a_maximum(days, tmp_path_factory):
    profile = Profile.open(tmp_path_factory.mktemp("profile"), create=True)
    for subject, day in days:
        profile.state.forget(subject, day, NOON)
    assert profile.state.forgotten() == {subject: max(d for s, d in days if s == subject) for subject, _ in days}


def test_a_value_replaces_the_one_before(profile):
    assert profile.state.get("follow:a.log") is None
    profile.state.put("follow:a.log", "1")
    profile.state.put("follow:a.log", "2")
    assert profile.state.get("follow:a.log") == "2"


def test_older_tables_are_brought_up_to_date(profile, monkeypatch):
    profile.state.put("key", "value")
    monkeypatch.setattr(state, "MIGRATIONS", (*state.MIGRATIONS, "CREATE TABLE more (a TEXT)"))
    profile.state.create()
    profile.state.create()
    assert profile.state.get("key") == "value"
    assert profile.state._rows(tuple[str], "SELECT a FROM more") == []


def test_a_database_of_a_newer_plimsoll_is_an_input_error(profile):
    with contextlib.closing(sqlite3.connect(profile.path / state.FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    for use in (profile.state.forgotten, lambda: profile.state.put("a", "b")):
        with pytest.raises(errors.InputError, match="newer Plimsoll"):
            use()


def test_a_damaged_database_is_an_input_error_that_names_it(profile):
    (profile.path / state.FILE).write_bytes(b"\x00garbage" * 4096)
    for use in (profile.state.forgotten, profile.facts, lambda: profile.state.put("a", "b")):
        with pytest.raises(errors.InputError, match=r"state\.sqlite"):
            use()


def test_a_database_that_is_gone_is_told_not_silently_made_anew(profile):
    (profile.path / state.FILE).unlink()
    for use in (profile.facts, lambda: Profile.open(profile.path, create=True).facts()):
        with pytest.raises(errors.PlimsollError, match=r"state\.sqlite"):
            use()


def test_values_of_the_wrong_type_are_an_input_error(profile):
    with contextlib.closing(sqlite3.connect(profile.path / state.FILE)) as database, database:
        database.execute("INSERT INTO forgotten VALUES ('a', 'no day', '')")
    with pytest.raises(errors.InputError, match=r"state\.sqlite"):
        profile.facts()


def test_text_that_is_not_unicode_is_a_usage_error(profile):
    with pytest.raises(errors.UsageError):
        profile.state.put("a\udcff", "b")
