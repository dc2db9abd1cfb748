"""A service asked over HTTP: two seconds for an answer, so much and no more of it, and no as a reason to rest."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import httpx2
import msgspec

from plimsoll.context.statements import Silent

PATIENCE = 2.0
"""Seconds for one answer, from the first word to the last."""
VISIT = 20.0
"""Seconds for all answers of one source."""
MOST = 60
"""Questions to one source in one visit."""
LARGEST = 8 << 20
"""Bytes of one answer, unpacked."""
REFUSED = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)
LOCAL = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")
Params = Mapping[str, str | int | list[str]]


class Answer(NamedTuple):
    """What was answered."""

    body: bytes
    headers: httpx2.Headers


class Asker:
    """A service, for one visit."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self._until = time.monotonic() + VISIT
        self._left = MOST

    def get(self, path: str, params: Params, of: type[T]) -> tuple[T, httpx2.Headers]:
        """Return an answer as what it should be, and its headers."""
        answer = self._answer(self._client.build_request("GET", path, params=_flat(params)))
        return decoded(answer.body, of), answer.headers

    def post(self, path: str, question: object, of: type[T]) -> T:
        """Return the answer to a question in JSON."""
        return decoded(self._answer(self._client.build_request("POST", path, json=question)).body, of)

    def text(self, url: str) -> bytes:
        """Return an answer as it is."""
        return self._answer(self._client.build_request("GET", url)).body

    def _answer(self, request: httpx2.Request) -> Answer:
        patience = min(PATIENCE, self._until - time.monotonic())
        if self._left <= 0 or patience <= 0:
            raise Silent("takes too long to tell all")
        self._left -= 1
        watch = threading.Timer(patience, self._client.close)  # time-outs of reads do not end a service that drips
        watch.start()
        try:
            return self._taken(request, time.monotonic() + patience)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, RuntimeError) as problem:
            late = not watch.is_alive() or isinstance(problem, httpx2.TimeoutException)
            raise Silent("gave no answer in time" if late else _why(problem)) from problem
        finally:
            watch.cancel()

    def _taken(self, request: httpx2.Request, until: float) -> Answer:
        response = self._client.send(request, stream=True)
        try:
            _must_be_well(response)
            body = bytearray()
            for block in response.iter_bytes():
                body += block
                if len(body) > LARGEST:
                    raise Silent(f"answers with more than {LARGEST >> 20} MiB")
                if time.monotonic() > until:
                    raise Silent("gave no answer in time")
            return Answer(bytes(body), response.headers)
        finally:
            response.close()


def _flat(params: Params) -> httpx2.QueryParams:
    return httpx2.QueryParams(
        [(name, one) for name, value in params.items() for one in (value if isinstance(value, list) else [value])]
    )


@contextmanager
def service(
    url: str, headers: Mapping[str, str] | None = None, basic: tuple[str, str] | None = None
) -> Iterator[Asker]:
    """Ask a service; what it sets (cookies) lasts for one visit, and redirects are not followed: they could lead out."""
    given = {"accept": "application/json", "user-agent": "plimsoll"} | dict(headers or {})
    try:
        client = httpx2.Client(
            base_url=sound(url), headers=given, auth=basic, timeout=PATIENCE, follow_redirects=False, verify=True
        )
    except (httpx2.InvalidURL, ValueError, OSError) as problem:
        raise Silent(_why(problem)) from problem
    with client:
        yield Asker(client)


def sound(url: str) -> str:
    """Return the URL of a service where a credential may be sent to it; raise ValueError else.

    >>> sound("https://acme.atlassian.net")
    'https://acme.atlassian.net'
    >>> sound("http://tickets.example")
    Traceback (most recent call last):
    ValueError: http://tickets.example is not https
    """
    told = httpx2.URL(url)
    if told.scheme != "https" and not (told.scheme == "http" and told.host in LOCAL):
        raise ValueError(f"{told.scheme}://{told.host} is not https")
    return url


def decoded(body: bytes, of: type[T]) -> T:
    """Return an answer as what it should be; Silent where it is not."""
    try:
        return msgspec.json.decode(body, type=of)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise Silent(f"answers what we do not understand ({problem})") from problem


def _must_be_well(response: httpx2.Response) -> None:
    code = response.status_code
    if code == 429 or (code in (403, 503) and _limited(response.headers)):
        raise Silent(f"asks us to wait (HTTP {code})", rest_of(response.headers, datetime.now(UTC)))
    if code in (401, 403):
        raise Silent(f"refuses our credential (HTTP {code})", REFUSED)
    if code != 200:
        raise Silent(f"answers HTTP {code}")


def _limited(headers: Mapping[str, str]) -> bool:
    return "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"


def rest_of(headers: Mapping[str, str], now: datetime) -> timedelta:
    """Return how long a service wants peace: Retry-After (RFC 9110 section 10.2.3), or when its limit is set back.

    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> rest_of({"retry-after": "30"}, now), rest_of({"retry-after": "Thu, 01 Jan 2026 00:02:00 GMT"}, now)
    (datetime.timedelta(seconds=30), datetime.timedelta(seconds=120))
    >>> rest_of({"retry-after": "99999999999999"}, now), rest_of({}, now)
    (datetime.timedelta(seconds=3600), datetime.timedelta(seconds=60))
    """
    told = headers.get("retry-after", "")
    wait: float = 60
    if told.isascii() and told.isdigit():
        wait = float(told[:18])
    elif told:
        wait = _until(told, now)
    elif (reset := headers.get("x-ratelimit-reset", "")).isdigit() and reset.isascii():
        wait = float(reset[:18]) - now.timestamp()
    return timedelta(seconds=min(max(wait, 1.0), LONGEST_REST.total_seconds()))


def _until(date: str, now: datetime) -> float:
    try:
        return (email.utils.parsedate_to_datetime(date[:64]) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 60


def _why(problem: BaseException) -> str:
    return str(problem).partition("\n")[0] or type(problem).__name__
