"""The command line's verb for attack paths: how an attacker would get from a foothold to what matters, and what closes it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from plimsoll import cli_unjudged, errors, flow_paths, flow_scan, outputs
from plimsoll.cli_options import Color
from plimsoll.outputs import places, routes, routes_dot, routes_html, routes_ocsf, routes_sarif, routes_table
from plimsoll.paths.answer import Answer, Question

FINDINGS = 1
Form = Literal["table", "json", "dot", "html", "sarif", "ocsf"]

paths_app = App(
    name="paths",
    help="Find how an attacker would get from a foothold to what matters, and the fewest changes that close it.",
    help_epilogue="Example: plimsoll paths ./manifests --from Internet --to Sink:cluster-admin",
)


@paths_app.default
def paths(
    paths: Annotated[
        list[str] | None,
        Parameter(help="Manifests: a file, folder, glob or `-`; all together are one cluster.", negative=()),
    ] = None,
    /,
    *,
    live: Annotated[
        bool, Parameter(help="Look at the cluster of your kubeconfig in place of manifests.", negative=())
    ] = False,
    from_: Annotated[
        list[str] | None,
        Parameter(
            name="--from", help="What the attacker holds: Internet, Container:ns/pod/*, SA:ns/name, …", negative=()
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        Parameter(name="--to", help="What it wants: Sink:cluster-admin, Node:*, Secret:ns/name, …", negative=()),
    ] = None,
    graph: Annotated[bool, Parameter(help="Print the whole graph, not only the paths.", negative=())] = False,
    conditional: Annotated[
        bool, Parameter(help="Count steps too that need what manifests cannot show.", negative=())
    ] = False,
    used: Annotated[
        Path | None,
        Parameter(help="A profile: say which steps are used, and prefer to close what nobody uses.", negative=()),
    ] = None,
    diff: Annotated[
        bool, Parameter(help="Two paths: before and after a change. Say which paths it opens and closes.", negative=())
    ] = False,
    objects: Annotated[
        list[str] | None,
        Parameter(name="--objects", help="With --diff: the cluster that the manifests are put into.", negative=()),
    ] = None,
    fail_on: Annotated[
        Literal["path"] | None, Parameter(help="Exit with 1 where there is a path, or with --diff where one is opened.")
    ] = None,
    output: Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the answer.")] = "table",
    color: Color = "auto",
) -> int:
    """List the paths of an attacker, easiest and most harmful first, and what closes them."""
    asked = Question(tuple(from_ or ()), tuple(to or ()), conditional)
    paths = paths or []
    if bool(paths) == live:
        raise errors.UsageError("paths takes the PATHs of manifests, or --live (plimsoll paths --help)")
    if diff:
        return _changed(paths, objects or [], asked, output, color, fail_on)
    found = flow_paths.paths(paths, asked, used)
    if found.read.objects or output != "table":
        _put(found.answer, output, color, whole=graph)
    return _code([found.read], paths, failing=bool(fail_on and found.answer.routes))


def _changed(
    paths: list[str], objects: list[str], asked: Question, output: Form, color: places.Color, fail_on: str | None
) -> int:
    """Say what a change opens and closes."""
    if len(paths) != 2 or output not in ("table", "json"):
        raise errors.UsageError("--diff takes two paths, before and after, and -o table or json")
    found = flow_paths.changed(paths[0], paths[1], objects, asked)
    told, before, after = found.difference, found.before, found.after
    if output == "json":
        outputs.document("json", routes.changes(told, before, after), sys.stdout)
    elif any(read.objects for read in found.reads):
        sys.stdout.writelines(routes_table.changes(told, before, after, places.of(sys.stdout, color=color)))
    return _code(found.reads, paths, failing=bool(fail_on and told.opened))


def _put(answer: Answer, output: Form, color: places.Color, *, whole: bool) -> None:
    """Write an answer in a form."""
    edges = answer.graph.shown() if whole else answer.steps
    if output == "json":
        outputs.document("json", routes.document(answer, whole=whole), sys.stdout)
    elif output == "dot":
        sys.stdout.writelines(routes_dot.text(edges))
    elif output == "html":
        sys.stdout.writelines(routes_html.text(answer))
    elif output == "sarif":
        sys.stdout.writelines(routes_sarif.text(answer, str(Path.cwd())))
    elif output == "ocsf":
        sys.stdout.writelines(routes_ocsf.text(answer, datetime.now(UTC)))
    else:
        sys.stdout.writelines(routes_table.text(answer, places.of(sys.stdout, color=color)))


def _code(reads: Sequence[flow_scan.Read], paths: Sequence[str], *, failing: bool) -> int:
    """Say what could not be read, and return the exit code."""
    code = cli_unjudged.code(*flow_paths.rejects(reads))
    if not any(read.objects for read in reads):
        return cli_unjudged.nothing(paths or ["the cluster"])
    return FINDINGS if failing else code
