"""The wiring of attack paths: manifests in, ways of an attacker and what closes them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll import flow_scan
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.model import Model
from plimsoll.posture.objects import Cluster


class Found(NamedTuple):
    """An answer, and what of the manifests could not be read."""

    answer: Answer
    read: flow_scan.Read


def paths(sources: Sequence[str], question: Question) -> Found:
    """Answer a question about the cluster that these manifests make together."""
    read = flow_scan.read(sources)
    return Found(Answer(Model(Cluster(read.objects)), question), read)
