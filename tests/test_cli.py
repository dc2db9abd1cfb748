"""The command line keeps its word: exit codes, clean output for programs, one line for people, never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll import flow, flow_profile
from tests import told
from tests.typed import HABIT, plimsoll, refused

VERBS = ["", "demo", "learn", "detect", "profile", "profile list", "profile show", "profile diff", "profile approve", "profile pending", "profile forget", "profile export", "doctor"]  # fmt: skip


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
