"""HTTP: a request goes through a door into its journal, and is acknowledged once it is on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from plimsoll.server import aside, bodies, doors, guard, journal, meters, refusals, seen
from plimsoll.sources import records

LARGEST = 32 << 20
"""Bytes of a body, packed or not; the audit webhook's batches end at 10 MiB by default."""
ROOM = 256 << 20
"""Bytes of bodies that are held at a time."""
PATIENCE = 30.0
"""Seconds that a body may take to come; the audit webhook itself gives up after 30."""
DRAINED = 5.0
"""Seconds that the rest of a body is read that was refused."""
REFILL = 64 << 20
"""Bytes of a journal that are read at the start to know again what is sent a second time."""


class Room:
    """How many bytes of bodies are held by all requests together."""

    def __init__(self, most: int = ROOM) -> None:
        self._left = most

    def take(self, size: int) -> None:
        """Take so many, or refuse."""
        if size > self._left:
            raise refusals.Full("too many requests at once")
        self._left -= size

    def give_back(self, size: int) -> None:
        """Let go of so many."""
        self._left += size


class Receiver:
    """A door with its journal."""

    def __init__(
        self,
        door: doors.Door,
        kept: journal.Journal,
        junk: aside.Aside,
        meter: meters.Meters,
        token: guard.Token,
        room: Room,
        largest: int = LARGEST,
    ) -> None:
        self.door = door
        self._journal, self._junk, self._meter, self._token, self._room = kept, junk, meter, token, room
        self._largest = largest
        self._seen = seen.Seen()
        self._flying: dict[Future[None], Sequence[int]] = {}
        """What is on its way to the disk, with the keys of its records."""
        for line in kept.tail(REFILL):
            with contextlib.suppress(*records.BROKEN):  # a line that somebody else wrote
                self._seen.add([door.key(line)])

    async def post(self, request: Request) -> Response:
        """Take a request's records in, or say why not."""
        begun = time.monotonic()
        try:
            told = await self._taken(request)
        except refusals.Refused as refused:
            self._meter.refused.labels(self.door.name, refused.kind).inc()
            if not isinstance(refused, refusals.Late):
                await _drained(request)
            return _refusal(refused)
        except ClientDisconnect:
            self._meter.refused.labels(self.door.name, "gone").inc()
            return Response(status_code=400)
        finally:
            self._meter.seconds.labels(self.door.name).observe(time.monotonic() - begun)
        return JSONResponse(told)

    async def _taken(self, request: Request) -> dict[str, int]:
        if not self._token.admits(request.headers.get("authorization", "")):
            raise refusals.Unauthorised("the token is missing or wrong")
        held = _Held(self._room)
        try:
            body = await self._body(request, held)
            return await self._keep(body, request.client.host if request.client else "")
        finally:
            held.give_back()

    async def _body(self, request: Request, held: _Held) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._largest:
            raise refusals.TooLarge(f"the body is larger than {self._largest} bytes")
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(PATIENCE):
                async for chunk in request.stream():
                    held.take(len(chunk))
                    if held.size > self._largest:
                        raise refusals.TooLarge(f"the body is larger than {self._largest} bytes")
                    chunks.append(chunk)
        except TimeoutError:
            raise refusals.Late(f"the body did not come within {PATIENCE:g} s") from None
        packed = b"".join(chunks)
        body = bodies.plain(packed, request.headers.get("content-encoding", ""), self._largest)
        held.take(len(body) - len(packed) if len(body) > len(packed) else 0)
        return body

    async def _keep(self, body: bytes, sender: str) -> dict[str, int]:
        """Put what is new into the journal; return once all of it, and what was sent before, is on the disk."""
        try:
            posted = self.door.split(body)
        except refusals.Refused as refused:
            self._junk.put([doors.Broken(str(refused), body[:4096])], sender)
            raise
        is_new = self._seen.add(posted.keys)
        fresh = [*itertools.compress(posted.lines, is_new)]
        before = self._still_flying(posted.keys, is_new)
        if fresh:
            await self._written(fresh, [*itertools.compress(posted.keys, is_new)])
        for one in before:
            await asyncio.wrap_future(one)
        if posted.broken:
            self._junk.put(posted.broken, sender)
        told = {
            "accepted": len(fresh),
            "duplicate": len(posted.lines) - len(fresh),
            "rejected": len(posted.broken),
        }
        for outcome, count in told.items():
            self._meter.records.labels(self.door.name, outcome).inc(count)
        self._meter.bytes.labels(self.door.name).inc(len(body))
        return told

    def _still_flying(self, keys: Sequence[int], is_new: Sequence[bool]) -> list[Future[None]]:
        """Return the writes of which something was sent again before they were done."""
        if all(is_new):
            return []
        again = {key for key, new in zip(keys, is_new, strict=True) if not new}
        return [one for one, theirs in self._flying.items() if not again.isdisjoint(theirs)]

    async def _written(self, fresh: Sequence[doors.Text], keys: Sequence[int]) -> None:
        """Write lines; where that fails their records are as if they had not come."""
        done: Future[None] | None = None
        try:
            done = self._journal.append(b"\n".join([*fresh, b""]))
            self._flying[done] = keys
            await asyncio.wrap_future(done)
        except refusals.Full:
            self._seen.forget(keys)
            raise
        finally:
            if done:
                del self._flying[done]


class _Held:
    """What one request holds of the room."""

    def __init__(self, room: Room) -> None:
        self.size = 0
        self._room = room

    def take(self, size: int) -> None:
        self._room.take(size)
        self.size += size

    def give_back(self) -> None:
        self._room.give_back(self.size)


async def _drained(request: Request) -> None:
    """Read what is left of a body, within reason: a sender that is still writing does not see the answer."""
    left = 2 * LARGEST
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(DRAINED):
            async for chunk in request.stream():
                if (left := left - len(chunk)) < 0:
                    return


def _refusal(refused: refusals.Refused) -> Response:
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": str(refused)}, refused.status, headers)


def application(
    receivers: Sequence[Receiver], meter: meters.Meters, trouble: Callable[[], str] = lambda: ""
) -> Starlette:
    """Return the server's application; `trouble` says what keeps it from its work, empty where nothing does."""

    async def healthz(_: Request) -> Response:
        told = trouble()
        return PlainTextResponse(told or "ok", 503 if told else 200)

    async def metrics(_: Request) -> Response:
        return Response(meter.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    routes = [Route(one.door.path, one.post, methods=["POST"]) for one in receivers]
    return Starlette(routes=[*routes, Route("/healthz", healthz), Route("/metrics", metrics)])
