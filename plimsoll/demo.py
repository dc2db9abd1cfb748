"""The whole idea on one screen: learn a recorded cluster, judge what came after, say why."""

from __future__ import annotations

import importlib.resources
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import polars as pl

from plimsoll import flow, outputs
from plimsoll.outputs import places

TOLD = 5
"""Alerts shown with their reasons."""
EXAMPLE = "sa:ci/ci-deployer"
EXAMPLE_VERBS = ("request", "within", "from", "agent")


def tell(stream: TextIO, *, color: places.Color = "auto") -> None:
    """Tell the story; the profile it makes goes away with it."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-demo-") as folder, recordings() as place:
        profile = Path(folder) / "profile"
        _learn(place, profile, stream)
        _judge(place, profile, stream, color)
    stream.write(
        "\nWhat to do\n"
        "  Learn your own cluster:  plimsoll learn /var/log/kubernetes/audit.log --profile ./profile\n"
        "  Judge what comes next:   plimsoll detect audit.log --profile ./profile --budget 5\n"
        "  See what it knows:       plimsoll profile list --profile ./profile\n"
        "  Accept what is right:    plimsoll profile approve SUBJECT --verb … --object … --profile ./profile\n"
    )


def recordings() -> AbstractContextManager[Path]:
    """Give the folder of the bundled recordings."""
    return importlib.resources.as_file(importlib.resources.files("plimsoll") / "recordings")


def _learn(place: Path, profile: Path, stream: TextIO) -> None:
    stream.write("Learning 28 minutes of a real cluster's audit log …\n")
    stream.flush()
    learned = flow.learn([str(place / "audit-learn.jsonl.zst")], profile)
    known = flow.known(profile)
    each, pooled = flow.matured(known)
    stream.write(
        f"  {learned.intake.accepted:,} requests became {known.height:,} facts about {each.height} identities. {pooled.state.capitalize()}: {pooled.sentence}.\n"
    )
    stream.write(f"\n  What it learned of {EXAMPLE}, a CI deployer:\n")
    stream.writelines(f"    {verb:<8} {', '.join(_usual(known, verb))}\n" for verb in EXAMPLE_VERBS)


def _usual(known: pl.DataFrame, verb: str) -> Sequence[str]:
    own = known.filter((pl.col("subject") == EXAMPLE) & (pl.col("verb") == verb))
    counts = own.group_by("object").agg(pl.col("count").sum()).sort(pl.col("count").neg(), "object").head(4)
    return [f"{shown} ({count:,}×)" for shown, count in counts.iter_rows()]


def _judge(place: Path, profile: Path, stream: TextIO, color: places.Color) -> None:
    stream.write("\nJudging the 24 minutes that came after: the same habits, planned changes, and attacks …\n\n")
    stream.flush()
    found = flow.detect([str(place / "audit-judge.jsonl.zst")], profile, budget=5)
    outputs.write("table", found.alerts[:TOLD], stream, color=color)
    rest = found.alerts[TOLD:]
    if rest:
        stream.write(f"\nAnd {len(rest)} more alerts, why and all with `plimsoll detect`:\n")
        stream.writelines(f"  {alert['severity']!s:<9}{alert['title']}\n" for alert in rest)
    stream.write(
        f"\n{found.intake.accepted:,} requests, {len(found.alerts)} alerts: nobody wrote a rule for any of them.\n"
    )
