"""How much is still unseen is counted alike everywhere, bounded honestly, and said in words."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll import engines, facts, frames, tables
from plimsoll.learn import maturity, profile

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def made(*rows: tuple[str, str, str, int, int]) -> pl.DataFrame:
    """A profile of (subject, verb, object, day, count)."""
    return frames.of_rows(
        tables.PROFILE,
        [
            {
                "subject": subject,
                "peer": "p",
                "verb": verb,
                "given": "",
                "object": what,
                "day": day,
                "count": count,
                "first": NOON + timedelta(days=day),
                "last": NOON + timedelta(days=day, hours=1),
            }
            for subject, verb, what, day, count in rows
        ],
    )


def counted(learned: pl.DataFrame, engine: str = "polars") -> dict[str, dict[str, object]]:
    rows = engines.collect(maturity.counted(engines.of(learned, engine)))
    return {row["subject"]: row for row in rows.iter_rows(named=True)}


def pooled(learned: pl.DataFrame) -> dict[str, object]:
    (row,) = engines.collect(maturity.pooled(engines.of(learned))).iter_rows(named=True)
    return row


SAMPLE = made(
    ("web", "exec", "/bin/a", 0, 7),
    ("web", "exec", "/bin/b", 0, 1),
    ("web", "read", "/etc/c", 1, 1),
    ("web", "read", "/etc/c", 2, 1),
    ("web", "from", "10.0.0.0/24", 3, 1),
    ("job", "exec", "/bin/b", 2, 1),
    ("mute", "rule", "Terminal shell in container", 2, 1),
)


def test_a_subject_is_counted_over_its_acts_and_its_days():
    assert counted(SAMPLE)["web"] == {
        "subject": "web",
        "events": 10,
        "facts": 3,
        "singletons": 1,
        "doubletons": 1,
        "once": 2,
        "twice": 1,
        "days": 4,
        "first": NOON,
        "last": NOON + timedelta(days=3, hours=1),
    }


def test_a_subject_without_acts_is_there_and_knows_nothing():
    assert counted(SAMPLE)["mute"]["events"] == 0
    assert maturity.judge(events=0, singletons=0, doubletons=0, days=1)[1:] == (
        1.0,
        "learning",
        "none of its acts has been seen",
    )


def test_all_together_is_the_sum_of_the_subjects_over_the_days_of_all():
    total, subjects = pooled(SAMPLE), counted(SAMPLE).values()
    for name in ("events", "facts", "singletons", "doubletons", "once", "twice"):
        assert total[name] == sum(row[name] for row in subjects)
    assert (total["subject"], total["days"]) == ("", 4)


def test_nothing_learned_is_no_subject():
    assert counted(frames.empty(tables.PROFILE)) == {}
    judged = maturity.judged(engines.collect(maturity.counted(engines.of(frames.empty(tables.PROFILE)))))
    assert judged.columns[-5:] == ["mass", "bound", "state", "sentence", "tomorrow"]


ROW = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["exec", "within", "from"]),
    st.sampled_from("xyz"),
    st.integers(0, 3),
    st.integers(1, 3),
)


@given(st.lists(ROW, max_size=20), st.integers(0, 20))
def test_the_counts_do_not_depend_on_how_the_facts_were_split(rows, cut):
    whole = profile.learn(engines.of(made(*rows)))
    halves = profile.merge([profile.learn(engines.of(made(*part))) for part in (rows[:cut], rows[cut:])])
    assert engines.digest(engines.collect(maturity.counted(whole))) == engines.digest(
        engines.collect(maturity.counted(halves))
    )


@given(st.lists(ROW, max_size=20))
def test_the_counts_are_those_of_a_plain_count(rows):
    events = Counter()
    for subject, verb, what, _, count in rows:
        events[subject, verb, what] += count if verb in maturity.ACTS else 0
    for subject, row in counted(engines.collect(profile.learn(engines.of(made(*rows))))).items():
        mine = [count for (whose, *_), count in events.items() if whose == subject and count]
        assert (row["events"], row["facts"], row["singletons"], row["doubletons"]) == (
            sum(mine),
            len(mine),
            mine.count(1),
            mine.count(2),
        )


def test_every_act_is_a_verb_of_the_vocabulary():
    assert set(maturity.ACTS) <= {verb.name for verbs in facts.VERBS.values() for verb in verbs}


AUDIT = [
    {"verb": "get", "objectRef_resource": "secrets", "objectRef_namespace": "shop", "objectRef_name": "db"},
    {"verb": "list", "objectRef_resource": "pods", "impersonatedUser_username": "bob", "responseStatus_code": 403},
    {"verb": "get", "requestURI": "/healthz"},
]
ACTIVITY = [
    {
        "evt_type": "execve",
        "proc_exepath": "/bin/sh",
        "proc_pexepath": "/bin/init",
        "rule": "Terminal shell in container",
    },
    {"evt_type": "openat", "fd_name": "/etc/passwd", "evt_arg_flags": "O_RDONLY"},
    {"evt_type": "openat", "fd_name": "/data/x", "evt_arg_flags": "O_WRONLY|O_CREAT"},
    {"evt_type": "unlink", "fd_name": "/data/x"},
    {"evt_type": "connect", "fd_sip": "10.1.2.3", "fd_sport": 443, "fd_l4proto": "tcp"},
    {"evt_type": "listen", "fd_sport": 80, "fd_l4proto": "tcp"},
    {"evt_type": "accept", "fd_cip": "10.1.2.3", "fd_sport": 80, "fd_l4proto": "tcp"},
    {"evt_type": "dns", "dns_name": "example.com"},
    {"evt_type": "ptrace"},
]


@pytest.mark.parametrize(
    ("stream", "table", "shared", "events"),
    [
        (
            "audit",
            tables.AUDIT,
            {
                "stage": "ResponseComplete",
                "user_username": "ann",
                "source_ip": "10.0.0.1",
                "userAgent": "kubectl/v1.30",
            },
            AUDIT,
        ),
        (
            "activity",
            tables.ACTIVITY,
            {"k8s_ns_name": "shop", "k8s_pod_name": "web-0", "container_name": "app"},
            ACTIVITY,
        ),
    ],
)
def test_every_event_is_one_act(stream, table, shared, events):
    rows = [{"time": NOON, **shared, **event} for event in events]
    stated = facts.of(stream, frames.of_rows(table, rows))
    assert stated.filter(pl.col("verb").is_in(maturity.ACTS))["count"].sum() == len(events)


@pytest.mark.parametrize("kinds", [20, 200])
@pytest.mark.parametrize("steepness", [1.0, 2.0])
@pytest.mark.parametrize("events", [100, 1_000])
def test_the_upper_limit_holds_nineteen_times_in_twenty(kinds, steepness, events):
    chance = random.Random(7)
    weights = [1 / rank**steepness for rank in range(1, kinds + 1)]
    held, trials = 0, 300
    for _ in range(trials):
        seen = Counter(chance.choices(range(kinds), weights, k=events))
        times = Counter(seen.values())
        unseen = sum(weight for kind, weight in enumerate(weights) if kind not in seen) / sum(weights)
        held += unseen <= maturity.upper(events, times[1], times[2])
    assert held / trials >= 0.92  # 0.95 but for the noise of 300 trials


@given(st.integers(1, 10**9), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 400))
def test_the_limit_is_never_below_the_estimate_and_the_words_are_always_there(events, singletons, doubletons, days):
    singletons = min(singletons, events)
    judged = maturity.judge(events=events, singletons=singletons, doubletons=doubletons, days=days)
    assert 0 <= judged.mass <= judged.bound <= 1
    assert judged.state in {"mature", "settling", "learning"}
    assert judged.sentence
    assert "\n" not in judged.sentence


@given(st.integers(1, 10**6), st.integers(0, 1000), st.integers(0, 1000), st.integers(7, 40))
def test_more_of_the_same_never_makes_a_subject_less_mature(events, singletons, doubletons, days):
    rank = ["learning", "settling", "mature"].index
    now = maturity.judge(events=events + singletons, singletons=singletons, doubletons=doubletons, days=days)
    later = maturity.judge(events=2 * events + singletons, singletons=singletons, doubletons=doubletons, days=days + 1)
    assert rank(later.state) >= rank(now.state)


@pytest.mark.parametrize(
    ("events", "singletons", "doubletons", "days", "state", "sentence"),
    [
        (9_000, 10, 4, 14, "mature", "about 1 in 900 of its acts would be new; 14 days seen"),
        (1_000, 0, 0, 7, "mature", "fewer than 1 in 340 of its acts would be new; 7 days seen"),
        (
            1_000,
            0,
            0,
            6,
            "settling",
            "fewer than 1 in 340 of its acts would be new; seen for 6 days only: a week is wanted",
        ),
        (240, 2, 0, 9, "settling", "about 1 in 120 of its acts would be new, judged from 240 acts only; 9 days seen"),
        (400, 100, 50, 30, "learning", "about 1 in 4 of its acts would be new; 30 days seen"),
        (5, 5, 0, 1, "learning", "nearly all of its acts would be new; seen for 1 day only: a week is wanted"),
        (4, 0, 2, 8, "learning", "4 acts of it seen, too few to say how many would be new; 8 days seen"),
    ],
)
def test_maturity_is_said_in_words(events, singletons, doubletons, days, state, sentence):
    judged = maturity.judge(events=events, singletons=singletons, doubletons=doubletons, days=days)
    assert (judged.state, judged.sentence) == (state, sentence)


def test_new_facts_of_tomorrow_are_foretold_from_the_days_before():
    chance, days = random.Random(5), 10
    weights = [1 / rank for rank in range(1, 401)]
    seen = [set(chance.choices(range(400), weights, k=120)) for _ in range(days + 1)]
    on = Counter(kind for day in seen[:days] for kind in day)
    times = Counter(on.values())
    foretold = maturity.tomorrow(days=days, once=times[1], twice=times[2])
    assert foretold == pytest.approx(len(seen[days] - on.keys()), rel=0.5)
    assert maturity.tomorrow(days=1, once=400, twice=0) is None
