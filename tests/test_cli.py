"""The command line keeps its word: exit codes, clean output for programs, one line for people, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll import cli, flow, flow_profile
from tests import told

HABIT = told.habit()
LATE = told.at(days=told.LATER)
THEFT = told.request("list secrets", time=LATE, source_ip="203.0.113.9")
VERBS = ["", "demo", "learn", "detect", "profile", "profile list", "profile show", "profile diff", "profile approve", "profile pending", "profile forget", "profile export", "doctor"]  # fmt: skip


class Told:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def _as_it_was():
    """Running a command tells the process how to end where nobody reads: not this one."""
    ending = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, ending)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: object) -> Told:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Told(code, *capsys.readouterr())

    return ran


@pytest.fixture
def taught(run, tmp_path) -> Path:
    """A folder with a profile of the shop's web pod in `p`, the log of its habit, and one of a theft."""
    told.log(tmp_path / "habit.log", HABIT)
    told.log(tmp_path / "theft.log", [THEFT])
    assert run("learn", "habit.log", "--profile", "p").code == 0
    return tmp_path


def refused(told_by: Told, code: int = 2) -> bool:
    """Whether a command ended with this code, one to three lines on stderr, and nothing else."""
    lines = told_by.err.splitlines()
    return told_by.code == code and 1 <= len(lines) <= 3 and not told_by.out and "Traceback" not in told_by.err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(run, verb):
    shown = run(*verb.split(), "--help")
    assert shown.code == 0
    assert f"Example: plimsoll {verb}".strip() in shown.out
    assert "\x1b" not in shown.out
    assert not shown.err


def test_the_version_is_told(run):
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["learn"],
        ["learn", "--nonsense"],
        ["learn", "habit.log"],
        ["learn", "nothing.log", "--profile", "q"],
        ["learn", "habit.log", "--profile"],
        ["learn", "habit.log", "--profile", "q", "--from", "nonsense"],
        ["learn", "habit.log", "--profile", "q", "--engine", "nonsense"],
        ["learn", "habit.log", "--profile", "q", "-o", "nonsense"],
        ["learn", "habit.log", "--profile", "q", "--objects", "nothing.yaml"],
        ["learn", "none.bin", "--profile", "q"],
        ["learn", "none.bin", "--profile", "q", "-o", "json"],
        ["learn", "habit.log", "theft.log", "--profile", "q", "--follow"],
        ["learn", "habit.log", "--profile", "file.txt"],
        ["detect"],
        ["detect", "theft.log", "--profile", "nowhere"],
        ["detect", "theft.log", "--budget", "0"],
        ["detect", "theft.log", "--budget", "many"],
        ["detect", "theft.log", "--follow"],
        ["detect", "theft.log", "--fail-on", "nonsense"],
        ["profile", "list"],
        ["profile", "list", "--profile", "nowhere"],
        ["profile", "show", "sa:no/body", "--profile", "p"],
        ["profile", "forget", "sa:no/body", "--profile", "p"],
        ["profile", "diff", "p", "nowhere"],
        ["profile", "export", "--profile", "p", "--as", "nonsense"],
        ["profile", "approve", "sa:a/b", "--profile", "p"],
        ["profile", "approve", "--alerts", "a.jsonl", "--profile", "p"],
        ["profile", "nonsense"],
        ["learn", "", "--profile", "q"],
        ["learn", "\x00", "--profile", "q"],
        ["doctor", "more"],
    ],
)
def test_bad_usage_ends_with_2_one_short_message_and_nothing_on_stdout(run, taught, arguments):
    (taught / "none.bin").write_bytes(bytes(range(256)) * 64)
    (taught / "file.txt").write_text("a file")
    said = run(*arguments)
    assert refused(said), (said.code, said.out, said.err)
    assert said.err.startswith("plimsoll: ")
    assert "\x1b" not in said.err


def test_a_message_shows_no_control_characters_of_a_name(run):
    said = run("learn", "\x1b[31mred\x07.log", "--profile", "q")
    assert refused(said)
    assert said.err.isascii()
    assert said.err.rstrip("\n").isprintable()


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


def test_an_interruption_ends_with_130_in_one_line(run, taught, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(flow, "learn", interrupted)
    assert refused(run("learn", "habit.log", "--profile", "q"), 130)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("too much\nof it")])
def test_what_the_machine_refuses_is_one_line(run, taught, monkeypatch, error):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(flow, "learn", refuse)
    assert refused(run("learn", "habit.log", "--profile", "q"))


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


def test_doctor_answers_programs_and_people(run, taught):
    checks = run("doctor", "--profile", "p", "-o", "json")
    assert checks.code in (0, 4)
    assert {"state", "name", "found", "mend"} == set(checks.document[0])
    assert "HOW TO MEND IT" in run("doctor").out
    missing = run("doctor", "--profile", "nowhere", "-o", "json")
    assert missing.code == 4


def plimsoll(*arguments: object, **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from plimsoll.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, check=False, **more)


def test_standard_input_is_a_source_and_a_process_ends_with_the_code(tmp_path):
    log = told.log(tmp_path / "audit.log", HABIT, "{broken")
    done = plimsoll("learn", "-", "--profile", tmp_path / "p", "-o", "json", input=log.read_bytes())
    assert done.returncode == 3
    assert json.loads(done.stdout)["input"] == {"accepted": len(HABIT), "rejected": 1}
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    thefts = [told.request("list secrets", time=told.at(3_700 * n), source_ip=f"203.0.113.{n}") for n in range(1, 60)]
    log = told.log(tmp_path / "audit.log", [HABIT[0], *thefts])
    command = f"{sys.executable} -c 'from plimsoll.cli import main; main()' detect {log} -o jsonl | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120, check=False)
    assert (len(done.stdout), done.stderr) == (10, b"")


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_a_character_shows_another(tmp_path, encoding):
    rows = [told.request(user_username=f"\u2603 {n}", user_groups=[]) for n in range(20)]
    log = told.log(tmp_path / "audit.log", rows)
    done = plimsoll("learn", log, "--profile", tmp_path / "p", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"20 subjects known" in done.stdout


def test_without_anyone_to_tell_the_work_is_done_all_the_same(tmp_path):
    log = told.log(tmp_path / "audit.log", HABIT)
    command = f"{sys.executable} -c 'from plimsoll.cli import main; main()' learn {log} --profile {tmp_path}/p >&- 2>&-"
    assert subprocess.run(["bash", "-c", command], timeout=120, check=False).returncode == 0
    assert sum(flow_profile.known(tmp_path / "p").filter(verb="request")["count"]) == len(HABIT)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_in_one_line():
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", "from plimsoll.cli import main; main()", "doctor"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


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
