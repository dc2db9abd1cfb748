"""What speaks for a person's act: authority, identity, and a window that this was seen in before.

Each kind proves by itself what it says. Titles and texts are never read: a ticket says what its fields say.
A statement proves nothing where its creator is unknown or the actor himself, where it was changed after the act,
or where its source has not been heard for longer than the kind may age.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll.triage.reading import Seen

MINUTE = 60_000_000
TTL = {"admin": 5 * MINUTE, "ticket": 5 * MINUTE, "change": 5 * MINUTE, "grant": 5 * MINUTE}
CALENDAR_TTL = 60 * MINUTE
AGE = 10 * MINUTE
"""How old a ticket must be: one opened for the occasion is none."""
WINDOW_SETTLED = 60 * MINUTE
"""How long before its start a window must have been as it is."""
_AUTHORITY = frozenset({"ticket", "change", "grant"})


class Statement(msgspec.Struct, frozen=True):
    """A row of `tables.CONTEXT`."""

    kind: str
    id: str
    source: str = ""
    url: str = ""
    subjects: tuple[str, ...] = ()
    creator: str = ""
    approver: str = ""
    created: int | None = None
    approved: int | None = None
    since: int | None = None
    until: int | None = None
    scope: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    strong: bool = False
    edited: int | None = None
    fetched: int | None = None

    @property
    def link(self) -> str:
        """Where a person finds it."""
        return self.url or f"{self.source}:{self.id}"


class Excuses(NamedTuple):
    """What speaks for an act."""

    authority: Statement | None = None
    weak_authority: Statement | None = None
    identity: Statement | None = None
    weak_identity: Statement | None = None
    window: Statement | None = None
    stale: tuple[str, ...] = ()
    """Sources that would have spoken, had they been heard in time."""


class Context:
    """The statements that hold, by kind."""

    def __init__(self, statements: Iterable[Statement] = ()) -> None:
        self._by_kind: dict[str, list[Statement]] = {}
        self.rollouts: dict[str, list[Statement]] = {}
        """What was rolled out, by workload: it excuses nothing."""
        for statement in statements:
            self._by_kind.setdefault(statement.kind, []).append(statement)
        for one in self._by_kind.get("rollout", ()):
            for workload in one.scope:
                self.rollouts.setdefault(workload, []).append(one)

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Context:
        """Return the context of a frame of `tables.CONTEXT`."""
        times = ("created", "approved", "since", "until", "edited", "fetched")
        plain = frame.with_columns(pl.col(name).dt.epoch("us") for name in times)
        return cls(_statement(row) for row in plain.iter_rows(named=True))

    def excuses(self, seen: Seen, *, usual_place: bool) -> Excuses:
        """Return what speaks for the act of this alert; None of it where nobody did it."""
        actor = seen.shape.actor
        if not actor:
            return Excuses()
        stale: list[str] = []
        authority, weak_authority = self._authority(seen, actor, stale)
        identity, weak_identity = self._identity(seen, actor, stale, usual_place=usual_place)
        window = self._window(seen, actor, stale)
        return Excuses(authority, weak_authority, identity, weak_identity, window, tuple(dict.fromkeys(stale)))

    def _heard(self, kinds: Iterable[str], seen: Seen, actor: str, stale: list[str]) -> Iterable[Statement]:
        """Yield statements that hold at the time of the act, that others made, and that are as they were then."""
        for kind in kinds:
            ttl = TTL.get(kind, CALENDAR_TTL)
            for one in self._by_kind.get(kind, ()):
                if not (_holds(one, seen.time) and _anothers(one, actor) and _untouched(one, seen.time)):
                    continue
                if one.fetched is None or seen.time - one.fetched > ttl:
                    stale.append(one.source or one.kind)
                    continue
                yield one

    def _authority(self, seen: Seen, actor: str, stale: list[str]) -> tuple[Statement | None, Statement | None]:
        strong = weak = None
        for one in self._heard(sorted(_AUTHORITY), seen, actor, stale):
            if not (_approved(one, seen.time, actor) and _speaks_for(one, actor, seen.groups)):
                continue
            if _exact(one.scope, seen.shape.workload) and _allowed(one.allows, seen):
                strong = strong or one
            elif _covers(one.scope, seen.shape.workload):
                weak = weak or one
        return strong, weak

    def _identity(
        self, seen: Seen, actor: str, stale: list[str], *, usual_place: bool
    ) -> tuple[Statement | None, Statement | None]:
        strong = weak = None
        for one in self._heard(("admin",), seen, actor, stale):
            if not one.subjects or not _speaks_for(one, actor, seen.groups):
                continue
            if one.scope and not _covers(one.scope, seen.shape.workload):
                continue
            if one.strong and usual_place and (not one.allows or _allowed(one.allows, seen)):
                strong = strong or one
            else:
                weak = weak or one
        return strong, weak

    def _window(self, seen: Seen, actor: str, stale: list[str]) -> Statement | None:
        for one in self._heard(("window",), seen, actor, stale):
            if (
                one.since is None
                or not one.approver
                or one.approver == actor
                or not _speaks_for(one, actor, seen.groups)
            ):
                continue
            if one.edited is None or one.edited > one.since - WINDOW_SETTLED:
                continue
            if _covers(one.scope, seen.shape.workload) and (not one.allows or _allowed(one.allows, seen)):
                return one
        return None


def _statement(row: Mapping[str, Any]) -> Statement:
    texts = {name: row[name] or "" for name in ("kind", "id", "source", "url", "creator", "approver")}
    lists = {name: tuple(filter(None, row[name] or ())) for name in ("subjects", "scope", "allows")}
    times = {name: row[name] for name in ("created", "approved", "since", "until", "edited", "fetched")}
    return msgspec.convert({**texts, **lists, **times, "strong": bool(row["strong"])}, Statement)


def _holds(one: Statement, time: int) -> bool:
    return (one.since is None or one.since <= time) and (one.until is None or time <= one.until)


def _anothers(one: Statement, actor: str) -> bool:
    """Nobody excuses himself; for one's own rights it is the giver who counts."""
    return bool(one.creator) and one.creator != actor


def _untouched(one: Statement, time: int) -> bool:
    return one.edited is None or one.edited <= time


def _approved(one: Statement, time: int, actor: str) -> bool:
    """Approved by somebody else before the act, and not opened for the occasion."""
    if not one.approver or one.approver == actor or one.created is None or one.approved is None:
        return False
    return one.approved <= time and time - one.created >= AGE


def _speaks_for(one: Statement, actor: str, groups: Sequence[str]) -> bool:
    return not one.subjects or actor in one.subjects or any(group in one.subjects for group in groups)


def _exact(scope: Sequence[str], workload: str) -> bool:
    """Say whether a scope names this very workload: a wider one speaks for too much to speak for it."""
    return any("*" not in _name(glob) and _matches(glob, workload) for glob in scope)


def _covers(scope: Sequence[str], workload: str) -> bool:
    return any(_matches(glob, workload) for glob in scope)


def _name(glob: str) -> str:
    """Return a glob's namespace and name; its kind may be anything."""
    namespace, _, rest = glob.partition("/")
    return f"{namespace}/{rest.partition('/')[2] or '*'}".replace("?", "*").replace("[", "*")


def _matches(glob: str, workload: str) -> bool:
    plain = workload.partition(":")[0] if workload.count("/") == 2 else workload
    return fnmatch.fnmatchcase(plain, glob) or fnmatch.fnmatchcase(workload, glob)


def _allowed(allows: Sequence[str], seen: Seen) -> bool:
    return seen.shape.rule_class in allows or seen.shape.rule in allows
