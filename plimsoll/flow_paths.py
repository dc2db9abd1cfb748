"""The wiring of attack paths: manifests in, ways of an attacker and what closes them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from plimsoll import flow_scan, store
from plimsoll.paths import difference, habits
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import namespace_of
from plimsoll.posture.objects import WORKLOADS, Cluster, Object

IN_PASSING = 2_000
"""Objects that are or make pods, up to which paths are told to somebody who did not ask for them."""


class Found(NamedTuple):
    """An answer, and what of the manifests could not be read."""

    answer: Answer
    read: flow_scan.Read


def paths(sources: Sequence[str], question: Question, used: Path | None = None) -> Found:
    """Answer a question about the cluster that these manifests make together; `used`: a profile of what is used in it.

    Without manifests it is the cluster of the user's kubeconfig.
    """
    seen = habits_of(used) if used else None
    read = flow_scan.read(sources) if sources else flow_scan.read_live()
    return Found(Answer(Model(Cluster(read.objects)), question, habits=seen), read)


def habits_of(directory: Path) -> habits.Habits:
    """Return what a profile has seen of rights and connections."""
    facts = store.Profile.open(directory).facts().filter(pl.col("verb").is_in(habits.VERBS))
    return habits.Habits(facts.collect())


class Changed(NamedTuple):
    """What a change opens and closes, the cluster after it, and what could not be read."""

    difference: difference.Difference
    before: Answer
    after: Answer
    reads: tuple[flow_scan.Read, ...]


def changed(before: str, after: str, objects: Sequence[str], question: Question) -> Changed:
    """Return which paths a change of manifests opens and closes; `objects`: the cluster that they are put into."""
    reads = tuple(flow_scan.read(sources) for sources in ([before], [after], objects))
    old, new, around = (read.objects for read in reads)
    told = {_key(one) for one in [*old, *new]}
    rest = [one for one in around if _key(one) not in told]
    return between([*rest, *old], [*rest, *new], question)._replace(reads=reads)


def between(before: Sequence[Object], after: Sequence[Object], question: Question) -> Changed:
    """Return which paths are there in one of two clusters only."""
    first, second = (Answer(Model(Cluster(objects)), question) for objects in (before, after))
    return Changed(difference.difference(first, second), first, second, ())


def few(objects: Sequence[Object], question: Question) -> Answer | None:
    """Answer a question about a cluster in passing; None where it is too large for that."""
    if sum(one.kind in WORKLOADS for one in objects) > IN_PASSING:
        return None
    return Answer(Model(Cluster(objects)), question)


def _key(one: Object) -> tuple[str, str, str]:
    return one.kind, namespace_of(one), one.name


def rejects(reads: Iterable[flow_scan.Read]) -> tuple[list[str], int]:
    """Return where and why documents could not be read, the first of them, and how many they are."""
    reads = list(reads)
    shown = [f"{one.file}:{one.line}: {one.reason}" for read in reads for one in read.rejects]
    return shown, sum(read.rejected for read in reads)
