"""The judge gives the same alerts however events come in, forgets what is usual and nothing that is notable."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll import frames, tables
from plimsoll.detect import budget, judge, settled, stories
from tests import told

KNOWN = told.learned("audit", told.habit())
MINUTES = 90


def day(chance: random.Random) -> list[told.Row]:
    """An hour and a half later: habit, changes, and what no change is."""
    rows = []
    for minute in range(MINUTES):
        rows += [("list pods", minute, {}), ("get configmaps", minute + chance.random() / 2, {"name": "settings"})]
    for _ in range(6):
        what = chance.choice(
            ["list secrets", "get pods/exec", "create clusterrolebindings.rbac.authorization.k8s.io", "list nodes"]
        )
        columns = chance.choice(
            [{}, {"userAgent": "curl/8.5.0"}, {"source_ip": "203.0.113.9"}, {"responseStatus_code": 403}]
        )
        start = chance.randrange(MINUTES)
        rows += [(what, start + n / 10, columns) for n in range(chance.randint(1, 5))]
    requests = [
        told.request(what, time=told.at(60 * minute, days=told.LATER), **columns) for what, minute, columns in rows
    ]
    return told.numbered(sorted(requests, key=lambda row: row["time"]))


GRAVITY = ["info", "low", "medium", "high", "critical"]


def alerts(rows: list[told.Row], size: int = 10_000, **asked: Any) -> list[dict[str, Any]]:
    bench = told.judge_of(KNOWN)
    for start in range(0, len(rows), size):
        bench.take("audit", told.events("audit", rows[start : start + size]))
    return bench.alerts(**asked)


@given(st.integers(0, 10**6), st.integers(1, 60))
@settings(max_examples=12)
def test_the_size_of_batches_changes_no_alert(seed, size):
    rows = day(random.Random(seed))
    assert alerts(rows, size, budget=9) == alerts(rows, budget=9)


@given(st.integers(0, 10**6), st.integers(1, 60))
@settings(max_examples=8)
def test_told_as_they_begin_the_alerts_are_those_told_at_the_end_each_once_for_a_severity(seed, size):
    rows, bench, steps = day(random.Random(seed)), told.judge_of(KNOWN), defaultdict(list)
    for start in range(0, len(rows), size):
        bench.take("audit", told.events("audit", rows[start : start + size]))
        for alert in bench.tell():
            steps[alert["id"]].append(GRAVITY.index(alert["severity"]))
        assert bench._notable == []
    at_the_end = {alert["id"]: GRAVITY.index(alert["severity"]) for alert in alerts(rows)}
    assert all(told_as == sorted(set(told_as)) for told_as in steps.values())
    assert {name: told_as[-1] for name, told_as in steps.items()} == at_the_end


@pytest.mark.parametrize("size", [7, 10_000])
def test_what_was_learned_is_no_news(size):
    assert alerts(told.numbered(sorted(told.habit(), key=lambda row: row["time"])), size, budget=50) == []


def test_usual_acts_are_looked_at_once_and_what_is_notable_among_them_every_time():
    bench = told.judge_of(KNOWN)
    usual, strange = (told.request(what, time=told.at(days=told.LATER)) for what in ("list pods", "list secrets"))
    both = told.numbered([usual, strange])
    assert [act.request for act in bench.take("audit", told.events("audit", both))] == ["list secrets"]
    assert bench.take("audit", told.events("audit", [usual] * 50)) == []
    assert [act.request for act in bench.take("audit", told.events("audit", both))] == ["list secrets"]


def test_of_usual_acts_nothing_is_kept():
    bench = told.judge_of(KNOWN)
    bench.take("audit", told.events("audit", told.numbered(told.habit())))
    assert bench._notable == []


def test_memory_of_the_usual_is_bounded_and_losing_it_changes_no_alert(monkeypatch):
    rows = day(random.Random(3))
    wanted = alerts(rows, 20, budget=9)
    monkeypatch.setattr(settled, "MOST", 2)
    assert alerts(rows, 20, budget=9) == wanted


def test_notable_acts_beyond_the_room_for_them_are_counted(monkeypatch):
    monkeypatch.setattr(judge, "MOST_NOTABLE", 3)
    bench = told.judge_of(KNOWN)
    rows = [told.request(f"list kind{n}", time=told.at(n, days=told.LATER)) for n in range(10)]
    assert len(bench.take("audit", told.events("audit", rows))) == 10
    assert bench.forgone == 7


SECRETS = told.request("list secrets", time=told.at(days=told.LATER))
EXEC = told.request("get pods/exec", time=told.at(100, days=told.LATER))


@pytest.mark.parametrize(
    ("approved", "left"),
    [
        ([], ["list secrets", "create pods/exec"]),
        ([("sa:shop/web", "request", "list secrets")], ["create pods/exec"]),
        ([("sa:shop/*", "request", "list *")], ["create pods/exec"]),
        ([("sa:*", "*", "*")], []),
        ([("*", "*", "*")], []),
        ([("sa:shop/api", "request", "list secrets")], ["list secrets", "create pods/exec"]),
        ([("sa:shop/web", "agent", "list secrets")], ["list secrets", "create pods/exec"]),
        ([("sa:shop/web", "request", "list secret")], ["list secrets", "create pods/exec"]),
        ([("sa:shop/we", "request", "list secrets")], ["list secrets", "create pods/exec"]),
    ],
)
def test_an_approval_silences_exactly_what_it_names(approved, left):
    bench = told.judge_of(KNOWN, approved)
    bench.take("audit", told.events("audit", told.numbered([SECRETS, EXEC])))
    titles = " ".join(alert["title"] for alert in sorted(bench.alerts(budget=9), key=lambda alert: alert["time"]))
    assert [what for what in ("list secrets", "create pods/exec") if what in titles] == left


def test_an_approval_whose_text_looks_like_a_glob_means_itself_too():
    bench = told.judge_of(KNOWN, [("sa:shop/web", "agent", "tool [beta]")])
    rows = [told.request("list pods", time=told.at(days=told.LATER), userAgent="tool [beta]/1.0")]
    bench.take("audit", told.events("audit", rows))
    assert not any("tool" in reason for alert in bench.alerts(budget=9) for reason in alert["why"])


def test_an_approval_never_silences_the_token_ledger():
    bench = told.judge_of(KNOWN, [("*", "*", "*")])
    bench.take("audit", told.events("audit", [told.request(time=told.at(), source_ip="203.0.113.9")]))
    (found,) = bench.alerts()
    assert found["kind"] == "ledger"


def test_without_a_profile_rules_and_the_ledger_judge_alone():
    bench = told.judge_of(frames.empty(tables.FACTS), unlearned=True)
    strange = told.request("list strange", time=told.at(5), user_pod_uid=None, user_credential_id=None)
    rows = [
        told.request(),
        strange,
        told.request(time=told.at(900), source_ip="203.0.113.9"),
        told.request("delete events", time=told.at(9)),
    ]
    bench.take("audit", told.events("audit", told.numbered(rows)))
    found = bench.alerts()
    assert {alert["kind"] for alert in found} == {"ledger", "rule"}
    assert not any("list strange" in " ".join(alert["why"]) for alert in found)


def test_a_rule_makes_an_alert_of_every_hit_where_there_is_no_budget_and_is_evidence_where_there_is():
    rows = told.numbered(
        [told.request("delete events", "shop", None, time=told.at(3_700 * n, days=told.LATER)) for n in range(3)]
    )
    found = [alert for alert in alerts(rows) if alert["kind"] == "rule" and alert["title"].startswith("Events")]
    assert [alert["evidence"] for alert in found] == [["a-1"], ["a-2"], ["a-3"]]
    assert all("plimsoll:events-deleted" in alert["controls"] for alert in found)
    (only,) = alerts(rows, budget=1)
    assert "plimsoll:events-deleted" in only["controls"]


def test_a_rule_is_silent_under_a_budget_where_the_same_was_done_out_of_habit():
    habit = told.learned(
        "audit", [told.request("get pods/exec", name="web-0", time=told.at(days=day)) for day in range(9)]
    )
    again = told.events("audit", [told.request("get pods/exec", name="web-0", time=told.at(days=told.LATER))])
    bench = told.judge_of(habit)
    bench.take("audit", again)
    assert bench.alerts(budget=9) == []
    assert [alert["kind"] for alert in bench.alerts()] == ["rule"]


DOUBTFUL = [
    "list secrets",
    "get pods/exec",
    "create pods",
    "create serviceaccounts/token",
    "create clusterrolebindings.rbac.authorization.k8s.io",
]
SEVERAL = told.numbered([
    *(told.request(what, time=told.at(900 * n, days=told.LATER)) for n, what in enumerate(DOUBTFUL)),
    told.request("delete events", time=told.at(9_000, days=told.LATER), source_ip="203.0.113.9"),
])  # fmt: skip
"""Acts of doubtful weight, then a theft."""


@pytest.mark.parametrize(("a_day", "days"), [(1, 1), (3, 1), (2, 2), (90, 1)])
def test_a_budget_is_filled_with_the_best_doubtful_stories(a_day, days):
    found, everything = alerts(SEVERAL, budget=a_day, days=days), alerts(SEVERAL, budget=90)
    certain = sum(alert["bits"] >= stories.CERTAIN for alert in everything)
    assert 0 < certain <= len(everything) == 6
    assert found == everything[: max(certain, a_day * days)]
    assert [alert["bits"] for alert in found] == sorted((alert["bits"] for alert in found), reverse=True)


def test_where_learning_gave_a_threshold_it_decides_and_not_what_is_judged():
    everything = alerts(SEVERAL, budget=90)
    bench = told.judge_of(KNOWN)
    bench._doubt = budget.Budget((9.0, everything[2]["bits"] - 0.1, 2.0), 1)
    bench.take("audit", told.events("audit", SEVERAL))
    assert bench.alerts(budget=1) == [one for one in everything if one["bits"] >= everything[2]["bits"]]


def test_no_budget_hides_what_is_certain():
    thefts = [
        told.request("list secrets", time=told.at(3_700 * n, days=told.LATER), source_ip=f"203.0.113.{n}")
        for n in range(5)
    ]
    assert len(alerts(told.numbered(thefts), budget=1)) == 5


def test_alerts_may_be_asked_for_again_and_again():
    bench = told.judge_of(KNOWN)
    bench.take("audit", told.events("audit", [SECRETS]))
    assert bench.alerts(budget=1) == bench.alerts(budget=1) != []


def test_activity_and_flows_are_judged_beside_requests():
    bench = told.judge_of(
        pl.concat([
            told.learned("activity", [told.deed(time=told.at(days=day)) for day in range(9)]),
            told.learned("flow", [told.flow(time=told.at(days=day)) for day in range(9)]),
        ])
    )  # fmt: skip
    later = told.at(days=told.LATER)
    bench.take(
        "activity", told.events("activity", [told.deed(time=later), told.deed(proc_exepath="/tmp/x", time=later)])
    )
    bench.take("flow", told.events("flow", [told.flow(time=later), told.flow(destination_port=4444, time=later)]))
    assert {alert["title"] for alert in bench.alerts(budget=9)} == {
        "shop/Deployment/redis:redis ran /tmp/x, new",
        "shop/Deployment/web connected to shop/Deployment/redis:4444/tcp, new",
    }


def test_what_was_gathered_from_several_files_is_judged_as_if_file_by_file():
    bench, rows = told.judge_of(KNOWN), day(random.Random(3))
    for _ in range(2):  # the same audit ids again, which collide in neither
        bench.gather("audit", told.events("audit", rows))
    ruled = {control for alert in bench.alerts() for control in alert["controls"]}
    assert "plimsoll:audit-id-collision" not in ruled
    assert {alert["id"] for alert in bench.alerts()} == {alert["id"] for alert in alerts(rows)}
