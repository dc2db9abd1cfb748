"""What one actor did within a breath is one chapter, what it did within the hour one alert, and no habit mutes an attack."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.detect import changes, stories
from tests import told
from tests.detect import trial

THEFT = trial.fact(12.0)
STRANGE = (
    trial.fact(6.0, "zone", "external 203.0.0.0/8"),
    trial.fact(1.5, "from", "203.0.113.0/24", given="external 203.0.0.0/8"),
    trial.fact(5.0, "agent", "curl"),
)
USUAL = (
    trial.fact(-1.0, "zone", "private 10.244.0.0/16"),
    trial.fact(-1.0, "agent", "web"),
    trial.fact(-0.5, "version", "v1.4", given="web"),
    trial.fact(-1.0, "credential", "token"),
)


def scores(*acts: stories.Act) -> list[float]:
    return [score for _, score in stories.chapters(acts)]


def test_a_chapter_weighs_its_source_its_client_its_worst_deed_and_what_the_ledger_found():
    act = trial.act(THEFT, *STRANGE)
    assert scores(act) == [pytest.approx(12.0 + 7.5 + 5.0)]
    (found,) = scores(trial.act(THEFT, *STRANGE, findings=("the token is elsewhere",)))
    assert found == pytest.approx(24.5 + stories.FINDING_BITS)


def test_one_finding_or_ten_weigh_the_same():
    acts = [trial.act(second=n, findings=(f"elsewhere {n}",)) for n in range(10)]
    assert scores(*acts) == [stories.FINDING_BITS]


def test_usual_surroundings_take_off_one_bit_of_each_view_at_most():
    assert scores(trial.act(THEFT, *USUAL)) == [pytest.approx(12.0 - 3.0)]


def test_other_tactics_add_a_quarter_of_what_they_weigh():
    listed = trial.act(trial.fact(4.0, what="list pods"), second=1, request="list pods")
    again = trial.act(trial.fact(9.0, what="get secrets"), second=2, request="get secrets")
    # Two thefts are twice as many: one bit more.
    assert scores(trial.act(THEFT), listed, again) == [pytest.approx(12.0 + 1.0 + 0.25 * 4.0)]


def test_what_says_nothing_is_no_chapter():
    assert scores(trial.act(trial.fact(0.9), *USUAL)) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 600), st.sampled_from(["get pods", "list pods", "create pods", "patch nodes"])),
        max_size=20,
    ),
    st.sampled_from([(), ("the token is elsewhere",)]),
)
@settings(max_examples=60)
def test_usual_acts_around_an_attack_never_mute_it(benign, findings):
    attack = trial.act(THEFT, *STRANGE, second=300, findings=findings)
    (alone,) = scores(attack)
    habits = [trial.act(trial.fact(-2.0, what=what), *USUAL, second=second, request=what) for second, what in benign]
    mixed = sorted([attack, *habits], key=lambda act: act.time)
    assert max(scores(*mixed)) >= alone - 3.0


@given(st.lists(st.tuples(st.integers(0, 4_000), st.floats(-3, 30)), min_size=1, max_size=15))
@settings(max_examples=60)
def test_every_telling_act_is_in_exactly_one_chapter_of_its_actor(told_acts):
    facts = [trial.fact(bits, what=f"list {n}") for n, (_, bits) in enumerate(told_acts)]
    acts = [trial.act(fact, second=second) for fact, (second, _) in zip(facts, told_acts, strict=True)]
    acts.sort(key=lambda act: act.time)
    chapters = [chapter for chapter, _ in stories.chapters(acts)]
    wanted = [act for act in acts if act.facts[0].bits >= stories.LEAST]
    assert sorted((act.time, act.facts[0].object) for chapter in chapters for act in chapter.acts) == sorted(
        (act.time, act.facts[0].object) for act in wanted
    )
    for chapter in chapters:
        assert (chapter.first, chapter.last) == (chapter.acts[0].time, chapter.acts[-1].last)


def test_acts_a_breath_apart_are_one_chapter_and_later_ones_another():
    first, near, far = (trial.act(trial.fact(9.0, what=f"list {second}"), second=second) for second in (0, 60, 121))
    assert [len(chapter.acts) for chapter, _ in stories.chapters([first, near, far])] == [2, 1]


@pytest.mark.parametrize("other", [{"address": "10.244.1.8"}, {"product": "curl"}, {"subject": "sa:shop/api"}])
def test_another_address_client_or_identity_is_another_actor(other):
    assert len(scores(trial.act(THEFT), trial.act(THEFT, second=1, **other))) == 2


def test_what_a_harmless_chapter_showed_is_habit_at_once_so_a_change_is_told_once():
    new = trial.fact(6.0, "agent", "kubectl", q=2.0**-4)
    assert scores(*(trial.act(new, second=1_000 * n) for n in range(5))) == [6.0]


@pytest.mark.parametrize("bits", [stories.QUARANTINE, 20.0])
def test_what_a_doubtful_chapter_showed_never_becomes_habit(bits):
    grave = trial.fact(bits)
    assert scores(*(trial.act(grave, second=1_000 * n) for n in range(5))) == [bits] * 5


def test_a_small_fact_of_a_doubtful_chapter_is_quarantined_with_it():
    client = trial.fact(5.0, "agent", "curl")
    stolen = trial.act(THEFT, client)
    assert scores(stolen, trial.act(client, second=1_000))[1] == 5.0


def test_no_flood_within_one_chapter_makes_a_habit_at_once():
    new = trial.fact(6.0, "agent", "kubectl", q=2.0**-4)
    flood = scores(trial.act(new, count=10_000), trial.act(new, second=1_000))
    few = scores(trial.act(new, count=stories.SLOT_CAP), trial.act(new, second=1_000))
    assert flood == few


def test_a_chapter_that_tells_the_same_within_the_hour_joins_the_alert():
    (story,) = stories.stories([trial.act(THEFT, second=minute * 60) for minute in (0, 10, 60, 100)], stories.CERTAIN)
    assert (story.chapter.first, story.last, len(story.repeats)) == (told.at(0), told.at(6_000), 3)


def test_the_same_after_a_week_of_silence_is_told_again():
    assert (
        len(stories.stories([trial.act(THEFT, second=second) for second in (0, 7 * 86_400 + 1)], stories.CERTAIN)) == 2
    )


def test_something_new_within_the_hour_is_a_story_of_its_own():
    other = trial.act(trial.fact(13.0, what="create pods/exec"), second=600, request="create pods/exec")
    assert len(stories.stories([trial.act(THEFT), other], stories.CERTAIN)) == 2


def test_what_was_told_from_one_address_is_not_told_again_from_the_next():
    acts = [trial.act(THEFT, second=minute * 600, address=f"10.244.1.{minute}") for minute in range(5)]
    assert len(stories.stories(acts, stories.CERTAIN)) == 1


def test_what_the_ledger_found_is_never_taken_for_a_repeat_of_something_else():
    decoy, findings = trial.act(THEFT), ("the token of web-1 is elsewhere", "the token of web-2 is elsewhere")
    stolen = [trial.act(second=600 * n, findings=(finding,)) for n, finding in enumerate(findings, start=1)]
    again = trial.act(second=1_900, findings=findings[:1])
    told_stories = stories.stories([decoy, *stolen, again], stories.CERTAIN)
    assert [story.chapter.findings for story in told_stories] == [[], [findings[0]], [findings[1]]]


def test_only_stories_of_the_weight_asked_for_are_told():
    acts = [trial.act(trial.fact(bits), subject=f"sa:shop/{bits:g}") for bits in (4.0, 6.0, 12.0)]
    assert [story.score for story in stories.stories(acts, stories.DOUBTFUL)] == [6.0, 12.0]
    assert [story.score for story in stories.stories(acts, stories.CERTAIN)] == [12.0]


def test_a_cluster_that_sets_itself_up_is_no_attacker():
    known = changes.Changes()
    known.take(told.events("audit", [told.request("create namespaces", None, "kube-system", responseStatus_code=201)]))
    fact = trial.fact(12.0, "request", "create rolebindings", subject="user:system:apiserver")
    (mine, others) = (
        stories.stories([trial.act(fact, second=60, subject=subject)], 0.0, known)
        for subject in ("user:system:apiserver", "user:ann")
    )
    assert all(story.score <= stories.OWN_OBJECT for story in mine)
    assert [(round(story.score, 1), story.chapter.founding) for story in others] == [(12.0 - stories.CHANGE, True)]


def test_by_itself_a_habit_weighs_the_less_the_more_usual_it_is():
    told = stories.Chapters()
    rare, often = (trial.act(trial.fact(-1.0, p=0.2 * times, q=0.05)) for times in (1, 4))
    assert told.alone(often) == told.alone(rare) - 2
    assert told.alone(trial.act(trial.fact(6.0))) == 6.0


@pytest.mark.parametrize(
    ("bits", "found", "severity"),
    [(25.0, False, "critical"), (20.0, False, "critical"), (14.0, False, "high"), (10.0, False, "medium"), (9.0, False, "low"), (-2.0, False, "low"), (9.0, True, "high"), (30.0, True, "critical")],
)  # fmt: skip
def test_severity_follows_the_bits_and_a_finding_of_the_ledger_is_at_least_high(bits, found, severity):
    assert stories.severity(bits, found=found) == severity


def test_a_story_that_grows_graver_is_told_again_once_for_each_step():
    teller = stories.Teller(stories.CERTAIN)
    grows = [(0, 8.0), (10, 8.5), (20, 15.0), (30, 15.5), (40, 21.0), (50, 30.0)]
    told_bits = [
        [
            round(story.score)
            for story in teller.tell([trial.act(trial.fact(bits, what=f"get {second}"), second=second)])
        ]
        for second, bits in grows
    ]
    assert told_bits == [[8], [], [15], [], [21], []]


def test_a_story_that_grows_within_one_batch_is_told_once():
    acts = [trial.act(trial.fact(bits, what=f"get {bits}"), second=bits) for bits in (8, 15, 21)]
    assert len(stories.Teller(stories.CERTAIN).tell(acts)) == 1


def test_what_never_pauses_is_cut_into_chapters_of_an_hour():
    begun = [one.first for one, _ in stories.chapters(trial.act(THEFT, second=30 * n) for n in range(250))]
    assert begun == [told.at(0), told.at(3_630), told.at(7_260)]


def test_a_chapter_holds_a_bounded_number_of_acts(monkeypatch):
    monkeypatch.setattr(stories, "MOST_ACTS", 10)
    assert max(len(one.acts) for one, _ in stories.chapters(trial.act(THEFT, second=n) for n in range(35))) == 10
    assert len(stories.stories([trial.act(THEFT, second=n) for n in range(35)], stories.CERTAIN)) == 1
