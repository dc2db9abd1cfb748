"""Learning and judging on the command line: what it says, to people and to programs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from plimsoll import flow_profile
from tests import told
from tests.typed import HABIT, LATE


def test_learning_says_what_was_read_and_how_well_it_is_known(run, taught):
    said = run("learn", "habit.log", "theft.log", "--profile", "q")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"{len(HABIT) + 1} records read, 2 new segments\n1 subject known; ")
    assert "SUBJECT" in said.out
    assert "sa:shop/web" in said.out
    assert "\x1b" not in said.out


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load), ("jsonl", json.loads)])
def test_learning_tells_programs_its_counts(run, taught, form, read):
    said = read(run("learn", "habit.log", "--profile", "q", "-o", form).out)
    assert said["input"] == {"accepted": len(HABIT), "rejected": 0}
    assert said["segments"] == {"new": 1, "known": 0}
    assert said["maturity"]["state"] == "settling"


def test_learning_twice_adds_nothing_and_the_profile_prints_the_same_bytes(run, taught):
    once = run("profile", "list", "--profile", "p", "-o", "json").out
    again = run("learn", "habit.log", "--profile", "p", "-o", "json").document
    assert again["segments"] == {"new": 0, "known": 1}
    assert run("profile", "list", "--profile", "p", "-o", "json").out == once


def test_learning_in_another_order_prints_the_same_bytes(run, taught):
    run("learn", "theft.log", "habit.log", "--profile", "q")
    run("learn", "theft.log", "--profile", "p")
    for verb in ("list", "export"):
        shown = [run("profile", verb, "--profile", one, "-o", "json").out for one in "pq"]
        assert shown[0] == shown[1]


def test_an_empty_log_is_no_error(run, tmp_path):
    (tmp_path / "empty.log").touch()
    said = run("learn", "empty.log", "--profile", "p")
    assert (said.code, said.err) == (0, "")
    assert run("learn", "empty.log", "--profile", "p", "-o", "json").document["input"] == {"accepted": 0, "rejected": 0}
    assert run("detect", "empty.log", "--profile", "p", "-o", "jsonl").out == ""
    assert run("profile", "list", "--profile", "p", "-o", "json").document["subjects"] == []


def test_a_broken_line_ends_with_3_and_is_kept_where_one_wants(run, tmp_path):
    told.log(tmp_path / "audit.log", HABIT, "{broken", "17")
    said = run("learn", "audit.log", "--profile", "p", "--rejects", "rejects.jsonl", "-o", "json")
    assert said.code == 3
    assert said.document["input"] == {"accepted": len(HABIT), "rejected": 2}
    assert "2 records set aside" in said.err
    assert 1 <= len(said.err.splitlines()) <= 3
    kept = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(reject["line"], reject["raw"]) for reject in kept] == [(161, "{broken"), (162, "17")]
    assert run("detect", "audit.log", "-o", "jsonl").code == 3


def test_rejects_that_cannot_be_kept_are_said_in_one_line(run, tmp_path):
    told.log(tmp_path / "audit.log", HABIT[:1], "{broken")
    said = run("detect", "audit.log", "--rejects", "no/such/folder/rejects.jsonl", "-o", "jsonl")
    assert said.code == 2
    assert "Traceback" not in said.err


def test_alerts_for_programs_have_their_fields(run, taught):
    said = run("detect", "theft.log", "--profile", "p", "--budget", "1", "-o", "jsonl")
    assert (said.code, said.err) == (0, "")
    (alert,) = said.lines
    fields = {
        "id",
        "time",
        "subject",
        "title",
        "severity",
        "bits",
        "why",
        "evidence",
        "attack",
        "kind",
        "controls",
        "maturity",
        "facts",
    }
    assert set(alert) == fields
    assert (alert["subject"], alert["severity"], alert["kind"]) == ("sa:shop/web", "critical", "ledger")
    assert alert["evidence"] == ["a-1"]
    assert re.match(r"2026-03-22T09:00:00(\.0+)?(Z|\+00:00)$", alert["time"])


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "ocsf", "falco_json", "table"])
def test_every_form_of_alerts_is_clean_in_a_pipe(run, taught, form):
    for log in ("theft.log", "habit.log"):
        said = run("detect", log, "--profile", "p", "-o", form)
        assert (said.code, said.err) == (0, "")
        assert "\x1b" not in said.out
    if form in ("jsonl", "ocsf", "falco_json"):
        assert said.out == ""
    if form in ("json", "yaml"):
        assert yaml.safe_load(said.out) == []


def test_alerts_for_people_say_why(run, taught):
    said = run("detect", "theft.log", "--profile", "p", "--budget", "1").out
    assert "token of sa:shop/web used from elsewhere" in said
    assert "always at 10.244.1.7" in said
    assert said.endswith("1 alert: 1 critical\n")
    assert run("detect", "habit.log", "--profile", "p").out == "No alerts.\n"


def test_colours_are_shown_where_they_are_asked_for(run, taught):
    assert "\x1b[" in run("detect", "theft.log", "--profile", "p", "--color", "always").out


@pytest.mark.parametrize(("least", "code"), [("low", 1), ("high", 1), ("critical", 1), (None, 0)])
def test_with_fail_on_a_grave_alert_ends_with_1(run, taught, least, code):
    asked = ["--fail-on", least] if least else []
    assert run("detect", "theft.log", "--profile", "p", *asked).code == code
    assert run("detect", "habit.log", "--profile", "p", *asked).code == 0


def test_with_fail_on_a_lighter_alert_ends_with_0(run, taught):
    told.log(taught / "doubtful.log", [told.request("list secrets", time=LATE)])
    asked = ["detect", "doubtful.log", "--profile", "p", "--budget", "5", "--fail-on"]
    assert [run(*asked, least).code for least in ("low", "medium", "high")] == [1, 0, 0]


def test_a_budget_shows_what_is_doubtful(run, taught):
    told.log(taught / "doubtful.log", [told.request("create pods/attach", time=LATE)])
    plain = run("detect", "doubtful.log", "--profile", "p", "-o", "jsonl").lines
    assert {alert["kind"] for alert in plain} <= {"rule"}
    (alert,) = run("detect", "doubtful.log", "--profile", "p", "-o", "jsonl", "--budget", "1").lines
    assert alert["severity"] == "low"


def test_without_a_profile_only_rules_and_the_ledger_have_a_say(run, taught):
    said = run("detect", "habit.log", "theft.log", "-o", "jsonl")
    assert [alert["kind"] for alert in said.lines] == ["ledger", "rule"]


def test_interrupting_a_followed_log_keeps_what_was_learned(tmp_path):
    log = told.log(tmp_path / "audit.log", HABIT)
    code = "from plimsoll.cli import main; main()"
    arguments = ["learn", str(log), "--profile", str(tmp_path / "p"), "--follow"]
    following = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        until = time.monotonic() + 60
        while not list((tmp_path / "p" / "segments").glob("*.parquet")):
            assert following.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=60) == (b"", b"")  # in a pipe it is quiet
    finally:
        following.kill()  # it would follow for ever
        following.wait()
    assert following.returncode == 130
    assert sum(flow_profile.known(tmp_path / "p").filter(verb="request")["count"]) == len(HABIT)
