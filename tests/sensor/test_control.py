"""The agent's socket: one question, one answer, and nothing else gets in."""

from __future__ import annotations

import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plimsoll import errors
from plimsoll.sensor import control


@contextmanager
def serving(path: Path, answering: Callable[[control.Question], Any]) -> Iterator[control.Control]:
    served, ended = control.Control(path), threading.Event()

    def loop() -> None:
        while not ended.is_set():
            served.answer(answering)
            time.sleep(0.01)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield served
    finally:
        ended.set()
        thread.join()
        served.close()


def test_a_question_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path / "s", lambda question: [question.do, question.subject]):
        assert control.ask(control.Question("get", "shop/*"), tmp_path / "s") == ["get", "shop/*"]


def test_a_refusal_is_one_clear_line(tmp_path: Path) -> None:
    def refuse(question: control.Question) -> Any:
        raise errors.InputError("no workload here is x")

    with serving(tmp_path / "s", refuse), pytest.raises(errors.PlimsollError, match="no workload here is x"):
        control.ask(control.Question("get"), tmp_path / "s")


@pytest.mark.parametrize(
    "line", [b"\n", b"{\n", b'{"do": "format"}\n', b'{"do": "set", "mode": 7}\n', b"\xff\n", b"[" * 70_000 + b"\n"]
)
def test_what_is_no_question_gets_an_answer_too(tmp_path: Path, line: bytes) -> None:
    with serving(tmp_path / "s", lambda question: 1), socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(tmp_path / "s"))
        raw.sendall(line)
        assert b"no question" in raw.recv(4096)


def test_only_its_owner_may_ask(tmp_path: Path) -> None:
    with serving(tmp_path / "s", lambda question: 1):
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600


def test_two_agents_on_one_host_are_one_too_many(tmp_path: Path) -> None:
    with serving(tmp_path / "s", lambda question: 1), pytest.raises(errors.PlimsollError, match="another sensor runs"):
        control.Control(tmp_path / "s")


def test_the_socket_of_a_dead_agent_is_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    with serving(tmp_path / "s", lambda question: 1):
        assert control.ask(control.Question("status"), tmp_path / "s") == 1


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("mine")
    with pytest.raises(errors.PlimsollError, match="no socket"):
        control.Control(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"


def test_no_agent_is_said_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(errors.PlimsollError, match="plimsoll sensor run"):
        control.ask(control.Question("status"), tmp_path / "s")
