"""What the profile knows about a fact: the subject itself, its peers, its class, everyone. Counts only.

Written in Narwhals over whole numbers, so that every engine gives the same answer; `weigh` turns counts into bits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import narwhals.stable.v2 as nw

Frame = nw.LazyFrame[Any]
Some = TypeVar("Some", nw.LazyFrame[Any], nw.DataFrame[Any])

FACT = ("subject", "peer", "verb", "given", "object")
HALF_LIFE = 14
"""Days after which what was seen counts half."""
BURST = 128
"""Times beyond which the same fact adds no weight, spread over the days its subject is known."""
BURST_OF_SURROUNDINGS = 24
SURROUNDINGS = ("zone", "from", "address", "agent", "version", "platform", "credential")
"""Verbs that tell where a subject is and what client it uses."""
UNIT = 256
"""Weight of one fresh day; whole numbers keep engines alike."""
TAKEN = 154
"""Most weight that backing off takes from an object for what was never seen; one that faded below has no more to give."""


class Levels(NamedTuple):
    """A profile compiled for questions: for each level what was seen, and how much in that context."""

    own: Frame
    own_context: Frame
    applied: Frame
    own_any: Frame
    own_any_context: Frame
    peer: Frame
    peer_context: Frame
    kind: Frame
    kind_context: Frame
    everyone: Frame
    everyone_context: Frame
    subjects: Frame
    heard: Frame


class Base(NamedTuple):
    """What the levels of a profile are made of: of each subject's rows without regard to any other subject."""

    own: Frame
    subjects: Frame


ASKED_BY: dict[str, tuple[str, ...]] = {
    "own": ("subject", "verb", "given", "object"),
    "own_context": ("subject", "verb", "given"),
    "applied": ("subject", "verb", "object"),
    "own_any": ("subject", "verb", "object"),
    "own_any_context": ("subject", "verb"),
    "peer": ("peer", "verb", "given", "object"),
    "peer_context": ("peer", "verb", "given"),
    "kind": ("kind", "verb", "given", "object"),
    "kind_context": ("kind", "verb", "given"),
    "everyone": ("all", "verb", "given", "object"),
    "everyone_context": ("all", "verb", "given"),
    "subjects": ("subject",),
    "heard": ("verb", "object"),
}
"""What each level is asked by: columns of facts `sorted_out`."""


def base(profile: Frame, today: int) -> Base:
    """Return the base of a profile (tables.PROFILE) as seen on the day `today`; those of other subjects can be added to it."""
    return Base(_own(profile, today), _subjects(profile))


def levels(profile: Frame, today: int) -> Levels:
    """Return the levels of a profile (tables.PROFILE) as seen on the day `today`."""
    return compiled(base(profile, today))


def compiled(given: Base, hold: Callable[[Frame], Frame] = lambda frame: frame) -> Levels:
    """Return the levels of a base.

    `hold` may compute a table that others are made of, so that it is not computed again for each.

    own             subject, verb, given, object -> weight, count, days, first, last
    applied         subject, verb, object -> for requests to create: weight of the subject's patches and updates of the same
    own_any         subject, verb, object -> givens under which the subject showed the object
    peer, kind, everyone   … verb, given, object -> subjects that showed it
    *_context       the same without the object -> total and number of distinct objects; of the own what is taken from them
    subjects        subject -> how many events and days it is known for
    heard           verb, object -> how many facts tell that something was done there, for namespaces
    """
    own = given.own
    shown = own.select("subject", "peer", "verb", "given", "object").with_columns(
        _kind(), nw.lit("").alias("all"), n=nw.lit(1)
    )
    own_any = hold(shown.group_by("subject", "verb", "object").agg(any_shown=_sum("n")))
    peer, kind, everyone = (
        hold(_shown(shown, group, level)) for group, level in (("peer", "peer"), ("kind", "kind"), ("all", "everyone"))
    )
    return Levels(
        own=own.drop("peer"),
        own_context=own.group_by("subject", "verb", "given").agg(
            own_total=_sum("own_weight"),
            own_taken=nw.when(nw.col("own_weight") < TAKEN)
            .then(nw.col("own_weight"))
            .otherwise(nw.lit(TAKEN))
            .sum()
            .cast(nw.Int64),
            own_context_count=_sum("own_count"),
            own_since=nw.col("own_first").min(),
        ),
        applied=_applied(own),
        own_any=own_any,
        own_any_context=own_any.group_by("subject", "verb").agg(
            any_total=_sum("any_shown"), any_kinds=nw.len().cast(nw.Int64)
        ),
        peer=peer,
        peer_context=_with_members(_context(peer, "peer", "peer"), shown),
        kind=kind,
        kind_context=_context(kind, "kind", "kind"),
        everyone=everyone,
        everyone_context=_context(everyone, "all", "everyone"),
        subjects=given.subjects,
        heard=shown.filter(nw.col("verb") == "within").group_by("verb", "object").agg(heard=_sum("n")),
    )


def evidence(facts: Frame, known: Levels) -> Frame:
    """Return distinct facts (columns FACT) with what each level knows: counts, 0 where it knows nothing."""
    asked = sorted_out(facts.select(*FACT).unique())
    for level, on in ASKED_BY.items():
        asked = asked.join(getattr(known, level), on=list(on), how="left")
    return counted(asked)


def sorted_out(facts: Some) -> Some:
    """Return facts with the other groups that they are asked for in: `kind`, the class of their subject, and `all`."""
    return facts.with_columns(_kind(), nw.lit("").alias("all"))


def counted(asked: Some) -> Some:
    """Return facts `sorted_out` beside what the levels know of them: counts, 0 where they know nothing."""
    told = (*FACT, "kind", "all", "own_first", "own_last", "own_since")
    counts = [name for name in asked.collect_schema().names() if name not in told]
    return asked.with_columns(nw.col(*counts).fill_null(0)).drop("all")


def _own(profile: Frame, today: int) -> Frame:
    known = profile.select("subject", "day").unique().group_by("subject").agg(known=nw.len().cast(nw.Int64))
    return (
        profile.join(known, on="subject", how="left")
        .with_columns(weight=_habit() * _fresh(today))
        .group_by("subject", "verb", "given", "object")
        .agg(
            nw.col("peer").max(),
            own_weight=_sum("weight"),
            own_count=_sum("count"),
            own_days=nw.len().cast(nw.Int64),
            own_first=nw.col("first").min(),
            own_last=nw.col("last").max(),
        )
    )


def _applied(own: Frame) -> Frame:
    """What an account patches or updates it also creates, where it is not there yet: that is what `apply` does."""
    request = nw.col("object").str
    written = own.filter(
        (nw.col("verb") == "request") & (request.starts_with("patch ") | request.starts_with("update "))
    )
    created = nw.concat_str(nw.lit("create "), request.replace_all("^(patch|update) ", ""))
    return (
        written.with_columns(object=created)
        .group_by("subject", "verb", "object")
        .agg(applied_weight=_sum("own_weight"))
    )


def _habit() -> nw.Expr:
    """A day's count, at most its day's share of BURST: neither a burst nor a long life makes a habit certain.

    Where somebody is, and with what client, changes by days and not by requests, and so has the smaller share.
    """
    surroundings = nw.col("verb").is_in(SURROUNDINGS)
    most = nw.when(surroundings).then(nw.lit(BURST_OF_SURROUNDINGS)).otherwise(nw.lit(BURST))
    for days in (2, 4, 8, 16):
        many = nw.col("known") >= days
        most = nw.when(many & surroundings).then(nw.lit(max(1, BURST_OF_SURROUNDINGS // days))).otherwise(most)
        most = nw.when(many & ~surroundings).then(nw.lit(BURST // days)).otherwise(most)
    return nw.when(nw.col("count") > most).then(most).otherwise(nw.col("count")).cast(nw.Int64)


def _fresh(today: int) -> nw.Expr:
    """UNIT for the last fortnight, half of it for the one before, and so on."""
    age = nw.lit(today) - nw.col("day")
    left = nw.when(age >= 8 * HALF_LIFE).then(nw.lit(UNIT >> 8)).otherwise(nw.lit(UNIT))
    for halvings in range(1, 8):
        left = (
            nw.when((age >= halvings * HALF_LIFE) & (age < (halvings + 1) * HALF_LIFE))
            .then(nw.lit(UNIT >> halvings))
            .otherwise(left)
        )
    return left.cast(nw.Int64)


@functools.cache
def _kind() -> nw.Expr:
    """The class of a subject: node, system, sa, user or workload."""
    subject = nw.col("subject").str
    return (
        nw.when(subject.starts_with("node:"))
        .then(nw.lit("node"))
        .when(subject.starts_with("sa:kube-system/") | subject.starts_with("user:system:"))
        .then(nw.lit("system"))
        .when(subject.starts_with("sa:"))
        .then(nw.lit("sa"))
        .when(subject.starts_with("user:"))
        .then(nw.lit("user"))
        .otherwise(nw.lit("workload"))
        .alias("kind")
    )


def _sum(name: str) -> nw.Expr:
    return nw.col(name).sum().cast(nw.Int64)


def _shown(shown: Frame, group: str, level: str) -> Frame:
    return shown.group_by(group, "verb", "given", "object").agg(_sum("n").alias(f"{level}_shown"))


def _context(by_object: Frame, group: str, level: str) -> Frame:
    return by_object.group_by(group, "verb", "given").agg(
        _sum(f"{level}_shown").alias(f"{level}_total"), nw.len().cast(nw.Int64).alias(f"{level}_kinds")
    )


def _with_members(context: Frame, shown: Frame) -> Frame:
    """Add how many subjects a group of peers has that did anything like it."""
    members = (
        shown.select("peer", "subject", "verb", "given")
        .unique()
        .group_by("peer", "verb", "given")
        .agg(peer_members=nw.len().cast(nw.Int64))
    )
    return context.join(members, on=["peer", "verb", "given"], how="left")


def _subjects(profile: Frame) -> Frame:
    """How long a subject is known, by the facts every event of it states (those that depend on nothing)."""
    days = profile.select("subject", "day").unique().group_by("subject").agg(subject_days=nw.len().cast(nw.Int64))
    counts = (
        profile.filter(nw.col("given") == "")
        .group_by("subject")
        .agg(subject_count=nw.col("count").sum().cast(nw.Int64))
    )
    return counts.join(days, on="subject", how="left")
