"""How far generated policies can be trusted: what of each workload may still be unseen, and how much they close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import polars as pl

from plimsoll import frames, tables
from plimsoll.policies.drafts import Generated, Pods, Policy, Port, Rule, Source

col = pl.col
_At = tuple[str, int, str | None]
_Pair = tuple[str, str, _At]


class Confidence(NamedTuple):
    """How well a workload's connections are known."""

    workload: str
    state: str
    """mature, settling, learning (plimsoll.learn.maturity), or never seen."""
    connections: int
    edges: int
    days: int
    next: float
    """The most that the chance of a connection never seen may be, for the next one."""
    tomorrow: float | None
    """New edges that one more day is expected to bring; None before the second day."""
    sentence: str


class Score(NamedTuple):
    """How much the policies close, in pairs of workloads and ports."""

    possible: int
    """Every workload at every port that anybody serves: what is open without policies."""
    allowed: int
    seen: int

    @property
    def closed(self) -> float:
        """Return the share of what nobody needed that is closed now.

        >>> Score(100, 20, 20).closed, Score(100, 60, 20).closed
        (1.0, 0.5)
        """
        spare = self.possible - self.seen
        return (self.possible - self.allowed) / spare if spare else 1.0


def score(generated: Generated) -> Score:
    """Return how much these policies close of what their workloads could do."""
    policies = generated.policies
    served = {(one.workload, _at(port)) for one in policies for rule in one.ingress for port in rule.ports}
    seen: set[_Pair] = set()
    allowed: set[_Pair] = set()
    for one in policies:
        for rule, source in _sources(one):
            if isinstance(source.peer, Pods):
                for at in map(_at, rule.ports):
                    seen.add((source.peer.workload, str(one.workload), at))
                    callers = (source.peer.workload, *source.peer.selector.also)
                    allowed |= {(who, whom, at) for who in callers for whom in (str(one.workload), *one.selector.also)}
    return Score(len(served) * max(0, len(policies) - 1), len(allowed), len(seen))


def _sources(one: Policy) -> Iterator[tuple[Rule, Source]]:
    return ((rule, source) for rule in one.ingress for source in rule.peers)


def _at(port: Port) -> _At:
    return port.protocol, port.number, port.name


def profile(edges: pl.DataFrame) -> pl.DataFrame:
    """Return edges (edges.SCHEMA) as facts (tables.FACTS), as each workload at an end of them learned it."""
    port = pl.concat_str(col("destination_port").cast(pl.String), pl.lit("/"), col("l4_protocol").str.to_lowercase())
    ends = edges.with_columns(
        port=port, **{f"{side}_end": pl.coalesce(_subject(side), _network(side)) for side in ("source", "destination")}
    )
    called = pl.coalesce("name", "destination_service", "destination_end")
    calls = ends.select(
        _subject("source").alias("subject"),
        pl.lit("connect").alias("verb"),
        pl.lit("").alias("given"),
        pl.concat_str(called.fill_null("?"), pl.lit(":"), "port").alias("object"),
        *("day", "count", "first", "last"),
    )
    answers = ends.select(
        _subject("destination").alias("subject"),
        pl.lit("accept").alias("verb"),
        col("port").alias("given"),
        col("source_end").fill_null("?").alias("object"),
        *("day", "count", "first", "last"),
    )
    found = pl.concat([calls, answers]).drop_nulls("subject")
    peer = pl.concat_str(pl.lit("workload:"), col("subject").str.split("/").list.first())
    return found.with_columns(peer=peer).select(*frames.schema(tables.FACTS))


def _subject(side: str) -> pl.Expr:
    parts = [f"{side}_namespace", f"{side}_workload_kind", f"{side}_workload_name"]
    return pl.concat_str(col(parts[0]).fill_null("default"), *parts[1:], separator="/")


def _network(side: str) -> pl.Expr:
    """Return the network next to an IPv4 address: an address that changes in it is no news."""
    return col(f"{side}_ip").str.replace(r"\.[0-9]+$", ".0/24")


def of(generated: Generated, judged: pl.DataFrame) -> list[Confidence]:
    """Return how well each workload is known, the least known first; `judged` is the maturity of each."""
    known = [
        Confidence(
            row["subject"],
            row["state"],
            row["events"],
            row["facts"],
            row["days"],
            row["bound"],
            row["tomorrow"],
            row["sentence"],
        )
        for row in judged.iter_rows(named=True)
    ]
    silent = [
        Confidence(str(key), "never seen", 0, 0, 0, 1.0, None, "no connection of it was seen")
        for key in generated.unseen
    ]
    return sorted([*silent, *known], key=lambda one: (-one.next, one.workload))


class Step(NamedTuple):
    """A namespace on the way to being closed."""

    namespace: str
    waiting: tuple[str, ...]
    """Its workloads that were not seen long enough; without any it can be closed."""


def steps(generated: Generated, known: Sequence[Confidence]) -> list[Step]:
    """Return the namespaces that the policies close, those first of which the least is still to be seen."""
    unsure: dict[str, list[str]] = {space: [] for space in generated.namespaces}
    for one in known:
        space = one.workload.partition("/")[0]
        if one.state != "mature" and space in unsure:
            unsure[space].append(one.workload)
    return sorted((Step(space, tuple(sorted(waiting))) for space, waiting in unsure.items()), key=_soonest)


def _soonest(step: Step) -> tuple[int, str]:
    return len(step.waiting), step.namespace
