"""Everything observed is a fact: subject – verb – object. Here events become facts.

Three steps. `acts` counts the events of a stream by what they have in common: one row for each distinct act,
with names made comparable. `VERBS` is the whole vocabulary: which facts an act states. `of` puts the two together.
Only distinct acts are looked at closely, so the cost of an event is that of one `group_by`. A stream is a module:
`audit`, `activity`, `flow`; a new kind of event is one more.

Where a fact depends on another ("this namespace, when listing secrets"), `given` holds what it depends on.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from plimsoll import frames, tables
from plimsoll.facts import activity, audit, flow
from plimsoll.facts.activity import subject_of
from plimsoll.facts.audit import CREDENTIAL, CREDENTIAL_VERBS, CREDENTIALS, peer_of
from plimsoll.facts.counting import DAY, EVIDENCE, Verb, added, all_stated

__all__ = [
    "CREDENTIAL", "CREDENTIALS", "CREDENTIAL_VERBS", "DAY", "EVIDENCE", "VERBS", "VOCABULARY", "Verb",
    "acts", "added", "alike", "empty", "key", "of", "of_tally", "peer_of", "said", "subject_of", "tally", "vocabulary",
]  # fmt: skip

VOCABULARY = 2
"""Raised whenever the same event would give other facts: profiles of another vocabulary are not mixed."""

VERBS: dict[str, tuple[Verb, ...]] = {"activity": activity.VERBS, "audit": audit.VERBS, "flow": flow.VERBS}


def of(stream: str, events: pl.DataFrame) -> pl.DataFrame:
    """Return the facts (tables.FACTS) that these events of one stream state, counted by day.

    A fact may have several rows; learning adds them up. Events without a time teach nothing. The events'
    workload columns should have been resolved before.
    """
    return of_tally(stream, tally(stream, events))


def tally(stream: str, events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct acts of these events by day, without names: the cheap half of `of`.

    Tallies of a stream, one below the other, are added up by `added`.
    """
    return {"activity": activity.tally, "audit": audit.tally, "flow": flow.tally}[stream](events)


def of_tally(stream: str, tally: pl.DataFrame) -> pl.DataFrame:
    """Return the facts (tables.FACTS) that the acts of a tally state."""
    return {"activity": activity.of_tally, "audit": audit.of_tally, "flow": flow.of_tally}[stream](tally)


def acts(stream: str, events: pl.DataFrame, *, by: Sequence[pl.Expr] = (), evidence: bool = True) -> pl.DataFrame:
    """Return one row for each distinct act, with names made comparable, count, first and last time, and evidence.

    `by` adds columns to tell acts apart (the day, the minute). `evidence` lists the first events of the act: their
    auditIDs, or their numbers.
    """
    return {"activity": activity.acts, "audit": audit.acts, "flow": flow.acts}[stream](events, by, evidence=evidence)


def said(stream: str, happened: pl.DataFrame, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return the facts that acts state, one row for each act and verb.

    The result has the columns of tables.FACTS, then those of `by`.
    """
    return all_stated(happened, VERBS[stream], by)


def key(stream: str) -> pl.Expr:
    """Return one value for all that tells acts of a stream apart: acts with equal keys are the same act."""
    keys: dict[str, tuple[str | pl.Expr, ...]] = {"activity": activity.KEYS, "audit": audit.KEYS, "flow": flow.KEYS}
    return pl.struct(*keys[stream])


def alike(stream: str) -> pl.Expr:
    """Return one value for all that the facts of an act depend on: acts (rows of `acts`) alike in it state the same."""
    whole: dict[str, tuple[str, ...]] = {"audit": audit.STATED}
    return pl.struct(*whole.get(stream, ("subject", "key")))


def vocabulary() -> pl.DataFrame:
    """Return the vocabulary as a table: columns stream, verb, says."""
    return pl.DataFrame(
        [{"stream": stream, "verb": verb.name, "says": verb.doc} for stream, verbs in VERBS.items() for verb in verbs]
    )


def empty() -> pl.DataFrame:
    """Return a table of no facts."""
    return frames.empty(tables.FACTS)
