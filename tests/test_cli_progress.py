"""A terminal is told how far a verb is; a pipe never is."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll import cli_progress

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: c}]}\n"
CALL = "[1795415400.000000]\t [NEW] ipv4 2 tcp 6 120 SYN_SENT src=10.1.0.5 dst=10.1.0.7 sport=40000 dport=6379 [UNREPLIED] src=10.1.0.7 dst=10.1.0.5 sport=6379 dport=40000 id=1\n"
VERBS = {
    "generate": ["flows.log", "--objects", "pod.yaml", "-o", "out"],
    "replay": ["flows.log", "--objects", "pod.yaml", "--policies", "pod.yaml"],
    "connectivity": ["pod.yaml"],
    "diff": ["pod.yaml", "pod.yaml"],
}


def told(tmp_path: Path, verb: str, stderr: int) -> subprocess.Popen[bytes]:
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "flows.log").write_text(CALL)
    command = [sys.executable, "-c", "from plimsoll.cli import main; main()", "policies", verb, *VERBS[verb]]
    environ = {**os.environ, "TERM": "xterm"}
    return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=stderr, env=environ)


def on_a_terminal(tmp_path: Path, verb: str) -> bytes:
    """What is written to stderr where that is a terminal."""
    ours, theirs = pty.openpty()
    process = told(tmp_path, verb, theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 1 << 16):
            shown += part
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    os.close(ours)
    process.communicate(timeout=60)
    return shown


@pytest.mark.parametrize("verb", VERBS)
def test_the_verbs_of_policies_say_on_a_terminal_what_they_read(verb: str, tmp_path: Path) -> None:
    shown = on_a_terminal(tmp_path, verb)
    assert b"\x1b[" in shown
    assert any(word in shown for word in (b"reading", b"records", b"judging"))


@pytest.mark.parametrize("verb", VERBS)
def test_they_are_quiet_in_a_pipe(verb: str, tmp_path: Path) -> None:
    _, error = told(tmp_path, verb, subprocess.PIPE).communicate(timeout=60)
    assert error == b""


class Terminal:
    """A stream that says it is a terminal, and keeps what is written."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.told = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.told += text
        return len(text)

    def flush(self) -> None:
        """Everything is there already."""


def on(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")


def test_a_name_that_looks_like_markup_or_moves_the_cursor_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    on(terminal := Terminal(), monkeypatch)
    with cli_progress.reading("never") as progress:
        progress("a[/b]\x1b[9A.log", 7)
    with cli_progress.doing("never") as progress:
        progress("reading a[/b]\x1b[9A.log")
    assert terminal.told.count(r"a[/b]\x1b[9A.log") >= 2
    assert "\x1b[9A" not in terminal.told


def test_of_a_long_name_the_end_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    on(terminal := Terminal(), monkeypatch)
    with cli_progress.reading("never") as progress:
        progress("x" * 200 + "/audit.log", 1)
    assert "/audit.log" in terminal.told
    assert "x" * 61 not in terminal.told
