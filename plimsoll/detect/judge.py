"""Events on trial, batch by batch: only what the profile has not settled already is looked at closely.

Usual acts are remembered by a hash of what tells them apart, so that a habit costs one look-up an event. The rest
get their facts counted, weighed, and the ledger's word; acts with nothing to say are dropped at once, so memory
grows with what is unusual and not with the input.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import msgspec
import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import facts, frames
from plimsoll.detect import (
    acts,
    audit_conditions,
    audit_rules,
    changes,
    evidence,
    explain,
    granted,
    ledger,
    lookup,
    rule_alerts,
    settled,
    stories,
    weigh,
)
from plimsoll.detect import budget as budgets

Approved = tuple[str, str, str]
MINUTE = pl.col("time").dt.truncate("1m").alias("minute")
POWERS = ("credential-access", "execution", "privilege-escalation")
"""Tactics: who does such things out of habit has a token worth stealing."""
TOGETHER = 1 << 14
"""Events not settled yet that are gathered before they are judged: one judgement costs as much as 10,000 of them."""
MOST_NOTABLE = 200_000
"""Notable acts of a run that are kept; beyond it only a count."""


class Memory(msgspec.Struct):
    """What a judge found out since learning ended, for a restart to begin with."""

    ledger: ledger.Memory
    stories: stories.Memory
    rules: list[rule_alerts.Key] = []


class Judge:
    """A profile, compiled, and what it has found so far."""

    def __init__(
        self,
        known: evidence.Levels,
        credentials: pl.DataFrame,
        approved: Sequence[Approved] = (),
        *,
        unlearned: bool = False,
        rights: granted.Chance | None = None,
        doubt: budgets.Budget | None = None,
        seed: int = 0,
    ) -> None:
        """Judge by the levels of a profile, held in Polars, and by its facts about credentials (tables.PROFILE).

        What is approved, as globs of subject, verb and object, weighs nothing. Without anything learned
        (`unlearned`) only rules and the ledger have a say. `rights` tell what somebody new may do,
        `doubt` how many bits fill whose budget. `seed` should be a secret, so that
        nobody can make up an act that hashes like a usual one.
        """
        self._approved, self._unlearned = approved, unlearned
        self._known, self._lookup = known, lookup.Lookup(known, seed)
        self._rights = rights
        self._doubt = doubt
        self._usual, self._dull = settled.Settled(), settled.Settled()
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._seed = seed
        self._notable: list[acts.Act] = []
        self._changes = changes.Changes()
        self._ledger = ledger.Ledger(credentials, self._changes)
        self._teller = stories.Teller(stories.CERTAIN, self._changes)
        self._rules = rule_alerts.Teller()
        self.forgone = 0
        """Notable acts there was no room for."""

    def take(self, stream: str, events: pl.DataFrame) -> list[acts.Act]:
        """Judge a batch of events; return its notable acts, which are kept for the alerts too."""
        self.gather(stream, events)
        return self.judge()

    def gather(self, stream: str, events: pl.DataFrame) -> None:
        """Take in a batch of events, to be judged together with later ones: what is settled is passed over at once."""
        if stream == "audit":
            self._changes.take(events)
            self._ledger.take(events)
            events = audit_conditions.collided(events)
        keyed = events.with_columns(key=facts.key(stream).hash(self._seed))
        more = audit_conditions.tells_more() if stream == "audit" else pl.lit(value=False)
        kept = keyed.with_columns(usual=self._usual.holds(keyed["key"])).filter(~pl.col("usual") | more)
        if kept.is_empty():
            return
        parts = self._waiting.setdefault(stream, [])
        parts.append(kept)
        if sum(part.height for held in self._waiting.values() for part in held) >= TOGETHER:
            self.judge()
        else:
            parts[-1] = frames.own(kept)

    def judge(self) -> list[acts.Act]:
        """Judge what was gathered; return its notable acts."""
        waiting, self._waiting = self._waiting, {}
        return [act for stream, parts in waiting.items() for act in self._judged(stream, pl.concat(parts))]

    def _judged(self, stream: str, keyed: pl.DataFrame) -> list[acts.Act]:
        if stream == "audit":
            keyed = _ruled(keyed, keyed["usual"])
            keyed = keyed.filter(~pl.col("usual") | pl.col("rules").is_not_null())
        if keyed.is_empty():
            return []
        kinds = self._kinds(stream, keyed)
        weighed = self._weighed(stream, self._doubtful(stream, kinds))
        notable = self._sorted_out(stream, kinds, weighed)
        return [] if notable.is_empty() else self._tried(stream, keyed, notable, weighed)

    def _kinds(self, stream: str, keyed: pl.DataFrame) -> pl.DataFrame:
        """Return the distinct acts, with what the ledger says of them; those of the same `alike` state the same facts."""
        kinds = facts.acts(stream, keyed, by=_told_apart(stream), evidence=False).with_row_index("act")
        kinds = ledger.judged(kinds, self._ledger, self._powerful) if stream == "audit" else kinds
        return kinds.with_columns(alike=facts.alike(stream).hash(self._seed)).rename({"key": "kind"})

    def _doubtful(self, stream: str, kinds: pl.DataFrame) -> pl.DataFrame:
        """Return one act of each sort that has to be weighed: dull ones only where ledger or rules have found something."""
        dull = self._dull.holds(kinds["alike"])
        return kinds.filter(~dull | _found(stream)).unique("alike", keep="first", maintain_order=True)

    def _tried(self, stream: str, keyed: pl.DataFrame, notable: pl.DataFrame, weighed: pl.DataFrame) -> list[acts.Act]:
        """Return the notable acts minute by minute, with the facts that were weighed once for all of them."""
        extra = [name for name in ("findings",) if name in notable.columns]
        # A connection is two acts, one of each end: key and subject together name what was weighed.
        ruled = ["rules"] if stream == "audit" else []
        kinds = notable.select("alike", "kind", "subject", *ruled, *extra)
        told = keyed.join(kinds, left_on=["key", *ruled], right_on=["kind", *ruled], how="semi", nulls_equal=True)
        happened = facts.acts(stream, told, by=[*_told_apart(stream), MINUTE]).with_row_index("act")
        key, kind = ["key", "subject", *ruled], ["kind", "subject", *ruled]
        happened = happened.join(kinds, left_on=key, right_on=kind, how="inner", nulls_equal=True)
        facts_of = happened.select("act", "alike").join(weighed, on="alike", how="inner")
        found = self._allowed(acts.of(stream, happened, facts_of))
        room = max(0, MOST_NOTABLE - len(self._notable))
        self._notable += found[:room]
        self.forgone += len(found) - len(found[:room])
        return found

    def alerts(self, *, budget: int | None = None, days: int = 1) -> list[dict[str, object]]:
        """Return the alerts (tables.ALERTS) of all that was taken, gravest first.

        With a budget of so many alerts a day, doubtful stories are told too, by the threshold that learning gave, and
        a rule is evidence like any other. Where learning had too little to give one, the best of them fill what the certain ones
        leave. Without a budget, every rule that hit anything is an alert too.
        """
        self.judge()
        notable = _in_order(self._notable)
        settled = self._doubt.least(budget) if self._doubt and budget else None
        least = settled or (stories.DOUBTFUL if budget else stories.CERTAIN)
        told = stories.stories(notable, least, self._changes)
        told.sort(key=lambda story: (-story.score, story.chapter.first, story.chapter.actor))
        if not budget:
            return self._explained(told) + rule_alerts.alerts(notable)
        certain = sum(story.score >= stories.CERTAIN for story in told)
        return self._explained(told if settled else told[: max(certain, budget * days)])

    def tell(self) -> list[dict[str, object]]:
        """Return the alerts that begin with what was taken since the last call, which is then let go."""
        self.judge()
        taken, self._notable = _in_order(self._notable), []
        return self._explained(self._teller.tell(taken)) + self._rules.tell(taken)

    def weights(self, stream: str, events: pl.DataFrame) -> pl.DataFrame:
        """Return what each distinct act of these says by itself, the usual too: `kind` (its key, hashed), subject, score."""
        kinds = facts.acts(stream, events, by=[facts.key(stream).hash(0).alias("kind")], evidence=False)
        kinds = kinds.with_row_index("act")
        scored = weigh.alone(self._weighed(stream, kinds, "act"))
        return kinds.join(scored, on="act", how="inner", maintain_order="left").select("kind", "subject", "score")

    def memory(self) -> bytes:
        """Return what it knows beyond its profile: credentials, habits, and what was told."""
        return msgspec.msgpack.encode(Memory(self._ledger.memory(), self._teller.memory(), self._rules.memory()))

    def restore(self, memory: bytes) -> None:
        """Begin with what an earlier judge knew; msgspec.MsgspecError where that cannot be read."""
        known = msgspec.msgpack.decode(memory, type=Memory)
        self._ledger.restore(known.ledger)
        self._teller.restore(known.stories)
        self._rules.restore(known.rules)

    def _explained(self, told: list[stories.Story]) -> list[dict[str, object]]:
        if not told:
            return []
        usual = explain.Usual(self._known.own, {story.chapter.actor[0] for story in told})
        return [explain.alert(story, usual) for story in told]

    def _weighed(self, stream: str, happened: pl.DataFrame, by: str = "alike") -> pl.DataFrame:
        """Return the facts of these acts with their bits; a column `by` says whose they are."""
        said = facts.said(stream, happened, by=[by]).select(
            by, *evidence.FACT, fact=pl.struct(evidence.FACT).hash(self._seed)
        )
        distinct = said.unique("fact")
        counted = self._lookup.evidence(distinct)
        foreseen = granted.foreseen(counted, self._rights) if self._rights and stream == "audit" else counted
        weighed = self._excused(weigh.weigh(foreseen)).with_columns(fact=pl.struct(evidence.FACT).hash(self._seed))
        return said.select(by, "fact").join(weighed, on="fact", how="left", maintain_order="left")

    def _allowed(self, found: list[acts.Act]) -> list[acts.Act]:
        """Return acts without the rules that somebody approved for their subject, and findings at approved places.

        A place is approved by its name only: no glob silences the ledger.
        """
        if not self._approved:
            return found
        return [self._without_approved(act) if act.rules or act.findings else act for act in found]

    def _without_approved(self, act: acts.Act) -> acts.Act:
        rules = tuple(rule for rule in act.rules if not self._is_approved((act.subject, "rule", rule)))
        here = (act.subject, "at", act.address) in self._approved
        return msgspec.structs.replace(act, rules=rules, findings=() if here else act.findings)

    def _is_approved(self, fact: tuple[str, str, str]) -> bool:
        return any(all(_means(glob, text) for glob, text in zip(globs, fact, strict=True)) for globs in self._approved)

    def _powerful(self, account: str) -> bool:
        """Say whether an account is one of the system's, or does what attackers want."""
        if account.startswith("sa:kube-system/"):
            return True
        asked = nw.col("object").is_in([row.request for row in weigh.sensitive().values() if row.tactic in POWERS])
        own = self._known.own.filter((nw.col("subject") == account) & (nw.col("verb") == "request") & asked)
        return len(own.head(1).collect()) > 0

    def _excused(self, weighed: pl.DataFrame) -> pl.DataFrame:
        """Take away the weight of what somebody approved."""
        if self._unlearned:
            return weighed.with_columns(bits=pl.lit(0.0))
        if not self._approved:
            return weighed
        facts_said = weighed.select("subject", "verb", "object").iter_rows()
        excused = [self._is_approved(fact) for fact in facts_said]
        approved = pl.Series(excused, dtype=pl.Boolean)
        return weighed.with_columns(bits=pl.when(approved).then(0.0).otherwise(pl.col("bits")), approved=approved)

    def _sorted_out(self, stream: str, happened: pl.DataFrame, weighed: pl.DataFrame) -> pl.DataFrame:
        """Return the notable acts, and remember the others as usual."""
        telling = weighed.group_by("alike").agg(most=pl.col("bits").max())
        self._dull.add(telling.filter(pl.col("most") < stories.LEAST)["alike"])
        judged = happened.join(telling, on="alike", how="left", maintain_order="left")
        notable = (pl.col("most") >= stories.LEAST).fill_null(value=False) | _found(stream)
        found = judged.filter(notable)
        fresh = judged.join(found, on="kind", how="anti").get_column("kind").unique()
        self._usual.add(fresh)
        return found


def _found(stream: str) -> pl.Expr:
    """Return whether ledger or rules have found something in an act."""
    if stream != "audit":
        return pl.lit(value=False)
    return (pl.col("findings").list.len() > 0) | pl.col("rules").is_not_null()


def _ruled(events: pl.DataFrame, usual: pl.Series) -> pl.DataFrame:
    """Return audit events with a column `rules`: the ids of the rules that hit each, with spaces between; null for none.

    No rule hit the usual ones when they were first seen, so those are not judged again.
    """
    hits = audit_rules.hits(events, usual).group_by("row").agg(rules=pl.col("rule").unique().sort().str.join(" "))
    if hits.is_empty():
        return events.with_columns(rules=pl.lit(None, pl.String))
    return events.with_row_index("row").join(hits, on="row", how="left", maintain_order="left").drop("row")


def _told_apart(stream: str) -> list[pl.Expr]:
    return [pl.col("key"), pl.col("rules")] if stream == "audit" else [pl.col("key")]


def _in_order(notable: list[acts.Act]) -> list[acts.Act]:
    """Return acts by time, those that a batch's end had cut apart put together."""
    return sorted(acts.mended(notable), key=lambda act: (act.time, act.subject, act.evidence))


def _means(glob: str, text: str) -> bool:
    """Say whether a glob means this text; one with brackets means itself too."""
    return glob == text or fnmatch.fnmatchcase(text, glob)
