"""The agent's socket: one line of JSON asks, one answers. Only root of this host may ask (the socket's mode is 0600)."""

from __future__ import annotations

import contextlib
import queue
import socket
import socketserver
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from plimsoll import errors

SOCKET = Path("/run/plimsoll/sensor.sock")
LONGEST = 1 << 16
"""Bytes of a question."""
PATIENCE = 10.0
"""Seconds that an answer may take."""


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked of the agent."""

    do: Literal[
        "status", "get", "set", "isolate", "release", "freeze", "thaw", "break-glass", "lift", "news", "allow", "disallow",
        "decisions",
    ]  # fmt: skip
    subject: str = "*"
    mode: Literal["", "off", "learn", "alert", "prevent"] = ""
    also: tuple[Literal["spawn", "write", "listen", "uring"], ...] = ()
    """What prevent mode stops beside unknown programs and connections."""
    budget: int | None = None
    probes: tuple[str, ...] = ()
    """Addresses that an isolated container still answers."""
    facts: tuple[str, ...] = ()
    """Facts by their ids, or globs over what they say."""
    by: str = ""
    """Who asks, for the record: only root can ask, and is believed."""


class Answer(msgspec.Struct, frozen=True):
    """What the agent says: a value, or why not."""

    value: Any = None
    error: str = ""


def ask(question: Question, path: Path = SOCKET) -> Any:
    """Ask the agent of this host; PlimsollError where none runs or it refuses."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PATIENCE)
            line.connect(str(path))
            line.sendall(msgspec.json.encode(question) + b"\n")
            with line.makefile("rb") as file:
                told = file.readline()
        answer = msgspec.json.decode(told, type=Answer)
    except PermissionError as refused:
        raise errors.PlimsollError(f"{path}: not allowed; ask as root") from refused
    except (FileNotFoundError, ConnectionError) as absent:
        raise errors.PlimsollError(
            f"no sensor runs here ({path}); start one: plimsoll sensor run --profile DIR"
        ) from absent
    except (OSError, msgspec.MsgspecError) as broken:
        raise errors.PlimsollError(f"{path}: the sensor does not answer: {broken}") from broken
    if answer.error:
        raise errors.PlimsollError(answer.error)
    return answer.value


class Asked:
    """A question on its way to the agent's loop, and its answer back."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._answer: queue.SimpleQueue[Answer] = queue.SimpleQueue()

    def answer(self, answer: Answer) -> None:
        """Give the answer."""
        self._answer.put(answer)

    def wait(self) -> Answer:
        """Wait for the answer, and not for ever."""
        try:
            return self._answer.get(timeout=PATIENCE)
        except queue.Empty:
            return Answer(error="the sensor is too busy to answer")


class _Handler(socketserver.StreamRequestHandler):
    timeout = PATIENCE

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(msgspec.json.encode(self._answer(self.rfile.readline(LONGEST))) + b"\n")

    def _answer(self, line: bytes) -> Answer:
        try:
            asked = Asked(msgspec.json.decode(line, type=Question))
        except (msgspec.MsgspecError, ValueError) as broken:
            return Answer(error=f"no question: {broken}")
        server = self.server
        assert isinstance(server, _Listener)  # noqa: S101  it is the one that made us
        server.asked.put(asked)
        return asked.wait()


class _Listener(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, path: str) -> None:
        self.asked: queue.SimpleQueue[Asked] = queue.SimpleQueue()
        super().__init__(path, _Handler)


class Control:
    """The socket, served beside the agent's loop, which answers when it comes by."""

    def __init__(self, path: Path = SOCKET) -> None:
        """Open the socket; PlimsollError where another agent has it."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _clear(path)
            self._listener = _Listener(str(path))
            path.chmod(0o600)
        except OSError as refused:
            raise errors.PlimsollError(f"{path}: {refused.strerror or refused}") from refused
        threading.Thread(target=self._listener.serve_forever, args=(0.2,), daemon=True).start()

    def answer(self, answering: Callable[[Question], Any]) -> None:
        """Answer what was asked meanwhile."""
        while True:
            try:
                asked = self._listener.asked.get_nowait()
            except queue.Empty:
                return
            try:
                asked.answer(Answer(answering(asked.question)))
            except errors.PlimsollError as refused:
                asked.answer(Answer(error=str(refused)))
            except OSError as refused:
                asked.answer(Answer(error=f"the kernel refused: {refused}"))

    def close(self) -> None:
        """Answer nobody any more."""
        self._listener.shutdown()
        self._listener.server_close()
        self.path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Take away the socket of an agent that ended badly; a living one's is left, and is an error."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise errors.PlimsollError(f"{path} is in the way: it is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionError:
            path.unlink()
        else:
            raise errors.PlimsollError(f"another sensor runs here already ({path})")
