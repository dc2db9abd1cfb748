"""The command line's verbs that read events: learn what is normal, and say what is not."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import polars as pl
from cyclopts import App, Parameter

from plimsoll import cli_progress, errors, flow, flow_profile, outputs
from plimsoll.cli_options import Color, Output
from plimsoll.cli_profile import ProfileDir, many, maturities
from plimsoll.outputs import places

AlertForm = Literal["table", "json", "jsonl", "yaml", "ocsf", "falco_json"]
Severity = Literal["low", "medium", "high", "critical"]
GRAVITY = ("info", "low", "medium", "high", "critical")
OK, FINDINGS, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130

Source = Annotated[
    list[str],
    Parameter(help="A file, folder, glob, `-` (standard input) or URL; gzip and zstd by content.", negative=()),
]
From = Annotated[
    str | None, Parameter(name="--from", help="Format of the sources, where content does not tell (see docs/sources).")
]
Objects = Annotated[
    list[str] | None,
    Parameter(name="--objects", help="Manifests or a watch stream: which address and container is whose.", negative=()),
]
Engine = Annotated[Literal["polars", "duckdb", "spark"], Parameter(help="Where the tables are computed.")]
Rejected = Annotated[
    Path | None, Parameter(name="--rejects", help="File to keep the records in that could not be read, as JSON lines.")
]
Follow = Annotated[
    bool, Parameter(negative=(), help="Go on with what is added to the file, through rotation, until interrupted.")
]
Checkpoint = Annotated[
    Path | None, Parameter(help="File that remembers how far `--follow` came; by default beside the profile.")
]
learn_app = App(
    name="learn",
    help_epilogue="Example: plimsoll learn /var/log/kubernetes/audit.log --profile ./profile",
)
detect_app = App(
    name="detect",
    help_epilogue="Example: plimsoll detect today.log.gz --profile ./profile --budget 5 -o jsonl",
)


@learn_app.default
def learn(
    sources: Source,
    /,
    *,
    profile: ProfileDir,
    objects: Objects = None,
    from_: From = None,
    engine: Engine = "polars",
    follow: Follow = False,
    checkpoint: Checkpoint = None,
    rejects: Rejected = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Add what these events show to a profile; learning a segment again adds nothing."""
    if follow:
        _only_batch({"--engine": engine != "polars", "--output": output != "table"})
        return _learn_on(sources, profile, checkpoint, from_, objects or [], rejects)
    with cli_progress.reading(color) as progress:
        learned = flow.learn(sources, profile, form=from_, objects=objects or [], engine=engine, progress=progress)
    each, pooled = (
        flow.matured(flow_profile.known(profile)) if (profile / "profile.json").exists() else (pl.DataFrame(), None)
    )
    if output == "table":
        print(
            f"{learned.intake.accepted:,} records read, {many(learned.segments, 'new segment')}"
            + (f", {learned.known} known already" if learned.known else "")
        )
        if pooled is not None:
            print(f"{many(each.height, 'subject')} known; {pooled.state}: {pooled.sentence}")
            maturities(each, color, most=12)
    else:
        overall = None if pooled is None else pooled._asdict()
        outputs.document(
            output,
            {
                "input": learned.intake.as_document(),
                "segments": {"new": learned.segments, "known": learned.known},
                "maturity": overall,
            },
            sys.stdout,
        )
    return _leftover(learned.intake, rejects)


def _learn_on(
    sources: list[str],
    profile: Path,
    checkpoint: Path | None,
    form: str | None,
    objects: list[str],
    rejects: Path | None,
) -> int:
    place = checkpoint or profile / "follow.json"
    taken = _Taken()
    for intake in taken.until_interrupted(flow.learn_on(_one(sources), profile, place, form=form, objects=objects)):
        taken.last = intake
        if sys.stderr.isatty():
            print(f"\r{intake.accepted:,} records learned", end="", file=sys.stderr, flush=True)
    return taken.code(rejects)


T = TypeVar("T")


class _Taken:
    """What a run that goes on until it is interrupted has taken in."""

    def __init__(self) -> None:
        self.last: flow.Intake | None = None
        self._interrupted = False

    def until_interrupted(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield until Ctrl-C: that is how such a run ends."""
        try:
            yield from batches
        except KeyboardInterrupt:
            self._interrupted = True

    def code(self, rejects: Path | None) -> int:
        """Say what was left over and return the exit code."""
        code = OK if self.last is None else _leftover(self.last, rejects)
        return INTERRUPTED if self._interrupted else code


def _only_batch(given: Mapping[str, bool]) -> None:
    """Refuse options that mean something only when all the input is there."""
    wrong = [option for option, is_given in given.items() if is_given]
    if wrong:
        raise errors.UsageError(f"{' and '.join(wrong)} cannot go with --follow")


def _one(sources: list[str]) -> str:
    if len(sources) != 1 or not Path(sources[0]).is_file():
        raise errors.UsageError("--follow takes one file")
    return sources[0]


@detect_app.default
def detect(
    sources: Source,
    /,
    *,
    profile: Annotated[
        Path | None,
        Parameter(name="--profile", help="Directory of the profile; without it the token ledger judges alone."),
    ] = None,
    budget: Annotated[
        int | None, Parameter(help="Alerts a day you can read; certain ones are shown in any case.")
    ] = None,
    objects: Objects = None,
    from_: From = None,
    engine: Engine = "polars",
    follow: Follow = False,
    checkpoint: Checkpoint = None,
    rejects: Rejected = None,
    sigma: Annotated[
        list[str] | None,
        Parameter(help="Sigma rules for Kubernetes' audit log: a file or a folder.", negative=()),
    ] = None,
    fail_on: Annotated[Severity | None, Parameter(help="Exit with 1 where an alert is at least this grave.")] = None,
    output: Annotated[AlertForm, Parameter(name=["--output", "-o"], help="Form of the alerts.")] = "table",
    color: Color = "auto",
) -> int:
    """Flag what is outside the profile of a known subject, weigh it in bits and say why."""
    if budget is not None and budget < 1:
        raise errors.UsageError(f"--budget is a number of alerts a day from 1, not {budget}")
    if follow:
        _only_batch({"--engine": engine != "polars", "--budget": budget is not None, "--fail-on": fail_on is not None})
        return _detect_on(sources, profile, checkpoint, from_, objects or [], sigma or [], rejects, output, color)
    with cli_progress.reading(color) as progress:
        found = flow.detect(
            sources,
            profile,
            form=from_,
            objects=objects or [],
            budget=budget,
            engine=engine,
            sigma=sigma or [],
            progress=progress,
        )
    outputs.write(output, found.alerts, sys.stdout, color=color)
    if found.forgone:
        print(f"plimsoll: {found.forgone:,} notable acts beyond what memory holds were only counted", file=sys.stderr)
    code = _leftover(found.intake, rejects)
    grave = fail_on is not None and any(_at_least(alert["severity"], fail_on) for alert in found.alerts)
    return FINDINGS if grave else code


def _detect_on(
    sources: list[str],
    profile: Path | None,
    checkpoint: Path | None,
    form: str | None,
    objects: list[str],
    sigma: list[str],
    rejects: Path | None,
    output: str,
    color: places.Color,
) -> int:
    place = checkpoint or (profile / "detect.json" if profile else None)
    if place is None:
        raise errors.UsageError("--follow without --profile needs --checkpoint FILE")
    taken = _Taken()
    followed = flow.detect_on(_one(sources), profile, place, form=form, objects=objects, sigma=sigma)
    for intake, fresh in taken.until_interrupted(followed):
        taken.last = intake
        if fresh:
            outputs.write(output, fresh, sys.stdout, color=color)
    return taken.code(rejects)


def _at_least(severity: object, least: str) -> bool:
    return GRAVITY.index(str(severity)) >= GRAVITY.index(least)


def _leftover(intake: flow.Intake, kept: Path | None) -> int:
    """Say what could not be read, keep it where the user wants, and return the exit code for it."""
    if intake.cluster.rejected:
        told = (
            f"{many(intake.cluster.rejected, 'document')} of --objects set aside; the first is {intake.cluster.first}"
        )
        print(f"plimsoll: {told}", file=sys.stderr)
    if not intake.rejects.total:
        return INCOMPLETE if intake.cluster.rejected else OK
    print(f"plimsoll: {intake.rejects.summary()}", file=sys.stderr)
    if kept:
        intake.rejects.write(kept)
        print(f"plimsoll: kept in {kept}", file=sys.stderr)
    return INCOMPLETE
