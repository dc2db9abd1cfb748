"""How much of a subject's behaviour is still unseen, and whether that is little enough to judge it by.

After N acts of which n1 kinds were seen once, the next act is of a kind never seen with a chance of about n1 / N
(Good, "The population frequencies of species", Biometrika 40, 1953). A kind of act is a fact of one of the verbs in
`ACTS`. `counted` and `pooled` only count, in Narwhals over whole numbers, so that every engine gives the same;
`judge` turns counts into a chance, its upper limit, a state and a sentence.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import polars as pl

Frame = nw.LazyFrame[Any]

ACTS = ("within", "exec", "read", "write", "delete", "connect", "accept", "listen", "resolve", "syscall")
"""The verb of each event that says what was done, and where: so every event is one act, drawn once.

`within` (this request in this namespace) already holds `request`; `spawn`, `touch` and `outcome` say more of an
act that is counted, and would count it twice. Whence and with what (`zone`, `from`, `address`, `agent`, `version`,
`platform`, `credential`) has a rhythm of its own: a laptop's new address each morning does not make the
person's work unknown. `rule` is another's judgement, `impersonate` is said by few events.
"""

WEEK = 7
"""Days a subject must be seen on: fewer cannot hold a weekend, nor what is done once a week."""
MATURE, SETTLING = 0.01, 0.05
"""The most that the chance of a new act may be, at its upper limit."""
_Z = 1.6449
"""The 95th percentile of the normal distribution."""


class Maturity(NamedTuple):
    """What the counts of a subject amount to."""

    mass: float
    bound: float
    state: str
    sentence: str


def counted(profile: Frame) -> Frame:
    """Return what judging needs to know of each subject of a profile (tables.PROFILE).

    subject                   whose
    events, facts             acts, and the kinds of acts among them
    singletons, doubletons    kinds seen once, twice
    once, twice               kinds seen on one day, on two days
    days, first, last         days on which anything was seen; the first and the last of it
    """
    return _counted(_kinds(profile), profile.select("subject", "day"))


def pooled(profile: Frame) -> Frame:
    """Return one row like those of `counted` for all subjects together, named "": the sums, and the days of all."""
    everyone = nw.lit("").alias("subject")
    return _counted(_kinds(profile).with_columns(everyone), profile.select(everyone, "day"))


def judged(counts: pl.DataFrame) -> pl.DataFrame:
    """Return rows of `counted` or `pooled` with their mass, bound, state, sentence, and new facts expected tomorrow."""
    rows = list(counts.iter_rows(named=True))
    found = [judge(**{name: row[name] for name in ("events", "singletons", "doubletons", "days")}) for row in rows]
    ahead = [tomorrow(days=row["days"], once=row["once"], twice=row["twice"]) for row in rows]
    schema = {"mass": pl.Float64, "bound": pl.Float64, "state": pl.String, "sentence": pl.String}
    return counts.hstack(pl.DataFrame(found, schema=schema, orient="row")).with_columns(
        tomorrow=pl.Series(ahead, dtype=pl.Float64)
    )


def judge(*, events: int, singletons: int, doubletons: int, days: int) -> Maturity:
    """Return how mature a subject is that did this many acts, on this many days.

    mature      at most 1 in 100 acts would be new, at the upper limit, and seen on 7 days or more
    settling    at most 5 in 100, however many days
    learning    else

    >>> judge(events=9_000, singletons=10, doubletons=4, days=14).sentence
    'about 1 in 900 of its acts would be new; 14 days seen'
    >>> judge(events=9_000, singletons=10, doubletons=4, days=1)[2:]
    ('settling', 'about 1 in 900 of its acts would be new; seen for 1 day only: a week is wanted')
    """
    bound = upper(events, singletons, doubletons)
    state = "mature" if bound <= MATURE and days >= WEEK else "settling" if bound <= SETTLING else "learning"
    return Maturity(singletons / events if events else 1.0, bound, state, _sentence(events, singletons, bound, days))


def upper(events: int, singletons: int, doubletons: int) -> float:
    """Return the 95 % upper limit of the chance that the next act is new.

    The kinds seen once are a Poisson count: its upper limit is Garwood's (Biometrika 28, 1936) in Byar's closed form
    (Breslow and Day, "Statistical Methods in Cancer Research II", 1987), within 1 %; 3 / N where there are none. But
    the unseen mass itself varies too: by Esty (Annals of Statistics 11, 1983) the variance of their difference is
    n1 + 2 n2 rather than n1, which widens the limit by as much.

    >>> round(upper(300, 0, 0), 4), round(upper(10_000, 20, 15), 4), upper(0, 0, 0)
    (0.0099, 0.0033, 1.0)
    """
    if not events:
        return 1.0
    n = singletons + 1
    garwood = n * (1 - 1 / (9 * n) + _Z / (3 * math.sqrt(n))) ** 3
    wider = _Z * (math.sqrt(singletons + 2 * doubletons) - math.sqrt(singletons))
    return min(1.0, (garwood + wider) / events)


def tomorrow(*, days: int, once: int, twice: int) -> float | None:
    """Return how many new facts one more day is expected to bring; None after less than two days.

    Days are the samples here, as acts come in bursts. Chao's estimate of the facts still unseen (Chao2, corrected
    for bias), and the share of it that one more day shows (Chao et al., Ecological Monographs 84, 2014).

    >>> round(tomorrow(days=10, once=40, twice=19) or 0, 1)
    3.6
    >>> tomorrow(days=10, once=0, twice=3), tomorrow(days=1, once=5, twice=0)
    (0.0, None)
    """
    if days < 2:
        return None
    unseen = (days - 1) / days * once * (once - 1) / (2 * (twice + 1))
    return unseen * once / (days * unseen + once) if once else 0.0


def _kinds(profile: Frame) -> Frame:
    """Each fact over all its days: how often, on how many, and whether it is an act."""
    return (
        profile.group_by("subject", "verb", "given", "object")
        .agg(
            _sum(nw.col("count")).alias("events"),
            nw.len().cast(nw.Int64).alias("days"),
            nw.col("first").min(),
            nw.col("last").max(),
        )
        .with_columns(act=nw.col("verb").is_in(ACTS))
    )


def _counted(kinds: Frame, seen: Frame) -> Frame:
    act, events, days = nw.col("act"), nw.col("events"), nw.col("days")
    one, none = nw.lit(1), nw.lit(0)
    days_seen = seen.unique().group_by("subject").agg(days=nw.len().cast(nw.Int64))
    return (
        kinds.with_columns(
            is_act=nw.when(act).then(one).otherwise(none),
            acts=nw.when(act).then(events).otherwise(none),
            single=nw.when(act & (events == 1)).then(one).otherwise(none),
            double=nw.when(act & (events == 2)).then(one).otherwise(none),
            one_day=nw.when(act & (days == 1)).then(one).otherwise(none),
            two_days=nw.when(act & (days == 2)).then(one).otherwise(none),
        )
        .group_by("subject")
        .agg(
            _sum(nw.col("acts")).alias("events"),
            _sum(nw.col("is_act")).alias("facts"),
            _sum(nw.col("single")).alias("singletons"),
            _sum(nw.col("double")).alias("doubletons"),
            _sum(nw.col("one_day")).alias("once"),
            _sum(nw.col("two_days")).alias("twice"),
            nw.col("first").min(),
            nw.col("last").max(),
        )
        .join(days_seen, on="subject", how="left")
        .select("subject", "events", "facts", "singletons", "doubletons", "once", "twice", "days", "first", "last")
    )


def _sum(column: nw.Expr) -> nw.Expr:
    return column.sum().cast(nw.Int64)  # DuckDB widens sums


def _sentence(events: int, singletons: int, bound: float, days: int) -> str:
    if not events:
        return "none of its acts has been seen"
    seen = f"{days} days seen" if days >= WEEK else f"seen for {_many(days, 'day')} only: a week is wanted"
    return f"{_chance(events, singletons, bound)}; {seen}"


def _chance(events: int, singletons: int, bound: float) -> str:
    """The chance in words; the acts it is judged from, where they are too few to be sure of it."""
    mass = singletons / events
    if not singletons and bound > 1 / 2:
        return f"{_many(events, 'act')} of it seen, too few to say how many would be new"
    if mass > 2 / 3:
        return "nearly all of its acts would be new"
    rate = f"about 1 in {_round(1 / mass)}" if singletons else f"fewer than 1 in {_round(1 / bound)}"
    unsure = f", judged from {_many(events, 'act')} only" if mass <= MATURE < bound else ""
    return f"{rate} of its acts would be new{unsure}"


def _round(number: float) -> str:
    """Two digits are all that such counts are good for."""
    return f"{round(float(f'{number:.2g}')):,}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
