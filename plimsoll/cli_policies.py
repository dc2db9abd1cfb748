"""The command line's verbs for network policies: who can reach whom, what a policy would have denied, what a change opens."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import cli_generate, cli_progress, cli_unjudged, errors, flow_policies, outputs
from plimsoll.cli_options import Color
from plimsoll.outputs import places, plain, table
from plimsoll.policies import amendment
from plimsoll.policies import connectivity as connectivity_lines
from plimsoll.policies import replay as denials
from plimsoll.policies.addresses import Family
from plimsoll.policies.network import IpBlocks
from plimsoll.policies.workloads import HostNetwork

OK, FINDINGS, INCOMPLETE = 0, 1, 3
Source = Annotated[
    list[str], Parameter(help="Flows: a file, folder, glob, `-` or URL; gzip and zstd by content.", negative=())
]
Manifests = Annotated[
    list[str],
    Parameter(help="Manifests: a file, folder, glob or `-`; all together are one cluster.", negative=()),
]
IpBlock = Annotated[
    IpBlocks, Parameter(name="--ipblock", help="Whether an ipBlock covers pods' addresses too, or only the outside.")
]
HostNet = Annotated[
    HostNetwork, Parameter(help="Whether policies treat pods in their nodes' network as other pods or as nodes.")
]
Objects = Annotated[list[str], Parameter(name="--objects", help="Manifests or a watch stream.", negative=())]
From = Annotated[str | None, Parameter(name="--from", help="Format of the sources, where content does not tell.")]
Form = Literal["table", "csv", "json", "jsonl"]
Output = Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the answer.")]

policies_app = App(
    name="policies",
    help="Network policies: who can reach whom, what they would have denied, what a change opens or closes.",
    help_epilogue="Example: plimsoll policies connectivity ./manifests -o csv",
)
policies_app.command(
    cli_generate.generate,
    help_epilogue="Example: plimsoll policies generate conntrack.log --objects watch.jsonl -o policies",
)
_SHOWN = 12


@policies_app.command(help_epilogue="Example: plimsoll policies connectivity ./manifests -o csv")
def connectivity(
    paths: Manifests,
    /,
    *,
    ipblock: IpBlock = "external-only",
    host_network: HostNet = "pods",
    family: Annotated[Family, Parameter(help="Addresses of the outside that are listed.")] = "ipv4",
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """List who can reach whom, on which ports; who may not has no line."""
    with cli_progress.doing(color) as progress:
        found = flow_policies.connectivity_of(
            paths, ip_blocks=ipblock, host_network=host_network, family=family, progress=progress
        )
    rows = [line.as_row() for line in found.lines]
    several = any(line.network != connectivity_lines.POD_NETWORK for line in found.lines)
    columns = ("src", "dst", "conn", *(("network",) if several else ()))
    _put(output, rows, columns, "Nobody can reach anybody." if found.objects else "", color)
    return _code(found, [] if found.objects else paths)


@policies_app.command(
    help_epilogue="Example: plimsoll policies replay flows.jsonl --policies ./policies --objects cluster.yaml"
)
def replay(
    sources: Source,
    /,
    *,
    policies: Annotated[
        list[str], Parameter(name="--policies", help="Policies to be asked, and no others: a folder.", negative=())
    ],
    objects: Objects,
    ipblock: IpBlock = "external-only",
    from_: From = None,
    rejects: Annotated[
        Path | None, Parameter(name="--rejects", help="File for the records that could not be read.")
    ] = None,
    propose: Annotated[
        bool, Parameter(help="Write a diff that allows what recurs and looks like no attack.", negative=())
    ] = False,
    fail_on: Annotated[Literal["denied"] | None, Parameter(help="Exit with 1 where a flow would be denied.")] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Say which recorded flows these policies would have denied, who denies them and which rule is missing."""
    if propose and output not in ("table", "json"):
        raise errors.UsageError(f"--propose writes a diff, or with -o json a document: not {output}")
    with cli_progress.reading(color) as progress:
        found = flow_policies.replay_of(
            sources, policies, objects, form=from_, ip_blocks=ipblock, propose=propose, progress=progress
        )
    rows = [one.as_row() for one in found.told.denied]
    given = {"--policies": found.policies, "--objects": found.objects}
    empty = [option for option, objects in given.items() if not objects]
    if output == "json":
        outputs.document("json", _whole(found, rows), sys.stdout)
    elif found.proposal is not None:
        _propose(found, found.proposal)
    else:
        columns = ("src", "dst", "protocol", "port", "count", "why")
        _put(output, rows, columns, "" if empty else "No flow would have been denied.", color)
    if output == "table" and not empty:
        print(_summary(found.told), file=sys.stderr if propose else sys.stdout)
    if found.rejects.total:
        print(f"plimsoll: {found.rejects.summary()}", file=sys.stderr)
        if rejects:
            found.rejects.write(rejects)
    for why, count in found.told.unjudged.items():
        print(f"plimsoll: {count:,} flows not judged: {plain.shown(why)}", file=sys.stderr)
    code = _code(found, empty)
    if fail_on and rows:
        return FINDINGS
    return INCOMPLETE if found.rejects.total or found.told.unjudged else code


def _whole(found: flow_policies.Replayed, rows: list[dict[str, object]]) -> dict[str, object]:
    told = found.told
    flows = {"allowed": told.allowed, "denied": sum(one.times for one in told.denied), "unjudged": told.unjudged}
    whole = {"input": {"accepted": found.accepted, "rejected": found.rejects.total}, "flows": flows, "denied": rows}
    if found.proposal is None:
        return whole
    wanted = [one.as_row() for one in found.proposal.wanted]
    return {**whole, "proposal": {"files": dict(found.proposal.files), "wanted": wanted, "proven": found.proven}}


def _propose(found: flow_policies.Replayed, proposal: amendment.Proposal) -> None:
    """Write the amendment for `git apply`, and beside it what it is for and what is left out."""
    sys.stdout.write(amendment.diff(proposal.files))
    taken = [one for one in proposal.wanted if not one.doubt]
    left = [one for one in proposal.wanted if one.doubt]
    lines = [f"not proposed: {one.src} to {one.dst}, {one.protocol} {one.port}: {one.doubt}" for one in left[:_SHOWN]]
    lines += [f"… and {len(left) - _SHOWN:,} more; -o json has them all"] if len(left) > _SHOWN else []
    times = sum(one.times for one in taken)
    lines.append(
        f"{len(proposal.files):,} policies for {times:,} denied connections: with them {found.proven:,} are allowed."
        if proposal.files
        else "Nothing is proposed."
    )
    for line in lines:
        print(plain.shown(line), file=sys.stderr)


def _summary(told: denials.Replayed) -> str:
    denied = sum(one.times for one in told.denied)
    return f"{told.allowed:,} flows allowed, {denied:,} denied, {sum(told.unjudged.values()):,} not judged."


@policies_app.command(help_epilogue="Example: plimsoll policies diff ./main ./branch --fail-on opened")
def diff(
    before: Annotated[str, Parameter(help="Manifests before the change.")],
    after: Annotated[str, Parameter(help="Manifests after it.")],
    /,
    *,
    objects: Annotated[
        list[str] | None,
        Parameter(name="--objects", help="Manifests that are there both times: workloads, namespaces.", negative=()),
    ] = None,
    ipblock: IpBlock = "external-only",
    host_network: HostNet = "pods",
    fail_on: Annotated[
        Literal["opened", "closed", "any"] | None, Parameter(help="Exit with 1 where a change opens or closes a port.")
    ] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Say which connections a change of manifests opens, and which it closes."""
    with cli_progress.doing(color) as progress:
        found = flow_policies.difference_of(
            before, after, objects or [], ip_blocks=ipblock, host_network=host_network, progress=progress
        )
    rows = [one.as_row() for one in found.changes]
    none = "Everybody reaches whom they reached." if found.objects else ""
    _put(output, rows, ("src", "dst", "opened", "closed", "why"), none, color)
    code = _code(found, [] if found.objects else [before, after])
    opened, closed = (any(row[key] for row in rows) for key in ("opened", "closed"))
    failing = {"opened": opened, "closed": closed, "any": opened or closed}
    return FINDINGS if fail_on and failing[fail_on] else code


def _put(
    output: Form, rows: Sequence[Mapping[str, object]], columns: Sequence[str], none: str, color: places.Color
) -> None:
    """Write rows: these columns of them for people and spreadsheets, all else for programs."""
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    elif output == "json":
        outputs.document("json", list(rows), sys.stdout)
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([plain.shown(row[column]) for column in columns] for row in rows)
    elif rows or none:
        texts = [[plain.text(row[column]) for column in columns] for row in rows]
        table.show([table.Column(one.upper()) for one in columns], texts, sys.stdout, none=none, color=color)


def _code(found: flow_policies.Found | flow_policies.Replayed | flow_policies.Difference, empty: Sequence[str]) -> int:
    """Say what could not be judged, and what held nothing to judge; return the exit code for it."""
    code = cli_unjudged.code(found.problems, found.unread)
    return cli_unjudged.nothing(empty) if empty else code
