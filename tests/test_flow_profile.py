"""A profile is remembered for a year and some, and compiled once for all who judge by it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from plimsoll import engines, facts, flow, flow_profile, store
from plimsoll.detect import evidence, quarantine
from tests import told

HABIT = told.habit()
THEFT = told.request("list secrets", time=told.at(days=told.LATER), source_ip="203.0.113.9")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile of the shop's web pod."""
    flow.learn([str(told.log(tmp_path / "habit.log", HABIT))], tmp_path / "profile")
    return tmp_path / "profile"


def test_what_is_older_than_a_profile_remembers_is_gone_from_it_and_after_compaction_from_the_disk(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(flow_profile.time, "time", lambda: told.at(days=1_000).timestamp())
    old, fresh, ahead = (
        told.request("get pods", time=told.at(days=days), user_username=f"person{days}") for days in (0, 500, 3_000)
    )
    logs = [str(told.log(tmp_path / f"{n}.log", [row])) for n, row in enumerate((old, fresh, ahead))]
    flow.learn(logs, tmp_path / "profile")
    assert _people(flow_profile.known(tmp_path / "profile")) == {"user:person500", "user:person3000"}
    kept = store.Profile.open(tmp_path / "profile")
    assert kept.compact(flow_profile.compacted)
    assert _people(kept.facts().collect()) == {"user:person500", "user:person3000"}
    assert len(kept.segments()) == 3


def _people(known: pl.DataFrame) -> set[str]:
    return {subject for subject in known["subject"] if subject.startswith("user:")}


def test_who_judges_side_by_side_shares_the_profile_until_it_changes(tmp_path, profile):
    shared = flow_profile.Shared(profile)
    one = shared.get()
    assert shared.get() is one
    assert one.judge() is not one.judge()
    flow.learn([str(told.log(tmp_path / "more.log", [THEFT]))], profile)
    assert shared.get() is not one
    assert flow_profile.Shared(None).get().unlearned


def test_a_part_of_a_profile_is_compiled_as_if_it_were_the_whole():
    learned = told.learned("audit", [*HABIT, *told.habit(3, user_username="ann"), THEFT])
    kept = learned.filter(~((pl.col("verb") == "request") & (pl.col("day") == learned["day"].min())))
    held = learned.filter(pl.col("object") == "list secrets").select(quarantine.KEY).unique()
    for part in (kept, quarantine.believed(learned, held), learned.clear()):
        anew = flow_profile._Compiled(learned, "polars").levels(part)
        behaviour = engines.of(part.filter(~pl.col("verb").is_in(facts.CREDENTIAL_VERBS)))
        for one, other in zip(anew, evidence.levels(behaviour, learned["day"].max()), strict=True):
            told_of, expected = one.collect().to_native(), other.collect().to_native()
            assert told_of.select(expected.columns).sort(pl.all()).equals(expected.sort(pl.all()))
    assert not set(facts.CREDENTIAL_VERBS) & set(anew.own.collect().to_native()["verb"])
