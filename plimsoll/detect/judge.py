"""Events on trial, batch by batch: only what the profile has not settled already is looked at closely.

Usual acts are remembered by a hash of what tells them apart, so that a habit costs one look-up an event. The rest
get their facts counted, weighed, and the ledger's word; acts with nothing to say are dropped at once, so memory
grows with what is unusual and not with the input.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import facts
from plimsoll.detect import acts, evidence, explain, ledger, stories, weigh

Approved = tuple[str, str, str]
MINUTE = pl.col("time").dt.truncate("1m").alias("minute")
MOST_USUAL = 2_000_000
"""Hashes of usual acts that are remembered; then we forget them all and begin anew."""
MOST_NOTABLE = 200_000
"""Notable acts of a run that are kept; beyond it only a count."""


class Judge:
    """A profile, compiled, and what it has found so far."""

    def __init__(
        self,
        known: evidence.Levels,
        credentials: pl.DataFrame,
        approved: Sequence[Approved] = (),
        *,
        seed: int = 0,
    ) -> None:
        """Judge by the levels of a profile, held in Polars, and by its facts about credentials (tables.PROFILE).

        What is approved, as globs of subject, verb and object, weighs nothing. `seed` should be a secret, so that
        nobody can make up an act that hashes like a usual one.
        """
        self._approved = approved
        self._known = known
        self._ledger = ledger.Ledger(credentials)
        self._usual = pl.Series([], dtype=pl.UInt64)
        self._seed = seed
        self._notable: list[acts.Act] = []
        self.forgone = 0
        """Notable acts there was no room for."""

    def take(self, stream: str, events: pl.DataFrame) -> list[acts.Act]:
        """Judge a batch of events; return its notable acts, which are kept for the alerts too."""
        keyed = events.with_columns(key=facts.key(stream).hash(self._seed)).filter(
            ~pl.col("key").is_in(self._usual.implode())
        )
        if keyed.is_empty():
            return []
        happened = facts.acts(stream, keyed, by=[pl.col("key"), MINUTE]).with_row_index("act")
        weighed = self._weighed(stream, happened)
        happened = ledger.judged(happened, self._ledger) if stream == "audit" else happened
        notable = self._sorted_out(happened, weighed)
        found = acts.of(stream, notable, weighed.join(notable.select("act"), on="act", how="semi"))
        room = max(0, MOST_NOTABLE - len(self._notable))
        self._notable += found[:room]
        self.forgone += len(found) - len(found[:room])
        return found

    def alerts(self, *, budget: int | None = None, days: int = 1) -> list[dict[str, object]]:
        """Return the alerts (tables.ALERTS) of all that was taken, gravest first.

        With a budget of so many alerts a day, the best doubtful stories fill what the certain ones leave.
        """
        ordered = sorted(acts.mended(self._notable), key=lambda act: (act.time, act.subject, act.evidence))
        told = stories.stories(ordered, stories.DOUBTFUL if budget else stories.CERTAIN)
        told.sort(key=lambda story: (-story.score, story.chapter.first, story.chapter.actor))
        certain = sum(story.score >= stories.CERTAIN for story in told)
        shown = told[: max(certain, budget * days if budget else 0)]
        usual = explain.Usual(self._known.own, {story.chapter.actor[0] for story in shown})
        return [explain.alert(story, usual) for story in shown]

    def _weighed(self, stream: str, happened: pl.DataFrame) -> pl.DataFrame:
        said = facts.said(stream, happened, by=["act"])
        counted = evidence.evidence(nw.from_native(said.lazy()), self._known).collect().to_native()
        weighed = self._excused(weigh.weigh(counted))
        return said.select("act", *evidence.FACT).join(weighed, on=evidence.FACT, how="left", nulls_equal=True)

    def _excused(self, weighed: pl.DataFrame) -> pl.DataFrame:
        """Take away the weight of what somebody approved."""
        if not self._approved:
            return weighed
        facts_said = weighed.select("subject", "verb", "object").iter_rows()
        excused = [
            any(all(_means(glob, text) for glob, text in zip(globs, fact, strict=True)) for globs in self._approved)
            for fact in facts_said
        ]
        return weighed.with_columns(
            bits=pl.when(pl.Series(excused, dtype=pl.Boolean)).then(0.0).otherwise(pl.col("bits"))
        )

    def _sorted_out(self, happened: pl.DataFrame, weighed: pl.DataFrame) -> pl.DataFrame:
        """Return the notable acts, and remember the others as usual."""
        telling = weighed.group_by("act").agg(most=pl.col("bits").max())
        judged = happened.join(telling, on="act", how="left", maintain_order="left")
        notable = pl.col("most") >= stories.LEAST
        if "findings" in judged.columns:
            notable = notable | (pl.col("findings").list.len() > 0)
        fresh = judged.filter(~notable).get_column("key").unique()
        self._usual = fresh if self._usual.len() > MOST_USUAL else pl.concat([self._usual, fresh]).unique()
        return judged.filter(notable)


def _means(glob: str, text: str) -> bool:
    """Say whether a glob means this text; one with brackets means itself too."""
    return glob == text or fnmatch.fnmatchcase(text, glob)
