"""What a profile knows of a fact is counted at every level, and nothing learned is unknown to it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import engines, frames, tables
from plimsoll.detect import evidence
from tests import told

ROW = st.builds(
    lambda subject, verb, given, what, day, count: {
        "subject": subject,
        "peer": subject.partition("/")[0],
        "verb": verb,
        "given": given,
        "object": what,
        "day": day,
        "count": count,
        "first": told.at(days=day),
        "last": told.at(days=day, seconds=count % 3600),
    },
    st.sampled_from(["sa:shop/web", "sa:shop/api", "sa:kube-system/dns", "user:ann", "node:n1", "shop/Deployment/web:web"]),
    st.sampled_from(["request", "within", "exec"]),
    st.sampled_from(["", "get pods"]),
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 200),
    st.integers(1, 5_000),
)  # fmt: skip
PROFILES = st.lists(
    ROW, min_size=1, max_size=25, unique_by=lambda row: tuple(row[name] for name in (*evidence.FACT, "day"))
)


def asked(profile: pl.DataFrame, facts: pl.DataFrame, today: int = 200, engine: str = "polars") -> pl.DataFrame:
    levels = evidence.levels(engines.of(profile, engine), today)
    return engines.collect(evidence.evidence(engines.of(facts.select(evidence.FACT), engine), levels))


def fact(**columns: object) -> dict[str, object]:
    row: dict[str, object] = {"subject": "sa:shop/web", "peer": "sa:shop", "verb": "request", "given": ""}
    row |= {"object": "get pods", "day": 200, "count": 1, "first": told.at(), "last": told.at()}
    return row | columns


def table(*rows: dict[str, object]) -> pl.DataFrame:
    return frames.of_rows(tables.FACTS, rows)


def known(rows: list[dict[str, object]], **about: object) -> dict[str, object]:
    return asked(table(*rows), table(fact(**about))).row(0, named=True)


@given(PROFILES)
@settings(max_examples=15)
def test_nothing_learned_is_outside_its_own_profile(rows):
    profile = table(*rows)
    found = asked(profile, profile)
    assert (found["own_count"] > 0).all()
    assert (found["own_weight"] > 0).all()
    assert found["own_count"].sum() == profile["count"].sum()
    for level in ("peer", "kind", "everyone"):
        assert (found[f"{level}_shown"] > 0).all()
        assert (found[f"{level}_shown"] <= found[f"{level}_total"]).all()
        assert (found[f"{level}_kinds"] <= found[f"{level}_total"]).all()
    assert (found["any_shown"] > 0).all()


@given(PROFILES)
@settings(max_examples=15)
def test_a_contexts_total_is_the_sum_of_what_was_shown_in_it(rows):
    profile = table(*rows)
    found = asked(profile, profile)
    taken = pl.min_horizontal("own_weight", pl.lit(evidence.TAKEN)).sum().alias("taken")
    summed = found.group_by("subject", "verb", "given").agg(
        pl.col("own_weight").sum(), pl.col("own_total").first(), taken, pl.col("own_taken").first()
    )
    assert (summed["own_weight"] == summed["own_total"]).all()
    assert (summed["taken"] == summed["own_taken"]).all()


@given(PROFILES)
@settings(max_examples=4)
def test_duckdb_counts_the_same(rows):
    profile = table(*rows)
    facts = table(*rows, fact(object="never"))
    assert engines.digest(asked(profile, facts)) == engines.digest(asked(profile, facts, engine="duckdb"))


def test_of_what_nobody_showed_every_count_is_zero():
    found = known([fact()], subject="user:eve", peer="user", verb="exec", object="never")
    assert {
        value for name, value in found.items() if name.endswith(("count", "weight", "shown", "total", "taken"))
    } == {0}
    assert found["own_since"] is None


def test_upper_levels_count_subjects_and_not_how_often_they_did_it():
    rows = [fact(count=900), fact(subject="sa:shop/api", count=1), fact(subject="sa:ci/deployer", peer="sa:ci")]
    found = known(rows, subject="sa:shop/new")
    assert (found["own_count"], found["own_total"]) == (0, 0)
    assert (found["peer_shown"], found["peer_members"]) == (2, 2)
    assert (found["kind_shown"], found["everyone_shown"]) == (3, 3)


@pytest.mark.parametrize(
    ("subject", "like", "unlike"),
    [
        ("node:n1", "node:n2", "sa:shop/web"),
        ("sa:kube-system/dns", "user:system:kube-scheduler", "sa:shop/web"),
        ("sa:shop/web", "sa:ci/deployer", "user:ann"),
        ("user:ann", "user:bob", "user:system:apiserver"),
        ("shop/Deployment/web:web", "host/Node/n1:host", "node:n1"),
    ],
)
def test_subjects_of_one_class_are_compared(subject, like, unlike):
    rows = [fact(subject=like, peer="one"), fact(subject=unlike, peer="other")]
    assert known(rows, subject=subject, peer="third")["kind_shown"] == 1


def test_neither_a_burst_nor_a_long_life_outweighs_a_habit():
    burst = known([fact(count=1_000_000)])["own_weight"]
    habit = known([fact(count=1_000, day=day) for day in range(193, 201)])["own_weight"]
    assert burst == habit == evidence.BURST * evidence.UNIT
    few = known([fact(count=4, day=day) for day in range(193, 201)])["own_weight"]
    assert few == 4 * 8 * evidence.UNIT


def test_surroundings_count_by_days():
    rows = [fact(verb="agent", object="kubectl", count=500, day=day) for day in range(185, 201)]
    assert (
        known(rows, verb="agent", object="kubectl")["own_weight"]
        == 16 * evidence.UNIT + (evidence.UNIT // 2 - evidence.UNIT) * 2
    )


def test_what_is_old_counts_half_each_fortnight_and_is_never_quite_forgotten():
    weights = [known([fact(day=200 - age)])["own_weight"] for age in (0, 13, 14, 28, 100, 500)]
    assert weights == [256, 256, 128, 64, 2, 1]


def test_the_habit_in_any_context_counts_contexts():
    rows = [fact(verb="within", given=given, object="shop", count=50) for given in ("get pods", "list pods")]
    rows.append(fact(verb="within", given="get pods", object="ci"))
    found = known(rows, verb="within", given="delete pods", object="shop")
    assert (found["any_shown"], found["any_total"], found["any_kinds"]) == (2, 3, 2)
    assert found["own_total"] == 0


def test_a_subject_is_known_for_its_events_and_days():
    rows = [fact(count=5, day=199), fact(count=2), fact(verb="within", given="get pods", object="shop", count=7)]
    found = known(rows, object="never")
    assert (found["subject_count"], found["subject_days"]) == (7, 2)
    assert found["own_context_count"] == 7
