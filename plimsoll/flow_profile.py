"""A profile from disk made ready for judging: what of it is remembered, what is believed, and that compiled for questions."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import engines, errors, facts, frames, store, tables
from plimsoll.detect import budget as budgets
from plimsoll.detect import evidence, granted, judge, quarantine
from plimsoll.learn import profile

DAY_SECONDS = 86_400


def known(directory: Path, engine: str = "polars") -> pl.DataFrame:
    """Return the whole profile of a directory, added up by the engine; InputError where there is none."""
    kept = store.Profile.open(directory)
    for segment in kept.segments():
        if segment.vocabulary != str(facts.VOCABULARY):
            raise errors.InputError(
                f"learned with another vocabulary of facts ({segment.vocabulary}); learn it again", file=segment.source
            )
    return compacted(kept.facts(), engine)


def compacted(kept: pl.LazyFrame, engine: str = "polars") -> pl.DataFrame:
    """Return all facts of a profile added up, without those that it has forgotten by now: readers pass over them too."""
    held = kept.collect()
    return engines.collect(profile.learn(profile.recent(engines.of(held, engine), _last_day(held))))


def _last_day(held: pl.DataFrame) -> int:
    """Return the last day of a profile, by a clock that is right; so the same segments are the same profile in any order."""
    today = int(time.time() // DAY_SECONDS)
    last = held.filter(pl.col("day") <= today)["day"].max()
    return last if isinstance(last, int) else 0


class Believed(NamedTuple):
    """What is believed of a profile, compiled: what judges are made of, as many as are wanted."""

    levels: evidence.Levels
    credentials: pl.DataFrame
    approved: Sequence[judge.Approved]
    unlearned: bool
    doubt: budgets.Budget | None

    def judge(self, rights: granted.Chance | None = None) -> judge.Judge:
        """Return a judge who has seen nothing yet."""
        return judge.Judge(
            self.levels,
            self.credentials,
            self.approved,
            unlearned=self.unlearned,
            rights=rights,
            doubt=self.doubt,
            seed=secrets.randbits(63),
        )


def believed(directory: Path | None, engine: str = "polars", *, budgeted: bool = True) -> Believed:
    """Return what is believed of the profile of a directory; without one all is new, and only the ledger has a say.

    Only one who will be asked for a budget has to know its thresholds.
    """
    learned = frames.empty(tables.PROFILE) if directory is None else known(directory, engine)
    approved = _approved(directory)
    compiled = _Compiled(learned, engine)
    sound = quarantine.believed(learned, quarantine.held_back(learned, compiled.levels, approved))
    credentials = sound.filter(pl.col("verb").is_in(facts.CREDENTIAL_VERBS))
    unlearned = directory is None
    doubt = None if unlearned or not budgeted else budgets.of(quarantine.scores(sound, compiled.levels))
    return Believed(compiled.levels(sound), credentials, approved, unlearned, doubt)


class Shared:
    """The profile of a directory, compiled once for all who judge by it side by side, and again when it has changed."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._of: object = None
        self._believed: Believed | None = None

    def get(self) -> Believed:
        """Return what is believed of the profile as it is now."""
        with self._lock:
            of = self._version()
            if self._believed is None or of != self._of:
                self._believed, self._of = believed(self._directory, budgeted=False), of
            return self._believed

    def _version(self) -> object:
        """Return what changes with the profile."""
        if self._directory is None:
            return None
        kept = store.Profile.open(self._directory)
        return [one.digest for one in kept.segments()], kept.state.approvals(), kept.state.forgotten()


def held_back(directory: Path) -> pl.DataFrame:
    """Return what was learned under suspicion, and is not believed until somebody approves it."""
    learned = known(directory)
    return quarantine.held_back(learned, _Compiled(learned, "polars").levels, _approved(directory))


def _approved(directory: Path | None) -> list[judge.Approved]:
    approvals = [] if directory is None else store.Profile.open(directory).state.approvals()
    return [(one.subject, one.verb, one.object) for one in approvals]


class _Compiled:
    """A profile compiled for questions, and compiled anew for the subjects of which less is believed."""

    def __init__(self, learned: pl.DataFrame, engine: str) -> None:
        today = learned["day"].max()
        self._today, self._engine = today if isinstance(today, int) else 0, engine
        told = _behaviour(learned)
        self._rows = told.group_by("subject").len("rows")
        self._base = self._based(told)
        self._height, self._levels = told.height, self._compiled(self._base)

    def levels(self, believed: pl.DataFrame) -> evidence.Levels:
        """Return the levels of a part of the profile: parts of one height are the same."""
        told = _behaviour(believed)
        if told.height != self._height:
            self._height, self._levels = told.height, self._compiled(self._changed(told))
        return self._levels

    def _changed(self, told: pl.DataFrame) -> evidence.Base:
        """Return the base where some subjects have fewer rows: only theirs is computed again."""
        left = self._rows.join(told.group_by("subject").len("left"), on="subject", how="left")
        fewer = left.filter(pl.col("left").fill_null(0) < pl.col("rows"))["subject"]
        anew = self._based(told.filter(pl.col("subject").is_in(fewer.implode())))
        return evidence.Base(*(_replaced(*tables, fewer) for tables in zip(self._base, anew, strict=True)))

    def _based(self, told: pl.DataFrame) -> evidence.Base:
        return evidence.Base(*map(_held, evidence.base(engines.of(told, self._engine), self._today)))

    @staticmethod
    def _compiled(base: evidence.Base) -> evidence.Levels:
        return evidence.Levels(*map(_held, evidence.compiled(base, _held)))


def _behaviour(learned: pl.DataFrame) -> pl.DataFrame:
    """Return a profile without what only the token ledger asks for."""
    return learned.filter(~pl.col("verb").is_in(facts.CREDENTIAL_VERBS))


def _replaced(old: evidence.Frame, new: evidence.Frame, subjects: pl.Series) -> evidence.Frame:
    """Return a table with the rows of these subjects replaced."""
    kept = engines.collect(old).filter(~pl.col("subject").is_in(subjects.implode()))
    return engines.of(pl.concat([kept, engines.collect(new).select(kept.columns)]))


def _held(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Compute a table and keep it in Polars."""
    return engines.of(engines.collect(frame))
