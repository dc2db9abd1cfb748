"""Attacks on what is known: reproducible, adversarial, and honest about what cannot be told apart."""

from __future__ import annotations

from collections import Counter

from plimsoll.triage import campaigns
from tests.triage import told
from tests.triage.told import START


def found():
    return campaigns.grounds(list(told.quiet().memory.cases.values()))


def test_the_same_seed_draws_the_same_attacks():
    assert list(campaigns.draw(50, (1, 2), found(), START)) == list(campaigns.draw(50, (1, 2), found(), START))
    assert list(campaigns.draw(50, (1, 2), found(), START)) != list(campaigns.draw(50, (1, 3), found(), START))


def test_every_family_and_every_context_is_drawn():
    drawn = list(campaigns.draw(600, (1,), found(), START))
    assert set(Counter(one.family for one in drawn)) == set(campaigns.FAMILIES)
    assert set(Counter(one.context for one in drawn)) == set(campaigns.CONTEXTS)
    assert len(campaigns.FAMILIES) == 10


def test_a_campaign_has_three_to_six_steps_at_one_workload_in_order_of_time():
    for one in campaigns.draw(100, (1,), found(), START):
        assert 3 <= len(one.steps) <= 6
        assert len({step.shape.workload for step in one.steps}) == 1
        assert [step.time for step in one.steps] == sorted(step.time for step in one.steps)


def test_steps_copy_what_was_approved_as_often_as_asked():
    known = {one.shape.keys[2] for one in found().known}

    def copies(mimicry):
        steps = [step for one in campaigns.draw(500, (1,), found(), START, mimicry) for step in one.steps]
        return sum(step.shape.keys[2] in known for step in steps) / len(steps)

    assert copies(0.0) == 0.0
    assert 0.35 < copies(0.4) < 0.45
    assert copies(1.0) == 1.0


def test_only_exact_copies_at_the_very_workload_are_counted_apart():
    drawn = list(campaigns.draw(300, (1,), found(), START, 1.0))
    here = {one.shape.keys[3].replace(one.shape.actor, "") for one in found().known}
    for one in drawn:
        assert one.copied == all(step.shape.keys[3] in here for step in one.steps)


def test_an_insider_comes_from_where_he_always_does_and_a_thief_does_not():
    by_context = {}
    for one in campaigns.draw(600, (1,), found(), START):
        by_context.setdefault(one.context, set()).update((step.ip, step.shape.actor) for step in one.steps)
    assert {ip for ip, _ in by_context["insider"]} == {"203.0.113.0"}
    assert {ip for ip, _ in by_context["stolen-admin"]} == {"192.0.2.7"}
    assert "bob" in {actor for _, actor in by_context["stolen-admin"]}


def test_where_nothing_is_known_attacks_are_drawn_all_the_same():
    assert len(list(campaigns.draw(20, (1,), campaigns.grounds([]), START))) == 20
