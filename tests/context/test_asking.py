from __future__ import annotations

import time
from datetime import timedelta

import pytest

from plimsoll.context import asking
from plimsoll.context.statements import Silent
from tests.context.services import Reply, service


def asked(reply: Reply) -> dict[str, int]:
    with service(lambda _: reply) as there, asking.service(there.url) as ask:
        return ask.get("/x", {}, dict[str, int])[0]


def silent(reply: Reply) -> Silent:
    with pytest.raises(Silent) as told:
        asked(reply)
    return told.value


def test_an_answer_is_read() -> None:
    assert asked(Reply({"a": 1})) == {"a": 1}


@pytest.mark.parametrize("how", ["silent", "drip"])
def test_a_service_has_two_seconds_whatever_it_does_with_them(how: str) -> None:
    begun = time.monotonic()
    assert "in time" in str(silent(Reply({"a": 1, "b": 22222}, how=how)))
    assert time.monotonic() - begun < 3.5


def test_an_answer_that_is_cut_off_is_none() -> None:
    assert silent(Reply({"a": 1}, how="cut")).rest is None


def test_a_refusal_is_told_and_not_repeated_at_once() -> None:
    told = silent(Reply({}, status=401))
    assert "refuses our credential (HTTP 401)" in str(told)
    assert told.rest == asking.REFUSED


def test_a_service_that_asks_us_to_wait_is_left_in_peace_as_long() -> None:
    assert silent(Reply({}, status=429, headers={"retry-after": "120"})).rest == timedelta(seconds=120)


def test_a_limit_that_is_used_up_is_no_refusal() -> None:
    told = silent(Reply({}, status=403, headers={"x-ratelimit-remaining": "0"}))
    assert "asks us to wait" in str(told)


def test_a_redirect_is_not_followed_since_the_credential_would_go_along() -> None:
    assert "HTTP 302" in str(silent(Reply({}, status=302, headers={"location": "http://127.0.0.1:1/"})))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": "text"}', b"[" * 100_000, b'{"a": 1e999999}', b"\xff\xfe"])
def test_what_is_no_answer_is_told_as_that(body: bytes) -> None:
    assert "understand" in str(silent(Reply(body)))


def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LARGEST", 10)
    assert "more than" in str(silent(Reply({"a": 10**12})))


def test_a_visit_has_so_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST", 2)
    with service(lambda _: Reply({})) as there, asking.service(there.url) as ask:
        ask.get("/1", {}, dict[str, int])
        ask.get("/2", {}, dict[str, int])
        with pytest.raises(Silent, match="too long"):
            ask.get("/3", {}, dict[str, int])


@pytest.mark.parametrize("url", ["http://tickets.example", "ftp://x", "nonsense", "https://[::1", ""])
def test_no_credential_goes_to_what_is_not_https(url: str) -> None:
    with pytest.raises(Silent), asking.service(url) as ask:
        ask.get("/", {}, dict[str, int])


def test_nobody_there_is_silence() -> None:
    with pytest.raises(Silent), asking.service("http://127.0.0.1:1") as ask:
        ask.get("/", {}, dict[str, int])
