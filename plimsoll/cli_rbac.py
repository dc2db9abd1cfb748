"""The command line's verbs for rights and credentials: what is granted against what is used, and by what."""

from __future__ import annotations

import datetime as dt
import difflib
import fnmatch
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from cyclopts import App, Parameter

from plimsoll import cli_progress, errors, flow_audit, outputs
from plimsoll.cli_options import Color
from plimsoll.outputs import places, table, yaml_document
from plimsoll.policies import role
from plimsoll.rbac import credentials as kept
from plimsoll.rbac import sized
from plimsoll.rbac.usage import Grant
from plimsoll.sources import records

OK, INCOMPLETE, DEGRADED = 0, 3, 4
Source = Annotated[
    list[str], Parameter(help="Audit logs: a file, folder, glob, `-` or URL; gzip and zstd by content.", negative=())
]
Objects = Annotated[list[str], Parameter(name="--objects", help="Manifests or a watch stream.", negative=())]
From = Annotated[str | None, Parameter(name="--from", help="Format of the sources, where content does not tell.")]
Rejected = Annotated[Path | None, Parameter(name="--rejects", help="File for the records that could not be read.")]
Since = Annotated[str | None, Parameter(help="Look only at what happened from this moment on: 2026-11-01, or a time.")]
Days = Annotated[int | None, Parameter(help="Look only at the last days of the log.")]

rbac_app = App(
    name="rbac",
    help="Rights that are granted against those that are used, and the credentials that use them.",
    help_epilogue="Example: plimsoll rbac usage audit.log --objects cluster.yaml",
)


@rbac_app.command(name="usage", help_epilogue="Example: plimsoll rbac usage audit.log --objects cluster.yaml -o yaml")
def usage_verb(
    sources: Source,
    /,
    *,
    objects: Objects,
    role_glob: Annotated[str | None, Parameter(name="--role", help="Only roles whose name this glob means.")] = None,
    since: Since = None,
    days: Days = None,
    system: Annotated[bool, Parameter(negative=(), help="Also what the API server itself brings along.")] = False,
    names: Annotated[
        sized.Names, Parameter(help="Where right-sized rules name objects: as granted, for secrets too, or all.")
    ] = "granted",
    from_: From = None,
    rejects: Rejected = None,
    output: Annotated[
        Literal["table", "json", "jsonl", "yaml", "diff"],
        Parameter(name=["--output", "-o"], help="Form of the answer: `yaml` and `diff` are right-sized Roles."),
    ] = "table",
    color: Color = "auto",
) -> int:
    """Say of each binding what it grants, what of that was used, and what Role would be enough."""
    if days is not None and days < 1:
        raise errors.UsageError(f"--days is a number of days from 1, not {days}")
    begin = None if since is None else moment(since)
    with cli_progress.reading(color) as progress:
        found = flow_audit.usage_of(sources, objects, form=from_, since=begin, days=days, progress=progress)
    chosen = [grant for grant in found.report.grants if _wanted(grant, role_glob, system=system)]
    _put(output, found, chosen, names, color)
    return _leftover(found, rejects)


@rbac_app.command(help_epilogue="Example: plimsoll rbac credentials audit.log --objects cluster.yaml --days 90")
def credentials(
    sources: Source,
    /,
    *,
    objects: Annotated[
        list[str] | None,
        Parameter(name="--objects", help="Manifests or a watch stream: Secrets and pods.", negative=()),
    ] = None,
    days: Annotated[int, Parameter(help="Days without use after which a credential is dormant.")] = 30,
    from_: From = None,
    rejects: Rejected = None,
    output: Annotated[
        Literal["table", "json", "jsonl", "yaml"], Parameter(name=["--output", "-o"], help="Form of the answer.")
    ] = "table",
    color: Color = "auto",
) -> int:
    """List credentials that are dormant, never expire, are beyond RBAC or were handed out by hand."""
    if days < 1:
        raise errors.UsageError(f"--days is a number of days from 1, not {days}")
    with cli_progress.reading(color) as progress:
        found, forgone, intake = flow_audit.credentials_of(
            sources, objects or [], form=from_, days=days, progress=progress
        )
    rows = [{**one._asdict(), "first": _time(one.first), "last": _time(one.last)} for one in found]
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    elif output == "table":
        _show_credentials(found, color)
    else:
        taken = {"accepted": intake.accepted, "rejected": intake.rejects.total}
        outputs.document(output, {"input": taken, "findings": rows}, sys.stdout)
    return _incomplete(intake, forgone, rejects)


def _show_credentials(found: Sequence[kept.Finding], color: places.Color) -> None:
    columns = [table.Column(title) for title in ("SEVERITY", "FINDING", "SUBJECT", "KIND", "CREDENTIAL")]
    columns += [table.Column("REQUESTS", "right"), table.Column("LAST"), table.Column("WHY")]
    texts = [
        [
            one.severity,
            one.finding,
            one.subject,
            one.kind,
            one.credential,
            f"{one.requests:,}",
            _minute(one.last),
            one.why,
        ]
        for one in found
    ]
    table.show(columns, texts, sys.stdout, none="No credential to speak of.", color=color)


def _minute(microseconds: int | None) -> str:
    told = _time(microseconds)
    return f"{told:%Y-%m-%d %H:%M}" if told else ""


def moment(text: str) -> int:
    """Return a moment in microseconds; without a zone it is UTC.

    >>> moment("1970-01-02"), moment("1970-01-01T00:00:01+00:00")
    (86400000000, 1000000)
    """
    try:
        told = dt.datetime.fromisoformat(text)
    except ValueError:
        raise errors.UsageError(f"{text[:40]!r} is no moment; write 2026-11-01 or 2026-11-01T12:00:00Z") from None
    return records.microseconds(told if told.tzinfo else told.replace(tzinfo=dt.UTC))


def _wanted(grant: Grant, role_glob: str | None, *, system: bool) -> bool:
    if role_glob is not None:
        return fnmatch.fnmatchcase(grant.binding.role, role_glob)
    return system or not (grant.binding.builtin or grant.binding.name.startswith("system:"))


def _put(
    output: str, found: flow_audit.Found, chosen: Sequence[Grant], names: sized.Names, color: places.Color
) -> None:
    if output == "jsonl":
        outputs.write("jsonl", (_row(grant) for grant in chosen), sys.stdout)
    elif output == "yaml":
        for document in sized.documents(sized.sized(chosen, names)):
            print(f"---\n{yaml_document.document(document)}", end="")
    elif output == "diff":
        print("".join(line for grant in chosen for line in _difference(grant, names)), end="")
    elif output == "json":
        outputs.document("json", {**_summary(found), "grants": [_row(grant) for grant in chosen]}, sys.stdout)
    else:
        _show(found, chosen, color)


def _summary(found: flow_audit.Found) -> dict[str, Any]:
    return {
        "input": {"accepted": found.intake.accepted, "rejected": found.intake.rejects.total},
        "days": len(found.used.days),
        "beyond_rbac": found.used.beyond.to_dicts(),
        "unexplained": found.report.unexplained,
    }


def _row(grant: Grant) -> dict[str, Any]:
    """Return a grant as `-o json` prints it."""
    binding = grant.binding
    return {
        "binding": sized.binding_text(grant),
        "role": f"{binding.role_kind}/{binding.role}",
        "namespace": binding.namespace,
        "subject": grant.subject,
        "state": grant.state,
        "granted": None if binding.rules is None else [rule.as_document() for rule in binding.rules],
        "used": [{**act._asdict(), "names": [*act.names], "last": _time(act.last)} for act in grant.acts],
        "unused": [*grant.unused],
        "wildcards": [{"granted": cell, "used": [*texts]} for cell, texts in grant.wide],
        "not_granted_now": [*grant.outgrown],
        "requests": grant.requests,
        "last": _time(grant.last),
        "confidence": {
            "next_request": grant.maturity.bound,
            "tomorrow": grant.tomorrow,
            "sentence": _sentence(grant),
        },
    }


def _time(microseconds: int | None) -> dt.datetime | None:
    return None if microseconds is None else records.EPOCH + dt.timedelta(microseconds=microseconds)


def _sentence(grant: Grant) -> str:
    """Say how sure it is that what was not used is not needed."""
    ahead = f"a need tomorrow that was not seen has a chance of at most {grant.tomorrow:.0%}"
    return f"{grant.maturity.sentence}; {ahead}" if grant.acts else f"never used; {ahead}"


def _show(found: flow_audit.Found, chosen: Sequence[Grant], color: places.Color) -> None:
    columns = [
        *(table.Column(title) for title in ("BINDING", "ROLE", "SUBJECT", "STATE")),
        *(table.Column(title, "right") for title in ("GRANTED", "USED", "REQUESTS", "TOMORROW")),
        table.Column("LAST"),
    ]
    texts = [
        [
            sized.binding_text(grant),
            f"{grant.binding.role_kind}/{grant.binding.role}",
            grant.subject,
            grant.state,
            "?" if grant.binding.rules is None else f"{grant.granted_count:,}{'*' * bool(grant.wide)}",
            f"{grant.used_count:,}",
            f"{grant.requests:,}",
            f"≤ {grant.tomorrow:.0%}",
            _minute(grant.last),
        ]
        for grant in chosen
    ]
    table.show(columns, texts, sys.stdout, none="No binding is granted or used.", color=color)
    print(_told(found, chosen))


def _told(found: flow_audit.Found, chosen: Sequence[Grant]) -> str:
    """Say in words what the table shows, and what it cannot."""
    idle = sum(grant.state == "unused" for grant in chosen)
    seen = len(found.used.days)
    beyond = found.used.beyond.group_by("why").agg(pl.col("count").sum()).sort("why")
    others = "; ".join(
        f"{count:,} by {why}" if why != "refused" else f"{count:,} refused" for why, count in beyond.rows()
    )
    lines = [
        f"{len(chosen):,} grants, {idle:,} of them not used in {seen} day{'s' * (seen != 1)} of log.",
        "GRANTED and USED count verb and resource pairs; * = wildcards in use; TOMORROW = chance that something not seen is needed.",
        f"Beyond RBAC: {others}." if others else "",
        f"{found.report.unexplained:,} requests no binding of --objects explains." if found.report.unexplained else "",
        "Right-sized Roles: -o yaml; what they take away: -o diff.",
    ]
    return "\n".join(filter(None, lines))


def _difference(grant: Grant, names: sized.Names) -> Iterator[str]:
    """Yield what right-sizing changes in the rules of a grant, as a unified diff."""
    name = f"{sized.binding_text(grant)} of {grant.binding.role_kind}/{grant.binding.role} to {grant.subject}"
    before = [] if grant.binding.rules is None else [rule.as_document() for rule in grant.binding.rules]
    after = sized.sized([grant], names)
    wanted = [line for one in after for line in _lines(one, grant)]
    granted = _yaml_lines(before)
    yield from difflib.unified_diff(granted, wanted, f"granted: {_plain(name)}", f"used: {_plain(name)}", n=2)


def _lines(one: sized.Sized, grant: Grant) -> list[str]:
    """Return the rules of a place, under its name where the grant was for more than it."""
    rules = _yaml_lines([rule.as_document() for rule in one.rules])
    where = "the cluster" if one.place == role.CLUSTER else f"namespace {one.place}"
    return rules if one.place == (grant.binding.namespace or role.CLUSTER) else [f"# in {where}\n", *rules]


def _yaml_lines(rules: list[dict[str, object]]) -> list[str]:
    return yaml_document.document(rules).splitlines(keepends=True) if rules else []


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _leftover(found: flow_audit.Found, rejects: Path | None) -> int:
    """Say what could not be judged, and return the exit code for it."""
    code = _incomplete(found.intake, found.used.forgone, rejects)
    unknown = found.used.unknown
    if unknown:
        print(f"plimsoll: {unknown:,} events tell no reason; the objects were asked who allowed them", file=sys.stderr)
    return code or (DEGRADED if unknown and found.report.unexplained else OK)


def _incomplete(intake: flow_audit.Intake, forgone: int, rejects: Path | None) -> int:
    """Say what could not be read or remembered, and return the exit code for it."""
    if intake.objects_rejected:
        told = f"{intake.objects_rejected:,} documents of --objects set aside; the first is {intake.first}"
        print(f"plimsoll: {_plain(told)}", file=sys.stderr)
    if intake.rejects.total:
        print(f"plimsoll: {intake.rejects.summary()}", file=sys.stderr)
        if rejects:
            intake.rejects.write(rejects)
    if forgone:
        print(f"plimsoll: {forgone:,} rows beyond what memory holds: there is more than is shown", file=sys.stderr)
    return INCOMPLETE if intake.rejects.total or intake.objects_rejected or forgone else OK
