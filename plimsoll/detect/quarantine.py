"""What was learned under suspicion and is not believed until somebody confirms it: an attack must not become a habit.

Each fact that came late in learning is weighed as if its subject had never shown it. Facts of one subject that came
together are a session, which scores like a chapter of an alert. Sessions of 8 bits, and requests that attackers make
and nobody expected, are held back: judging does as if they had not been learned. A person releases them
(`profile approve`), or habit does: what is seen on three days, and is no request that attackers make.

This looks only at the merged profile, never at the order in which it was learned: the parts of an input that was
learned in shards hold back what the whole holds back.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from plimsoll import facts
from plimsoll.detect import evidence, stories, weigh

WARM_UP, SHARE = timedelta(days=2), 0.15
"""What came within the first two days, or this share of a shorter time, is believed: there is nothing to hold it against."""
TOGETHER, PART = timedelta(hours=1), 0.01
"""Facts nearer than an hour, or this part of a shorter time, came together."""
HABITUAL = 3
"""Days on which a fact must be seen to be habit without anybody's word."""
KEY = ["subject", "verb", "given", "object"]
ROUNDS = 3
"""How often what is left is weighed anew, where held-back facts had made others look usual."""
ANCHORS = ("zone", "from", "agent", "credential", "impersonate")
"""Verbs that can make a session suspicious, beside requests that attackers make."""

col = pl.col
Approved = Sequence[tuple[str, str, str]]
Levels = Callable[[pl.DataFrame], evidence.Levels]
_VERBS = tuple(verb.name for verb in facts.VERBS["audit"])


def held_back(learned: pl.DataFrame, levels: Levels, approved: Approved = ()) -> pl.DataFrame:
    """Return the facts of a profile (columns KEY, bits, first, days) that are not believed, by subject and time.

    `levels` compiles a profile for questions; it is asked only where there is something to weigh.
    """
    if learned.is_empty():
        return learned.select(*KEY, pl.lit(0.0).alias("bits"), "first", pl.lit(0, pl.UInt32).alias("days"))
    late = _late(learned)
    held = _unapproved(_misplaced(learned), approved)
    apart = _apart(learned)
    for _ in range(ROUNDS):
        left = late.join(held, on=KEY, how="anti")
        if left.is_empty():
            break
        weighed = _alone(left, levels(believed(learned, held)))
        fresh = _suspicious(_unapproved(weighed, approved), apart, strict=_span(learned) > WARM_UP)
        if fresh.is_empty():
            break
        held = pl.concat([held, fresh.select(held.columns)])
    return held.sort("subject", "first", "verb", "given", "object")


def believed(learned: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Return a profile without what is held back."""
    return learned if held.is_empty() else learned.join(held, on=KEY, how="anti")


def _expected() -> list[str]:
    """Return the requests that attackers make in order to do harm, not only to look around."""
    return [row.request for row in weigh.sensitive().values() if row.tactic != "discovery"]


def _span(learned: pl.DataFrame) -> timedelta:
    first, last = learned["first"].min(), learned["last"].max()
    return last - first if isinstance(first, datetime) and isinstance(last, datetime) else timedelta(0)


def _is_late(learned: pl.DataFrame) -> pl.Expr:
    return col("first") >= learned["first"].min() + min(WARM_UP, _span(learned) * SHARE)  # type: ignore[operator]


def _apart(learned: pl.DataFrame) -> timedelta:
    return min(TOGETHER, _span(learned) * PART)


def _misplaced(learned: pl.DataFrame) -> pl.DataFrame:
    """Return late facts about credentials: a second place while the first was still in use, another client or taker."""
    told = learned.filter(col("verb").is_in(facts.CREDENTIAL_VERBS))
    kept = told.group_by(*KEY).agg(col("first").min(), col("last").max(), pl.len().alias("days"))
    late = kept.filter(_is_late(learned) & (col("days") < HABITUAL))
    places = kept.select("subject", "verb", begun="first", ended="last")
    beside = (col("begun") < col("first")) & (col("ended") > col("first"))
    second = late.join(places, on=["subject", "verb"], how="inner").filter(beside).select(KEY).unique()
    taken = late.filter(col("verb") == "issued").select(KEY)
    found = late.join(pl.concat([second, taken]).unique(), on=KEY, how="semi")
    return found.select(*KEY, pl.lit(stories.FINDING_BITS).alias("bits"), "first", "days")


def _late(learned: pl.DataFrame) -> pl.DataFrame:
    """Return the facts that came after the warm-up, as far as their subject has one that can be suspicious."""
    told = learned.filter(col("verb").is_in(_VERBS))
    grave = (col("verb") == "request") & col("object").is_in(_expected())
    kept = told.group_by(*KEY).agg(col("peer").max(), col("first").min(), pl.len().alias("days"))
    late = kept.filter(_is_late(learned) & ((col("days") < HABITUAL) | grave))
    place = (col("verb") == "within") & col("given").is_in(_expected())
    anchored = late.filter(col("verb").is_in(ANCHORS) | grave | place).select("subject").unique()
    return late.join(anchored, on="subject", how="semi")


def _alone(asked: pl.DataFrame, known: evidence.Levels) -> pl.DataFrame:
    """Return facts with their bits, weighed as if their subject had not shown them."""
    counted = evidence.evidence(nw.from_native(asked.lazy()), known).collect().to_native()
    mine = (col("own_count") > 0).cast(pl.Int64)
    fewer = [
        change
        for level in ("any", "peer", "kind", "everyone")
        for change in (
            (col(f"{level}_kinds") - (mine * (col(f"{level}_shown") == 1).cast(pl.Int64))).alias(f"{level}_kinds"),
            (col(f"{level}_total") - mine).alias(f"{level}_total"),
            (col(f"{level}_shown") - mine).alias(f"{level}_shown"),
        )
    ]
    alone = counted.with_columns(
        *fewer,
        (col("own_total") - col("own_weight")).alias("own_total"),
        (col("own_taken") - col("own_weight").clip(upper_bound=evidence.TAKEN)).alias("own_taken"),
        pl.lit(0, pl.Int64).alias("own_weight"),
        pl.lit(0, pl.Int64).alias("applied_weight"),
    )
    return asked.join(weigh.weigh(alone).select(*KEY, "bits"), on=KEY, how="left")


def _unapproved(weighed: pl.DataFrame, approved: Approved) -> pl.DataFrame:
    """Return what nobody approved, and what is no part of an approved request."""
    if not approved:
        return weighed
    free = [
        any(_means(globs, (row["subject"], verb, what)) for globs in approved for verb, what in _said(row))
        for row in weighed.select(KEY).iter_rows(named=True)
    ]
    return weighed.filter(~pl.Series(free, dtype=pl.Boolean))


def _said(row: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    yield row["verb"], row["object"]
    if row["verb"] in ("within", "touch", "outcome"):
        yield "request", row["given"].partition(" in ")[0]


def _means(globs: tuple[str, str, str], fact: tuple[str, str, str]) -> bool:
    return all(glob == text or fnmatch.fnmatchcase(text, glob) for glob, text in zip(globs, fact, strict=True))


def _suspicious(weighed: pl.DataFrame, apart: timedelta, *, strict: bool) -> pl.DataFrame:
    """Return the facts that speak against their sessions; if strict, unexpected requests with all that belongs to them."""
    held = [row for rows in _sessions(weighed, apart) for row in _against(rows, strict=strict)]
    return pl.DataFrame(held, schema=weighed.schema)


def _sessions(weighed: pl.DataFrame, apart: timedelta) -> Iterator[list[dict[str, Any]]]:
    """Yield the facts of each subject that came together."""
    session: list[dict[str, Any]] = []
    for row in weighed.sort("subject", "first", "verb", "given", "object").iter_rows(named=True):
        if session and (row["subject"] != session[-1]["subject"] or row["first"] - session[-1]["first"] > apart):
            yield session
            session = []
        session.append(row)
    if session:
        yield session


def scores(learned: pl.DataFrame, levels: Levels) -> list[tuple[datetime, float]]:
    """Return when each session of learning began that showed something new after the warm-up, and what it weighed."""
    told = learned.filter(col("verb").is_in(_VERBS))
    if told.is_empty():
        return []
    kept = told.group_by(*KEY).agg(col("peer").max(), col("first").min())
    weighed = _alone(kept.filter(_is_late(learned)), levels(learned))
    return [(rows[0]["first"], score(rows)) for rows in _sessions(weighed, _apart(learned))]


def _against(rows: list[dict[str, Any]], *, strict: bool) -> list[dict[str, Any]]:
    telling = [row for row in rows if row["bits"] >= stories.LEAST]
    if score(rows) >= stories.QUARANTINE and any(_anchors(row) for row in telling):
        return telling
    if not strict:
        return []
    expected = frozenset(_expected())
    strange = {
        row["object"]
        for row in telling
        if row["verb"] == "request" and row["object"] in expected and row["bits"] >= stories.SENSITIVE
    }
    return [row for row in rows if any(what in strange for verb, what in _said(row) if verb == "request")]


def _anchors(row: Mapping[str, Any]) -> bool:
    """Say whether a fact can make a session suspicious; that something was refused or is elsewhere cannot."""
    verb, expected = row["verb"], frozenset(_expected())
    return (
        verb in ANCHORS
        or (verb == "request" and row["object"] in expected)
        or (verb == "within" and row["given"] in expected)
    )


def score(rows: Iterable[Mapping[str, Any]]) -> float:
    """Return the bits of facts that came together, as those of a chapter: where from and with what, and the gravest deed.

    >>> score([{"verb": "zone", "given": "", "object": "elsewhere", "bits": 6.0},
    ...        {"verb": "request", "given": "", "object": "list secrets", "bits": 8.0}])
    14.0
    """
    views: dict[tuple[str, str], float] = {}
    deeds: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows:
        view = weigh.VIEWS[row["verb"]].group
        if view == "deed":
            request = next((what for verb, what in _said(row) if verb == "request"), "")
            best = deeds[request]
            best[row["verb"]] = max(row["bits"], best.get(row["verb"], row["bits"]))
        else:
            views[view, row["verb"]] = max(row["bits"], views.get((view, row["verb"]), row["bits"]))
    return _views(views) + _deeds(deeds)


def _views(views: Mapping[tuple[str, str], float]) -> float:
    told = {view: sum(bits for (one, _), bits in views.items() if one == view) for view, _ in views}
    return sum(max(-1.0, bits) for bits in told.values())


def _deeds(deeds: Mapping[str, Mapping[str, float]]) -> float:
    tactics: dict[str, float] = {}
    for request, told in deeds.items():
        known = weigh.sensitive().get(request)
        tactic = known.tactic if known else ""
        tactics[tactic] = max(sum(told.values()), tactics.get(tactic, 0.0))
    ordered = sorted(tactics.values(), reverse=True)
    return ordered[0] + stories.OTHER_TACTICS * sum(ordered[1:]) if ordered else 0.0
