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
from plimsoll.detect import acts, changes, evidence, explain, ledger, stories, weigh

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
        self._changes = changes.Changes()
        self._teller = stories.Teller(stories.CERTAIN, self._changes)
        self.forgone = 0
        """Notable acts there was no room for."""

    def take(self, stream: str, events: pl.DataFrame) -> list[acts.Act]:
        """Judge a batch of events; return its notable acts, which are kept for the alerts too."""
        if stream == "audit":
            self._changes.take(events)
        keyed = events.with_columns(key=facts.key(stream).hash(self._seed)).filter(
            ~pl.col("key").is_in(self._usual.implode())
        )
        if keyed.is_empty():
            return []
        kinds = (
            facts.acts(stream, keyed, by=[pl.col("key")], evidence=False).rename({"key": "kind"}).with_row_index("act")
        )
        weighed = self._weighed(stream, kinds)
        kinds = ledger.judged(kinds, self._ledger) if stream == "audit" else kinds
        notable = self._sorted_out(kinds, weighed)
        return [] if notable.is_empty() else self._tried(stream, keyed, notable, weighed)

    def _tried(self, stream: str, keyed: pl.DataFrame, notable: pl.DataFrame, weighed: pl.DataFrame) -> list[acts.Act]:
        """Return the notable acts minute by minute, with the facts that were weighed once for all of them."""
        extra = [name for name in ("findings",) if name in notable.columns]
        # A connection is two acts, one of each end: key and subject together name what was weighed.
        kinds = notable.select(pl.col("act").alias("of"), "kind", "subject", *extra)
        told = keyed.join(kinds, left_on="key", right_on="kind", how="semi")
        happened = facts.acts(stream, told, by=[pl.col("key"), MINUTE]).with_row_index("act")
        happened = happened.join(kinds, left_on=["key", "subject"], right_on=["kind", "subject"], how="inner")
        facts_of = happened.select("act", "of").join(weighed.rename({"act": "of"}), on="of", how="inner")
        found = acts.of(stream, happened, facts_of)
        room = max(0, MOST_NOTABLE - len(self._notable))
        self._notable += found[:room]
        self.forgone += len(found) - len(found[:room])
        return found

    def alerts(self, *, budget: int | None = None, days: int = 1) -> list[dict[str, object]]:
        """Return the alerts (tables.ALERTS) of all that was taken, gravest first.

        With a budget of so many alerts a day, the best doubtful stories fill what the certain ones leave.
        """
        told = stories.stories(_in_order(self._notable), stories.DOUBTFUL if budget else stories.CERTAIN, self._changes)
        told.sort(key=lambda story: (-story.score, story.chapter.first, story.chapter.actor))
        certain = sum(story.score >= stories.CERTAIN for story in told)
        return self._explained(told[: max(certain, budget * days if budget else 0)])

    def tell(self) -> list[dict[str, object]]:
        """Return the alerts that begin with what was taken since the last call, which is then let go."""
        taken, self._notable = self._notable, []
        return self._explained(self._teller.tell(_in_order(taken)))

    def _explained(self, told: list[stories.Story]) -> list[dict[str, object]]:
        usual = explain.Usual(self._known.own, {story.chapter.actor[0] for story in told})
        return [explain.alert(story, usual) for story in told]

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
        found = judged.filter(notable)
        fresh = judged.join(found, on="kind", how="anti").get_column("kind").unique()
        self._usual = fresh if self._usual.len() > MOST_USUAL else pl.concat([self._usual, fresh]).unique()
        return found


def _in_order(notable: list[acts.Act]) -> list[acts.Act]:
    """Return acts by time, those that a batch's end had cut apart put together."""
    return sorted(acts.mended(notable), key=lambda act: (act.time, act.subject, act.evidence))


def _means(glob: str, text: str) -> bool:
    """Say whether a glob means this text; one with brackets means itself too."""
    return glob == text or fnmatch.fnmatchcase(text, glob)
