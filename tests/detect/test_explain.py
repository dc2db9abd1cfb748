"""An alert says in words what is new, how often and since when the usual was seen, and what would have been normal."""

from __future__ import annotations

from typing import Any

import pytest

from plimsoll import facts, frames, tables
from plimsoll.detect import explain, judge, stories, weigh
from tests import told
from tests.detect import trial

KNOWN = told.learned("audit", told.habit())
NEW = [told.request("list pods", time=told.at(days=told.LATER))]


def alerts(*rows: told.Row, known: Any = KNOWN, budget: int = 9) -> list[dict[str, Any]]:
    bench = told.judge_of(known)
    bench.take("audit", told.events("audit", told.numbered(rows)))
    return bench.alerts(budget=budget)


def alert(*rows: told.Row, known: Any = KNOWN) -> dict[str, Any]:
    (only,) = alerts(*rows, known=known)
    return only


def late(what: str = "list pods", second: float = 0, **columns: Any) -> told.Row:
    return told.request(what, time=told.at(second, days=told.LATER), **columns)


USUAL = explain.Usual(judge.evidence.levels(told.engines.of(KNOWN), 20_520).own, {"sa:shop/web"})


@pytest.mark.parametrize(
    ("row", "first"),
    [
        (late("list secrets"), "`list secrets` is new"),
        (late("get pods/exec", name="redis-0"), "`create pods/exec` is new"),
        (late("get secrets", userAgent="curl/8.5.0"), "`get secrets` is new"),
        (late(source_ip="203.0.113.9", user_pod_uid=None, user_credential_id=None), "network external 203.0.0.0/8 is new"),
        (late(source_ip="203.0.113.9"), "the token is bound to pod web-7d9c5b8f6d-x2k4q, always at 10.244.1.7"),
        (late("list secrets", impersonatedUser_username="admin"), "`list secrets` is new"),
    ],
)  # fmt: skip
def test_the_cause_is_the_first_reason(row, first):
    assert alert(row)["why"][0].startswith(first)


def test_a_reason_has_bits_counts_and_since_when_the_usual_was_seen():
    reason, normal = alert(late("list secrets"))["why"]
    assert reason.startswith("`list secrets` is new: +1")
    assert reason.endswith(" bits; 160 since 2026-03-02, usually get configmaps, list pods")
    assert normal == "would be normal: requests such as get configmaps, list pods"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"peer_members": 2}, "none of its 2 peers does"),
        ({"peer_members": 1}, "none of its 1 peer does"),
        ({"peer_members": 3, "peer_shown": 2}, "2 of 3 peers do"),
        ({"peer_members": 3, "peer_shown": 1}, "1 of 3 peers does"),
        ({"peer_members": 3, "peer_shown": 1, "own_total": 256}, "1 of 2 peers does"),
    ],
)
def test_a_reason_says_whether_any_peer_does_it(columns, said):
    assert explain.reason(trial.fact(5.0, **columns), USUAL).endswith(f"; {said}")


def test_who_is_alone_has_no_peers_to_be_put_beside():
    assert "peer" not in explain.reason(trial.fact(5.0, peer_members=1, own_total=256), USUAL)


def test_what_is_rare_but_known_says_how_often_it_was_seen():
    reason = explain.reason(trial.fact(3.2, "agent", "curl", own_weight=9, own_count=1, own_days=1), USUAL)
    assert reason == "client curl is rare: +3.2 bits; seen 1 time on 1 day"


def test_a_young_profile_is_said_to_be_young():
    young = alert(late("list secrets", source_ip="203.0.113.9"), known=told.learned("audit", told.habit(days=2)))
    assert young["maturity"] == "learning"
    assert young["why"][-1] == "judged against a young profile: 2 days learned of the 7 wanted"
    assert alert(late("list secrets"))["maturity"] == "mature"


def test_a_stolen_token_that_does_only_what_is_usual_is_judged_against_what_was_learned_of_its_owner():
    replicas = [*told.habit(), *told.habit(source_ip="10.244.1.8", user_pod_uid="uid-2", user_credential_id="JTI=2")]
    replayed = alert(late(source_ip="10.244.1.8"), known=told.learned("audit", replicas))
    assert replayed["maturity"] == "mature"
    assert replayed["why"] == [
        "the token is bound to pod web-7d9c5b8f6d-x2k4q, always at 10.244.1.7, and was used from 10.244.1.8"
    ]


def test_of_whom_nothing_was_learned_it_is_said_that_peers_alone_judge():
    stranger = alert(
        late("list secrets", user_username="system:serviceaccount:shop:new", source_ip="203.0.113.9", user_pod_uid=None)
    )
    assert stranger["maturity"] == "unknown"
    assert stranger["why"][-1] == "judged by its peers alone: nothing was learned of it before"
    assert "nothing was learned of sa:shop/new yet" in stranger["why"][0]


def test_evidence_names_the_gravest_act_first_though_it_came_last():
    rows = [late("list pods", 1, userAgent="curl/8.5.0"), late("list configmaps", 2, userAgent="curl/8.5.0")]
    found = alert(*rows, late("list secrets", 3, userAgent="curl/8.5.0"))
    assert found["evidence"][0] == "a-3"
    assert sorted(found["evidence"]) == ["a-1", "a-2", "a-3"]


def test_evidence_the_ledger_found_goes_before_all_other():
    rows = [
        late(
            "list secrets",
            1,
            userAgent="curl/8.5.0",
            user_credential_id=None,
            user_pod_uid=None,
            source_ip="203.0.113.9",
        )
    ]
    stolen = late("list pods", 2, userAgent="curl/8.5.0", source_ip="203.0.113.9")
    assert alert(*rows, stolen)["evidence"][0] == "a-2"


def test_evidence_holds_the_first_event_of_every_act_before_the_second_of_any_and_is_bounded():
    many = [late("list secrets", n / 10, userAgent="curl/8.5.0") for n in range(5)]
    other = [late(f"list kind{n}", 1 + n / 10, userAgent="curl/8.5.0") for n in range(80)]
    evidence = alert(*many, *other)["evidence"]
    assert len(evidence) == explain.EVIDENCE
    assert evidence[0] == "a-1"
    assert "a-2" not in evidence


def test_an_alert_has_the_techniques_of_what_was_done_first():
    assert alert(late("list secrets", source_ip="203.0.113.9"))["attack"] == ["T1528", "T1552.007", "T1078.004"]
    assert alert(late("get pods/exec", name="redis-0"))["attack"][0] == "T1609"


def test_the_title_says_who_did_what_where_and_whence():
    titles = [
        alert(row)["title"]
        for row in (
            late("list secrets"),
            late("get pods/exec", responseStatus_code=403, userAgent="curl/8.5.0"),
            late("list secrets", source_ip="203.0.113.9"),
        )
    ]
    assert titles == [
        "sa:shop/web: list secrets in shop for the first time",
        "sa:shop/web: create pods/exec in shop (answer: denied) for the first time with curl",
        "token of sa:shop/web used from elsewhere, 203.0.113.9 with web",
    ]


def test_a_repeat_within_the_hour_is_said_and_its_events_are_evidence():
    found = alert(late("list secrets", source_ip="203.0.113.9"), late("list secrets", 600, source_ip="203.0.113.9"))
    assert "again 1 time, until 2026-03-22 09:10:00" in found["why"]
    assert found["evidence"] == ["a-1", "a-2"]


def test_an_alert_is_a_row_of_its_table_with_a_name_that_does_not_change():
    one, again = alert(late("list secrets")), alert(late("list secrets"))
    assert one == again
    assert frames.of_rows(tables.ALERTS, [one]).height == 1
    assert set(one) == set(tables.names(tables.ALERTS))
    assert one["id"] != alert(late("list secrets", 1))["id"]


def test_every_verb_has_a_saying():
    for verb in weigh.VIEWS:
        reason = explain.reason(trial.fact(3.0, verb, "this", given="that"), USUAL)
        assert "this" in reason or verb in reason
        assert "+3.0 bits" in reason
    assert {verb.name for verbs in facts.VERBS.values() for verb in verbs} <= set(weigh.VIEWS)


def test_a_process_is_told_in_its_own_words():
    rows = [told.deed(time=told.at(days=day)) for day in range(10)]
    bench = told.judge_of(told.learned("activity", rows))
    strange = told.deed(proc_exepath="/tmp/xmrig", proc_name="xmrig", time=told.at(days=told.LATER))
    bench.take("activity", told.events("activity", [strange]))
    (found,) = bench.alerts(budget=5)
    assert found["title"] == "shop/Deployment/redis:redis ran /tmp/xmrig, new"
    assert found["evidence"] == ["1"]
    assert found["attack"] == ["T1059"]


def test_reasons_are_few_however_many_tokens_were_stolen():
    findings = [f"the token of web-{n} is elsewhere" for n in range(40)]
    chapter = stories.Chapter(("sa:shop/web", "", ""), [], told.at(), told.at(), {}, {}, findings)
    why = explain.alert(stories.Story(chapter, told.at(), []), USUAL)["why"]
    assert why[0] == findings[0]
    assert why[explain.REASONS] == "and 35 more tokens alike"
    assert len(why) <= explain.REASONS + 2


def test_reasons_are_few():
    chapter = stories.Chapter(("sa:shop/web", "", ""), [], told.at(), told.at())
    facts_told = tuple(trial.fact(5.0 + n, "touch", f"secret-{n}", given="get secrets in shop") for n in range(30))
    act = trial.act(*facts_told)
    chapter.acts.append(act)
    chapter.deeds["credential-access"] = (30.0, act)
    found = explain.alert(stories.Story(chapter, told.at(), []), USUAL)
    assert len(found["why"]) <= explain.REASONS + 2
    assert found["why"][0].startswith("`get secrets in shop` of secret-29 is new")
