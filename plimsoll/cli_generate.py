"""The command line's verb for generated policies: from recorded flows to NetworkPolicies, and how far to trust them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from plimsoll import cli_progress, cli_unjudged, flow_generate, outputs
from plimsoll.cli_options import Color
from plimsoll.outputs import places, table
from plimsoll.policies import confidence, drafts, kinds, replay

OK, INCOMPLETE = 0, 3
_MOST, _NAMED = 20, 8


def generate(
    sources: Annotated[
        list[str], Parameter(help="Flows: a file, folder, glob, `-` or URL; gzip and zstd by content.", negative=())
    ],
    /,
    *,
    objects: Annotated[list[str], Parameter(name="--objects", help="Manifests or a watch stream.", negative=())],
    directory: Annotated[Path, Parameter(name=["--output", "-o"], help="Folder for the policies.")],
    kind: Annotated[kinds.Name, Parameter(help="What the policies are written as.")] = "networkpolicy",
    engine: Annotated[Literal["polars", "duckdb", "spark"], Parameter(help="Where the edges are added up.")] = "polars",
    add: Annotated[
        bool, Parameter(help="Add to what the folder's policies were made from, instead of starting anew.", negative=())
    ] = False,
    from_: Annotated[
        str | None, Parameter(name="--from", help="Format of the sources, where content does not tell.")
    ] = None,
    rejects: Annotated[
        Path | None, Parameter(name="--rejects", help="File for the records that could not be read.")
    ] = None,
    report: Annotated[
        Literal["table", "json", "jsonl"], Parameter(help="Form of what is said of the policies.")
    ] = "table",
    color: Color = "auto",
) -> int:
    """Write network policies that allow what these flows show, and nothing else."""
    with cli_progress.reading(color) as progress:
        found = flow_generate.run(
            sources, objects, directory, form=from_, add=add, kind=kind, engine=engine, progress=progress
        )
    if report == "jsonl":
        outputs.write("jsonl", (one._asdict() for one in found.known), sys.stdout)
    elif report == "json":
        outputs.document("json", _document(found), sys.stdout)
    else:
        _show(found, kind, directory, color)
    return _leftover(found, rejects)


def _document(found: flow_generate.Outcome) -> dict[str, object]:
    intake, generated = found.intake, found.generated
    return {
        "input": {"accepted": intake.accepted, "rejected": intake.rejects.total},
        "files": [*found.files],
        "namespaces": [*generated.namespaces],
        "never_seen": [str(key) for key in generated.unseen],
        "on_host": [str(key) for key in generated.on_host],
        "unattributed": generated.unattributed,
        "score": {**found.score._asdict(), "closed": found.score.closed},
        "replayed": _replayed(found.replayed),
        "workloads": [one._asdict() for one in found.known],
        "rollout": [step._asdict() for step in confidence.steps(generated, found.known)],
    }


def _replayed(told: replay.Replayed | None) -> dict[str, object] | None:
    if told is None:
        return None
    return {"allowed": told.allowed, "denied": [one.as_row() for one in told.denied], "unjudged": told.unjudged}


def _show(found: flow_generate.Outcome, kind: kinds.Name, directory: Path, color: places.Color) -> None:
    known = found.known
    if not found.generated.policies:
        print(_none(found))
        return
    columns = [table.Column("WORKLOAD"), table.Column("STATE"), table.Column("CONNECTIONS", "right")]
    columns += [table.Column("EDGES", "right"), table.Column("DAYS", "right"), table.Column("WHY")]
    unsure = [one for one in known if one.state != "mature"]
    texts = [
        [one.workload, one.state, f"{one.connections:,}", f"{one.edges:,}", f"{one.days:,}", one.sentence]
        for one in unsure[:_MOST]
    ]
    table.show(columns, texts, sys.stdout, none="Every workload has been seen long enough.", color=color)
    print(_told(found, unsure, kind, directory))


def _told(found: flow_generate.Outcome, unsure: list[confidence.Confidence], kind: kinds.Name, directory: Path) -> str:
    """Say in words what was written, and what to do with it."""
    generated, score = found.generated, found.score
    lines = [
        f"… and {len(unsure) - _MOST:,} more" if len(unsure) > _MOST else "",
        f"{len(found.files):,} files in {directory}: {len(generated.policies):,} policies.",
        f"{len(generated.namespaces):,} namespaces are closed by default.",
        f"Open: {score.allowed:,} of {score.possible:,} pairs of workloads and ports; {score.seen:,} were seen.",
        f"Closed is {score.closed:.1%} of what nobody needed.",
        _proof(found),
        kinds.KINDS[kind].unsaid,
        *_unseen(generated),
        f"{len(generated.on_host):,} are in their node's network: most network plugins do not rule them."
        if generated.on_host
        else "",
        f"{generated.unattributed:,} connections are left out: no pod had their address then."
        if generated.unattributed
        else "",
        *_rollout(found, len(unsure)),
    ]
    return "\n".join(filter(None, lines))


def _none(found: flow_generate.Outcome) -> str:
    """Say why there are no policies; what an earlier run wrote is left as it is."""
    if not found.connections:
        return f"No connection is told by {found.intake.accepted:,} records: nothing was written."
    return (
        "None of the connections has an end that --objects knows: nothing was written. Policies select pods by their "
        "labels, as `kubectl get pods,services,nodes,endpoints,deployments -A -o json` or a recorded watch tell them."
    )


def _unseen(generated: drafts.Generated) -> Iterator[str]:
    closed = sum(key.namespace in generated.namespaces for key in generated.unseen)
    if closed:
        yield f"{closed:,} workloads were never seen: the default of their namespace closes them."
    if left := len(generated.unseen) - closed:
        yield f"{left:,} workloads are in namespaces of which nothing was seen: those stay open."


def _proof(found: flow_generate.Outcome) -> str:
    """Say what the files, read back, allow of what they were made from."""
    told = found.replayed
    if told is None:
        return "These policies are not replayed: prove them where they are applied."
    denied = sum(one.times for one in told.denied)
    spoken = f"Replayed against the files: {told.allowed:,} connections allowed, {denied:,} denied"
    unjudged = sum(told.unjudged.values())
    return f"{spoken}, {unjudged:,} cannot be judged." if unjudged else f"{spoken}."


def _rollout(found: flow_generate.Outcome, unsure: int) -> Iterator[str]:
    """Say what can be applied, and what is to be looked at first."""
    steps = confidence.steps(found.generated, found.known)
    ready = [step.namespace for step in steps if not step.waiting]
    waiting = [f"{step.namespace} ({len(step.waiting):,})" for step in steps if step.waiting]
    if ready:
        yield f"Ready to be applied: {_some(ready)}."
    if waiting:
        yield f"Not yet seen long enough, with how many workloads: {_some(waiting)}."
    if unsure:
        yield "Look at fresh flows with `plimsoll policies replay` before they are applied."


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:_NAMED], *([f"{len(names) - _NAMED:,} more"] if len(names) > _NAMED else [])])


def _leftover(found: flow_generate.Outcome, rejects: Path | None) -> int:
    """Say what could not be read, and return the exit code for it."""
    intake = found.intake
    if intake.objects_rejected:
        told = f"{intake.objects_rejected:,} documents of --objects set aside; the first is {intake.first}"
        print(f"plimsoll: {''.join(char if char.isprintable() else '?' for char in told)}", file=sys.stderr)
    if intake.rejects.total:
        print(f"plimsoll: {intake.rejects.summary()}", file=sys.stderr)
        if rejects:
            intake.rejects.write(rejects)
    if not intake.objects:
        return cli_unjudged.nothing(["--objects"])
    return INCOMPLETE if intake.rejects.total or intake.objects_rejected else OK
