"""What tickets, calendars, groups and rollouts say about people and their work; read only, and absent when in doubt.

An adapter is one module of this package. It has

    TTL                             how long an answer holds
    Options                         its part of the configuration, a settings.Options
    said(options, asked) -> Said    what it says now; raises Silent with the reason where it says nothing

The others are shared: `statements` (what can be said), `settings`, `people`, `marks`, `tokens`, `asking` (HTTP),
`keeping` (cache and breaker).
"""

from __future__ import annotations

import importlib
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec
import polars as pl

from plimsoll import errors
from plimsoll.cluster import manifests
from plimsoll.context import keeping, settings, statements

BEFORE = timedelta(days=31)
"""How far back what repeats, and what was rolled out, is told."""
MOST = 50
"""Sources of one configuration."""


@runtime_checkable
class Adapter(Protocol):
    """A module of this package that asks one kind of source."""

    TTL: timedelta
    Options: type[settings.Options]

    def said(self, options: Any, asked: statements.Asked) -> statements.Said:
        """Return what the source says now."""


class Problem(NamedTuple):
    """What a source does not say, and why: no evidence comes of it."""

    source: str
    reason: str


class Read(NamedTuple):
    """What all sources say."""

    frame: pl.DataFrame
    """A frame of tables.CONTEXT."""
    problems: list[Problem]


class _Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: list[dict[str, Any]]


@cache
def every() -> dict[str, Adapter]:
    """Return the adapters by name; every module of this package that looks like one is one."""
    found = {info.name: importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)}
    return {name: module for name, module in sorted(found.items()) if isinstance(module, Adapter)}


def names() -> list[str]:
    """Return the kinds of sources, sorted.

    >>> "jira" in names()
    True
    """
    return list(every())


class Sources:
    """The sources of a configuration, with what they last said."""

    def __init__(self, config: str | Path, before: timedelta = BEFORE) -> None:
        self._before = before
        self._kept: dict[str, keeping.Kept] = {}
        for options in configured(config):
            name = options.name or options.kind
            if name in self._kept:
                raise errors.InputError(f"two sources are called {name}: give them a `name`", file=str(config))
            adapter = every()[options.kind]
            ask = partial(self._ask, adapter, options, dict[str, datetime]())
            self._kept[name] = keeping.Kept(ask, options.ttl(adapter.TTL))

    def _ask(
        self, adapter: Adapter, options: settings.Options, seen: dict[str, datetime], now: datetime
    ) -> statements.Said:
        try:
            return adapter.said(options, statements.Asked(now, now - self._before, seen))
        except statements.BROKEN as broken:  # whatever a source does, it is no reason to stop judging
            raise statements.Silent(f"{type(broken).__name__}: {broken}") from broken

    def read(self, now: datetime) -> Read:
        """Return what holds now; sources are asked side by side, and only those whose last word is too old."""
        with ThreadPoolExecutor(max_workers=8) as asking:
            answers = list(asking.map(partial(_heard, now=now), self._kept.items()))
        said = [(name, one, fetched) for name, answer, fetched in answers for one in answer.statements]
        problems = [Problem(name, reason) for name, answer, _ in answers for reason in answer.problems]
        return Read(statements.frame(said), problems)


def _heard(named: tuple[str, keeping.Kept], now: datetime) -> tuple[str, statements.Said, datetime]:
    name, kept = named
    try:
        return name, *kept.said(now)
    except statements.Silent as silent:
        return name, statements.Said([], [f"{silent}: no evidence from it"]), now


def read(config: str | Path, now: datetime, before: timedelta = BEFORE) -> Read:
    """Return what the sources of a configuration say at this time; `before` is how far back of it is of interest."""
    return Sources(config, before).read(now)


def configured(config: str | Path) -> list[settings.Options]:
    """Return the sources that a YAML or JSON file names; raise InputError where it does not hold together."""
    shown = str(config)
    document = next(iter(manifests.documents(shown)), None)
    if not isinstance(document, manifests.Document):
        raise errors.InputError(document.reason if document else "says nothing", file=shown)
    try:
        told = msgspec.json.decode(document.json, type=_Configuration).sources[: MOST + 1]
    except (msgspec.MsgspecError, ValueError, RecursionError) as broken:
        raise errors.InputError(statements.plain(broken), file=shown) from broken
    if len(told) > MOST:
        raise errors.InputError(f"more than {MOST} sources", file=shown)
    return [_options(one, number, shown) for number, one in enumerate(told, 1)]


def _options(told: dict[str, Any], number: int, file: str) -> settings.Options:
    kind = told.get("kind")
    if kind not in names():
        raise errors.InputError(f"source {number} is of no kind we know; kinds are {', '.join(names())}", file=file)
    try:
        return msgspec.convert(told, every()[str(kind)].Options)
    except (msgspec.MsgspecError, ValueError, RecursionError) as broken:
        raise errors.InputError(f"source {number} ({kind}): {statements.plain(broken)}", file=file) from broken
