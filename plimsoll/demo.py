"""The whole idea on one screen: learn a recorded cluster, judge what came after, say why."""

from __future__ import annotations

import datetime as dt
import importlib.resources
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TextIO

import msgspec
import polars as pl

from plimsoll import flow, flow_generate, flow_paths, flow_policies, flow_profile, flow_triage, outputs
from plimsoll.outputs import places, routes_table
from plimsoll.paths.answer import Question

TOLD = 5
"""Alerts shown with their reasons."""
EXAMPLE = "sa:ci/ci-deployer"
EXAMPLE_VERBS = ("request", "within", "from", "agent")
SERVER = "shop/StatefulSet/redis:redis"
CASES = 5
"""Cases shown."""
DATABASE = "*redis-cart*.yaml"
SERVER_VERBS = ("exec", "listen", "write", "accept")


def tell(stream: TextIO, *, color: places.Color = "auto") -> None:
    """Tell the story; the profile it makes goes away with it."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-demo-") as folder, recordings() as place:
        made = Path(folder)
        _learn(place, made / "profile", stream)
        alerts = _judge(place, made / "profile", stream, color)
        _learn_servers(place, made / "servers", stream)
        alerts += _judge_servers(place, made / "servers", stream, color)
        _triage(alerts, made, stream)
        _policies(place, made / "policies", stream)
        _paths(place, stream, color)
    stream.write(
        "\nWhat to do\n"
        "  Learn your own cluster:  plimsoll learn /var/log/kubernetes/audit.log --profile ./profile\n"
        "  Judge what comes next:   plimsoll detect audit.log --profile ./profile --budget 5\n"
        "  Accept what is right:    plimsoll profile approve SUBJECT --verb … --object … --profile ./profile\n"
        "  Answer cases, not lines: plimsoll triage run alerts.jsonl --state ./triage\n"
        "  Watch your containers:   plimsoll sensor run --profile /var/lib/plimsoll\n"
        "  Close what nobody needs: plimsoll policies generate flows.log --objects cluster.yaml -o ./policies\n"
        "  See an attacker's ways:  plimsoll paths cluster.yaml; plimsoll scan cluster.yaml\n"
    )


def recordings() -> AbstractContextManager[Path]:
    """Give the folder of the bundled recordings."""
    return importlib.resources.as_file(importlib.resources.files("plimsoll") / "recordings")


def _learn(place: Path, profile: Path, stream: TextIO) -> None:
    stream.write("Learning 28 minutes of a real cluster's audit log …\n")
    stream.flush()
    learned = flow.learn([str(place / "audit-learn.jsonl.zst")], profile)
    known = flow_profile.known(profile)
    each, pooled = flow.matured(known)
    stream.write(
        f"  {learned.intake.accepted:,} requests became {known.height:,} facts about {each.height} identities. {pooled.state.capitalize()}: {pooled.sentence}.\n"
    )
    _tell_of(known, EXAMPLE, "a CI deployer", EXAMPLE_VERBS, stream)


def _tell_of(known: pl.DataFrame, subject: str, who: str, verbs: Sequence[str], stream: TextIO) -> None:
    stream.write(f"\n  What it learned of {subject}, {who}:\n")
    stream.writelines(f"    {verb:<8} {', '.join(_usual(known, subject, verb))}\n" for verb in verbs)


def _usual(known: pl.DataFrame, subject: str, verb: str) -> Sequence[str]:
    own = known.filter((pl.col("subject") == subject) & (pl.col("verb") == verb))
    counts = own.group_by("object").agg(pl.col("count").sum()).sort(pl.col("count").neg(), "object").head(4)
    return [f"{shown} ({count:,}×)" for shown, count in counts.iter_rows()]


def _judge(place: Path, profile: Path, stream: TextIO, color: places.Color) -> list[Mapping[str, object]]:
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
    return list(found.alerts)


def _learn_servers(place: Path, profile: Path, stream: TextIO) -> None:
    stream.write("\nAnd the same for what runs in containers: learning a minute and a half of five real servers …\n")
    stream.flush()
    learned = flow.learn([str(place / "activity-learn.jsonl.zst")], profile)
    known = flow_profile.known(profile)
    stream.write(f"  {learned.intake.accepted:,} events of the node sensor became {known.height:,} facts.\n")
    _tell_of(known, SERVER, "a database", SERVER_VERBS, stream)


def _judge_servers(place: Path, profile: Path, stream: TextIO, color: places.Color) -> list[Mapping[str, object]]:
    stream.write("\nJudging the minutes after: the same work, a rollout, and ten attacks …\n\n")
    stream.flush()
    found = flow.detect([str(place / "activity-judge.jsonl.zst")], profile)
    told = next((alert for alert in found.alerts if alert["subject"] == SERVER), None)
    outputs.write("table", [told] if told else [], stream, color=color)
    stream.write("\nAnd the others, by server:\n")
    others = Counter(f"{alert['severity']!s:<9}{alert['title']}" for alert in found.alerts if alert is not told)
    stream.writelines(f"  {title}{f' ({count}×)' if count > 1 else ''}\n" for title, count in others.items())
    stream.write(
        f"\n{found.intake.accepted:,} events, {len(found.alerts)} alerts: no rule was written for any of them.\n"
    )
    return list(found.alerts)


def _triage(alerts: Sequence[Mapping[str, object]], made: Path, stream: TextIO) -> None:
    file, state = made / "alerts.jsonl", made / "triage"
    with file.open("w") as lines:
        outputs.write("jsonl", alerts, lines)
    now = max(str(alert["time"]) for alert in alerts)
    told = list(flow_triage.Run([str(file)], state, [], msgspec.convert(now, dt.datetime)))
    waiting = flow_triage.waiting(state)
    stream.write(
        f"\nAs cases: {len(told)} alerts are {len(waiting)} questions to a person; answered as benign they go quiet, "
        "within a measured bound on what that may hide. The most pressing:\n"
    )
    cases = [one.case for one in waiting[:CASES]]
    stream.writelines(f"  {one.severity:<9}{one.title} at {one.workload} ({one.count}×)\n" for one in cases)


def _policies(place: Path, folder: Path, stream: TextIO) -> None:
    stream.write("\nThree minutes of connections of another app become the least that allows them …\n")
    stream.flush()
    objects = [str(place / "flows-objects.jsonl.zst")]
    found = flow_generate.run([str(place / "flows-learn.log.zst")], objects, folder, form=None, progress=flow.quiet)
    score = found.score
    stream.write(
        f"  {found.connections:,} connections: {len(found.generated.policies)} NetworkPolicies, "
        f"{len(found.generated.namespaces)} namespaces closed by default, "
        f"{score.allowed} of {score.possible} pairs of workloads and ports open, {score.seen} seen.\n"
    )
    after = flow_policies.replay_of(
        [str(place / "flows-after.log.zst")], [str(folder)], objects, progress=flow.quiet
    ).told
    stream.write(
        f"  Of the {after.allowed + len(after.denied):,} of the minute after they would have denied {len(after.denied)}. "
        "For the cart's database:\n\n"
    )
    text = next(folder.rglob(DATABASE)).read_text().splitlines()
    stream.writelines(f"    {line}\n" for line in text[text.index("  ingress:") :])


def _paths(place: Path, stream: TextIO, color: places.Color) -> None:
    stream.write("\nAnd the shop's manifests, as an attacker reads them:\n\n")
    stream.flush()
    asked = Question(("Internet",), ("Sink:cluster-admin",))
    found = flow_paths.paths([str(place / "shop.yaml")], asked).answer
    stream.writelines(routes_table.text(found, places.of(stream, color=color), most=1, most_cuts=2))
