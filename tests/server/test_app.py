from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest

from plimsoll.server import app, aside, doors, guard, journal, listening, meters, refusals
from tests.server import senders

AUDIT = doors.DOORS[0]


class Served:
    """An application with one door that listens, and a client of it."""

    def __init__(self, folder: Path, stack: ExitStack, *, token: Path | None = None, largest: int = 1 << 20) -> None:
        self.journal = journal.Journal(folder / "audit", "audit")
        stack.callback(self.journal.close)
        self.junk, self.trouble = folder / "rejects.jsonl", ""
        meter = meters.Meters()
        receiver = app.Receiver(
            AUDIT, self.journal, aside.Aside(self.junk), meter, guard.Token(token), app.Room(2 << 20), largest
        )
        listener = listening.Listener(
            app.application([receiver], meter, lambda: self.trouble), ("127.0.0.1", 0), guard.Access()
        )
        stack.callback(listener.close)
        listener.start()
        self.sender = senders.Sender(listener.url)
        stack.callback(self.sender.close)

    def post(self, body: bytes, **headers: str) -> senders.Answer:
        return self.sender.post(AUDIT.path, body, **headers)

    def kept(self) -> list[str]:
        return [json.loads(line)["auditID"] for line in self.journal.tail(1 << 30)]

    def metric(self, name: str) -> float:
        lines = self.sender.get("/metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda **options: Served(tmp_path, stack, **options)


def test_a_batch_is_kept_and_acknowledged(serve: Serve) -> None:
    served = serve()
    answer = served.post(senders.event_list(*map(senders.event, range(400))))
    assert (answer.status, answer.body) == (200, {"accepted": 400, "duplicate": 0, "rejected": 0})
    assert served.kept() == [f"id-{number}" for number in range(400)]
    assert served.metric('plimsoll_received_records_total{door="audit",outcome="accepted"}') == 400


def test_what_is_sent_again_is_kept_once(serve: Serve) -> None:
    served = serve()
    served.post(senders.event_list(*map(senders.event, range(10))))
    answer = served.post(senders.event_list(*map(senders.event, range(5, 15))))
    assert answer.body == {"accepted": 5, "duplicate": 5, "rejected": 0}
    assert len(served.kept()) == 15


def test_what_is_sent_again_after_a_restart_is_kept_once(tmp_path: Path) -> None:
    for expected in (3, 0):
        with ExitStack() as stack:
            answer = Served(tmp_path, stack).post(senders.event_list(*map(senders.event, range(3))))
            assert answer.body["accepted"] == expected


def test_gzip_is_taken(serve: Serve) -> None:
    served = serve()
    assert served.post(gzip.compress(senders.event_list(senders.event(1))), Content_Encoding="gzip").status == 200
    assert served.post(b"x", Content_Encoding="br").status == 415


def test_junk_is_refused_with_its_reason_counted_and_kept_aside(serve: Serve) -> None:
    served = serve()
    answer = served.post(b"{")
    assert answer.status == 400
    assert "EventList" in answer.body["error"]
    assert served.metric('plimsoll_refused_requests_total{door="audit",reason="junk"}') == 1
    assert json.loads(served.junk.read_text())["raw"] == "{"


def test_a_broken_event_is_kept_aside_and_the_others_count(serve: Serve) -> None:
    served = serve()
    answer = served.post(senders.event_list(senders.event(1), {"verb": "get"}))
    assert (answer.status, answer.body) == (200, {"accepted": 1, "duplicate": 0, "rejected": 1})
    assert "auditID" in json.loads(served.junk.read_text())["reason"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_body_that_is_too_large_is_refused(serve: Serve, pack: Callable[[bytes], bytes]) -> None:
    encoding = "" if pack is bytes else "gzip"
    answer = serve(largest=50_000).post(pack(bytes(60_000)), Content_Encoding=encoding)
    assert answer.status == 413


def test_a_sender_that_is_still_writing_is_told_why_it_is_refused(serve: Serve) -> None:
    assert serve(largest=50_000).post(bytes(20 << 20)).status == 413


def test_a_full_journal_is_a_429_that_says_when_to_come_again(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve()

    def full(data: bytes) -> Future[None]:
        raise refusals.Full("too much waits to be judged", 15)

    with monkeypatch.context() as patch:
        patch.setattr(served.journal, "append", full)
        answer = served.post(senders.event_list(senders.event(1)))
        assert (answer.status, answer.headers["retry-after"]) == (429, "15")
    # What was refused is no duplicate when it comes again.
    assert served.post(senders.event_list(senders.event(1))).body["accepted"] == 1


def test_what_is_sent_again_while_it_is_still_being_written_shares_its_fate(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, begun, writes = serve(), threading.Event(), list[Future[None]]()

    def slow(data: bytes) -> Future[None]:
        writes.append(Future())
        begun.set()
        return writes[-1]

    monkeypatch.setattr(served.journal, "append", slow)
    answers: list[int] = []
    one = threading.Thread(target=lambda: answers.append(served.post(senders.event_list(senders.event(1))).status))
    one.start()
    assert begun.wait(5)
    other = senders.Sender(f"http://127.0.0.1:{served.sender._connection.port}")
    again = threading.Thread(
        target=lambda: answers.append(other.post(AUDIT.path, senders.event_list(senders.event(1))).status)
    )
    again.start()
    time.sleep(0.2)
    assert answers == []
    writes[0].set_exception(refusals.Full("cannot be kept: No space left on device", 15))
    one.join(5)
    again.join(5)
    other.close()
    assert answers == [429, 429]
    assert len(writes) == 1


def test_more_requests_than_there_is_room_for_come_again_later() -> None:
    room = app.Room(10)
    room.take(7)
    with pytest.raises(refusals.Full):
        room.take(4)
    room.give_back(7)
    room.take(10)


def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PATIENCE", 0.1)
    served = serve()
    connection = served.sender._connection
    connection.putrequest("POST", AUDIT.path)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b"{")
    assert served.sender._answer().status == 408


def test_without_the_token_nothing_is_taken(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret")
    served = serve(token=tmp_path / "token")
    body = senders.event_list(senders.event(1))
    answer = served.post(body)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert served.kept() == []
    assert served.post(body, Authorization="Bearer secret").status == 200


def test_health_is_told(serve: Serve) -> None:
    served = serve()
    assert served.sender.get("/healthz") == (200, "ok")
    served.trouble = "audit detect: disk full"
    assert served.sender.get("/healthz") == (503, "audit detect: disk full")


def test_other_methods_and_paths_are_refused(serve: Serve) -> None:
    served = serve()
    assert served.sender.get(AUDIT.path)[0] == 405
    assert served.sender.get("/")[0] == 404


def test_many_at_once_are_all_kept(serve: Serve) -> None:
    served = serve()
    url = f"http://127.0.0.1:{served.sender._connection.port}"

    def one(number: int) -> int:
        sender = senders.Sender(url)
        try:
            return sum(
                sender.post(AUDIT.path, senders.event_list(senders.event(number * 100 + n))).status == 200
                for n in range(20)
            )
        finally:
            sender.close()

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(one, number) for number in range(8)))

    assert sum(asyncio.run(all_of_them())) == 160
    assert len(set(served.kept())) == 160
