"""An act on trial: its facts weighed, and what a fact weighs once it was seen again and again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import engines, facts, frames, tables
from plimsoll.detect import acts, evidence, weigh
from tests import told
from tests.detect import trial

TODAY = 20_600


def row(what: str, count: int, day: int, subject: str = "sa:shop/web") -> dict[str, object]:
    known: dict[str, object] = {"subject": subject, "peer": "sa:shop", "verb": "agent", "given": "", "object": what}
    return known | {"day": day, "count": count, "first": told.at(), "last": told.at()}


ROWS = st.lists(
    st.builds(
        row,
        st.sampled_from(["web", "curl", "kubectl"]),
        st.integers(1, 5_000),
        st.integers(TODAY - 120, TODAY),
        st.sampled_from(["sa:shop/web", "sa:shop/api"]),
    ),
    max_size=10,
    unique_by=lambda one: (one["subject"], one["object"], one["day"]),
)


def on_trial(profile: list[dict[str, object]], what: str) -> acts.Fact:
    """The fact that the shop's web pod used this client, as this profile knows it."""
    levels = evidence.levels(engines.of(frames.of_rows(tables.FACTS, profile)), TODAY)
    asked = frames.of_rows(tables.FACTS, [row(what, 1, TODAY)]).select(evidence.FACT)
    weighed = weigh.weigh(engines.collect(evidence.evidence(engines.of(asked), levels)))
    return acts.Fact(**weighed.select(acts.Fact.__struct_fields__).row(0, named=True))


@given(ROWS, st.sampled_from(["web", "curl", "none"]))
@settings(max_examples=15)
def test_a_fact_weighs_less_the_more_often_it_did_no_harm(rows, what):
    fact = on_trial(rows, what)
    bits = [fact.bits_after(seen) for seen in (0, 1, 2, 5, 20, 1_000)]
    assert bits[0] == fact.bits
    assert bits == sorted(bits, reverse=True)


@given(ROWS, st.sampled_from(["web", "curl"]), st.integers(1, 6))
@settings(max_examples=15)
def test_a_fact_seen_again_is_as_probable_as_pitman_and_yor_say_of_so_many_more(rows, what, seen):
    fact = on_trial(rows, what)
    unit, weight = evidence.UNIT, fact.own_weight / evidence.UNIT
    total, taken = fact.own_total / unit, fact.own_taken / unit
    parent = (fact.p * (total + weigh.STRENGTH) - max(weight - weigh.DISCOUNT, 0)) / (weigh.STRENGTH + taken)
    more = taken + weigh.DISCOUNT - min(weight, weigh.DISCOUNT)
    p = (weight + seen - weigh.DISCOUNT + (weigh.STRENGTH + more) * parent) / (total + seen + weigh.STRENGTH)
    assert fact.bits_after(seen) == pytest.approx(min(fact.bits, math.log2(fact.q / p)), abs=1e-6)


def test_bits_after_something_approved_never_rise():
    approved = trial.fact(0.0, verb="agent", what="curl", q=0.5)
    assert all(approved.bits_after(seen) <= 0.0 for seen in range(5))


def test_a_fact_is_new_where_its_subject_never_showed_it():
    assert on_trial([row("web", 9, TODAY)], "curl").new
    assert not on_trial([row("web", 9, TODAY)], "web").new


def test_a_fact_is_seen_from_where_its_verb_says():
    assert {trial.fact(verb=verb.name).view for verb in facts.VERBS["audit"]} == {
        "deed",
        "source",
        "client",
        "credential",
    }
    assert {trial.fact(verb=verb.name).view for verb in facts.VERBS["activity"]} == {"deed"}


def test_an_act_has_the_tactic_of_what_was_asked_for():
    assert trial.act().tactic == "credential-access"
    assert trial.act(request="patch widgets.example.com").tactic == ""


def test_acts_come_in_the_order_of_time_each_with_its_own_facts():
    rows = told.numbered([
        told.request("list secrets", time=told.at(5)),
        told.request("get pods", time=told.at(1)),
    ])  # fmt: skip
    happened = facts.acts("audit", told.events("audit", rows)).with_row_index("act")
    said = facts.said("audit", happened, by=["act"])
    levels = evidence.levels(engines.of(frames.empty(tables.FACTS)), TODAY)
    weighed = weigh.weigh(engines.collect(evidence.evidence(engines.of(said.select(evidence.FACT)), levels)))
    on = said.select("act", *evidence.FACT).join(weighed, on=evidence.FACT, how="left")
    first, second = acts.of("audit", happened, on)
    assert (first.request, second.request) == ("get pods", "list secrets")
    assert (first.evidence, first.address, first.product) == (("a-2",), "10.244.1.7", "web")
    assert {fact.object for fact in first.facts if fact.verb == "request"} == {"get pods"}
    assert len(first.facts) == len(second.facts) == 10


def test_what_the_end_of_a_batch_cut_apart_is_one_act_again():
    one, other = trial.act(second=1, key=7), trial.act(second=20, lasts=5, count=2, key=7, findings=("elsewhere",))
    (whole,) = acts.mended([one, other])
    assert (whole.time, whole.last, whole.count) == (told.at(1), told.at(25), 3)
    assert (whole.evidence, whole.findings) == (("a-1", "a-20"), ("elsewhere",))


@pytest.mark.parametrize("other", [{"key": 8}, {"second": 60}, {"subject": "sa:shop/api"}, {"stream": "flow"}])
def test_other_acts_and_other_minutes_stay_apart(other):
    assert len(acts.mended([trial.act(key=7), trial.act(**{"key": 7} | other)])) == 2
