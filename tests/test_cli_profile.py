"""Looking at what was learned, and editing it."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests import told
from tests.typed import HABIT, LATE, THEFT, refused


def test_profile_list_speaks_of_event_time_only(run, taught):
    said = run("profile", "list", "--profile", "p", "-o", "json").document
    (subject,) = said["subjects"]
    assert subject["subject"] == "sa:shop/web"
    assert (subject["events"], subject["days"]) == (len(HABIT), 10)
    assert subject["first"].startswith("2026-03-02T09:00:00")
    assert said["overall"]["sentence"]
    assert run("profile", "list", "--profile", "p", "-o", "jsonl").lines == said["subjects"]


def test_profile_list_says_in_words_how_well_each_is_known(run, taught):
    said = run("profile", "list", "--profile", "p").out
    assert said.startswith("1 subject; settling: ")
    assert "10 days seen" in said


def test_profile_show_tells_the_facts_of_a_subject_or_a_glob(run, taught):
    shown = run("profile", "show", "sa:shop/web", "--profile", "p", "-o", "jsonl").lines
    (listed,) = [fact for fact in shown if (fact["verb"], fact["object"]) == ("request", "list pods")]
    assert (listed["count"], listed["days"]) == (80, 10)
    assert run("profile", "show", "sa:*", "--profile", "p", "-o", "jsonl").lines == shown
    assert "list pods" in run("profile", "show", "sa:shop/web", "--profile", "p").out


def test_profile_diff_tells_what_came_and_what_went(run, taught):
    run("learn", "habit.log", "theft.log", "--profile", "q")
    came = run("profile", "diff", "p", "q", "-o", "jsonl").lines
    assert ("added", "request", "list secrets") in {(one["change"], one["verb"], one["object"]) for one in came}
    went = run("profile", "diff", "q", "p", "-o", "jsonl").lines
    assert [one | {"change": "added"} for one in went] == came
    assert run("profile", "diff", "p", "p").out == "No differences.\n"


def test_an_approval_silences_what_it_names(run, taught):
    told.log(taught / "doubtful.log", [told.request("list secrets", time=LATE)])
    asked = ["detect", "doubtful.log", "--profile", "p", "--budget", "5", "-o", "jsonl"]
    assert len(run(*asked).lines) == 1
    said = run("profile", "approve", "sa:shop/*", "--verb", "request", "--object", "list secrets", "--profile", "p")
    assert (said.code, said.out) == (0, "approved: sa:shop/* request list secrets\n")
    assert run(*asked).lines == []


def test_what_is_forgotten_is_known_no_more(run, taught):
    said = run("profile", "forget", "sa:shop/web", "--profile", "p")
    assert (said.code, said.out) == (0, "forgotten: sa:shop/web, up to 2026-03-11\n")
    assert run("profile", "list", "--profile", "p", "-o", "json").document["subjects"] == []
    assert refused(run("profile", "show", "sa:shop/web", "--profile", "p"))


def test_an_export_is_the_facts_or_the_roles(run, taught):
    facts = run("profile", "export", "--profile", "p", "-o", "jsonl").lines
    assert {"subject", "verb", "given", "object", "count", "days", "first", "last"} <= set(facts[0])
    roles = list(yaml.safe_load_all(run("profile", "export", "--profile", "p", "--as", "role").out))
    assert [role["kind"] for role in roles] == ["Role", "RoleBinding"]
    assert run("profile", "export", "--profile", "p", "--subject", "sa:no/*", "-o", "jsonl").lines == []


def test_an_approved_alert_is_silent_next_time_and_the_ledger_too_for_this_one_place(run):
    told.log(Path("a.log"), HABIT)
    told.log(Path("b.log"), [*HABIT, THEFT])
    run("learn", "a.log", "--profile", "p")
    said = run("detect", "b.log", "--profile", "p", "--budget", "5", "-o", "jsonl")
    Path("alerts.jsonl").write_text(said.out)
    (alert,) = said.lines
    assert alert["kind"] == "ledger"
    assert "at 203.0.113.9" in alert["facts"]
    done = run("profile", "approve", "--alerts", "alerts.jsonl", "--id", alert["id"], "--profile", "p")
    assert "approved: sa:shop/web request list secrets" in done.out
    assert run("detect", "b.log", "--profile", "p", "--budget", "5", "-o", "jsonl").out == ""
    elsewhere = THEFT | {"source_ip": "203.0.113.10"}
    told.log(Path("c.log"), [*HABIT, elsewhere])
    assert run("detect", "c.log", "--profile", "p", "--budget", "5", "-o", "jsonl").lines
    assert run("profile", "approve", "--alerts", "alerts.jsonl", "--id", "no", "--profile", "p").code == 2


def test_what_was_learned_under_suspicion_is_shown_and_released(run):
    thefts = [THEFT | {"time": told.at(n, days=6), "userAgent": "curl/8.5.0"} for n in range(3)]
    told.log(Path("a.log"), [*HABIT, *thefts])
    run("learn", "a.log", "--profile", "p")
    held = {(row["verb"], row["object"]) for row in run("profile", "pending", "--profile", "p", "-o", "jsonl").lines}
    assert {("request", "list secrets"), ("agent", "curl")} <= held
    assert "list secrets" in run("profile", "pending", "--profile", "p").out
    run("profile", "approve", "sa:shop/web", "--verb", "*", "--object", "*", "--profile", "p")
    run("profile", "approve", "pod:uid-web", "--verb", "at", "--object", "203.0.113.9", "--profile", "p")
    assert run("profile", "pending", "--profile", "p", "-o", "jsonl").out == ""
