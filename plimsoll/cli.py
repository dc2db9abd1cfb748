"""The command line: verbs as functions, their signature and docstring are what `--help` shows."""

from __future__ import annotations

import datetime as dt
import fnmatch
import gc
import io
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO, TypeVar

import cyclopts
import polars as pl
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

import plimsoll
from plimsoll import doctor as examination
from plimsoll import errors, flow, flow_profile, outputs, store
from plimsoll.outputs import places, table
from plimsoll.store.state import Approval

Form = Literal["table", "json", "jsonl", "yaml"]
AlertForm = Literal["table", "json", "jsonl", "yaml", "ocsf", "falco_json"]
Severity = Literal["low", "medium", "high", "critical"]
GRAVITY = ("info", "low", "medium", "high", "critical")
OK, FINDINGS, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130

Source = Annotated[
    list[str],
    Parameter(help="A file, folder, glob, `-` (standard input) or URL; gzip and zstd by content.", negative=()),
]
ProfileDir = Annotated[Path, Parameter(name="--profile", help="Directory of the profile.")]
From = Annotated[
    str | None, Parameter(name="--from", help="Format of the sources, where content does not tell (see docs/sources).")
]
Objects = Annotated[
    list[str] | None,
    Parameter(name="--objects", help="Manifests or a watch stream: which address and container is whose.", negative=()),
]
Engine = Annotated[Literal["polars", "duckdb", "spark"], Parameter(help="Where the tables are computed.")]
Output = Annotated[Form, Parameter(name=["--output", "-o"], help="Form of the answer.")]
Rejected = Annotated[
    Path | None, Parameter(name="--rejects", help="File to keep the records in that could not be read, as JSON lines.")
]
Follow = Annotated[
    bool, Parameter(negative=(), help="Go on with what is added to the file, through rotation, until interrupted.")
]
Checkpoint = Annotated[
    Path | None, Parameter(help="File that remembers how far `--follow` came; by default beside the profile.")
]
Color = Annotated[places.Color, Parameter(help="Colours on a terminal; NO_COLOR is respected.")]

app = App(
    name="plimsoll",
    version=plimsoll.__version__,
    help="Learn what every workload and identity of a cluster normally does; flag and explain what it does not.",
    help_format="plaintext",
    help_epilogue="Example: plimsoll learn audit.log --profile ./profile && plimsoll detect today.log --profile ./profile",
    result_action="return_value",
    suppress_keyboard_interrupt=False,  # `run` says what an interruption leaves behind
)
profile_app = App(
    name="profile",
    help="Look at what was learned, and edit it.",
    help_epilogue="Example: plimsoll profile list --profile ./profile",
)
app.command(profile_app)
ELSEWHERE = {
    "eval": "cli_evaluate:eval_app",
    "install": "cli_install:install_app",
    "paths": "cli_paths:paths_app",
    "policies": "cli_policies:policies_app",
    "rbac": "cli_rbac:rbac_app",
    "rules": "cli_rules:rules_app",
    "scan": "cli_scan:scan_app",
    "sensor": "cli_sensor:sensor_app",
    "mode": "cli_sensor:mode_app",
    "act": "cli_sensor:act_app",
    "serve": "cli_serve:serve_app",
    "triage": "cli_triage:triage_app",
}
"""Verbs of other modules, which are imported when one is asked for: no verb should wait for the others'."""
for verb, place in ELSEWHERE.items():
    app.command(f"plimsoll.{place}", name=verb)


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(100_000, 50, 50)  # batches make many objects and no cycles: 5 % of the time of reading
    sys.stdout, sys.stderr = _taking(sys.stdout), _taking(sys.stderr)
    sys.exit(run(sys.argv[1:]))


def _taking(stream: TextIO | None) -> TextIO:
    """Return a stream that takes any text: a closed one swallows it, and what an encoding lacks becomes `?`."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; what a user can mend is one line on stderr."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `plimsoll … | head` ends quietly
    # A lone dash is no option, though the parser takes it for one.
    arguments = ["/dev/stdin" if argument == "-" else argument for argument in arguments]
    plain = Console(file=sys.stderr, highlight=False, no_color=True)
    if not arguments or arguments[0] in ("--help", "-h"):
        for verb in ELSEWHERE:
            app[verb]  # imports it: the overview says what each does
    try:
        code = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            console=Console(no_color=not sys.stdout.isatty()),
            error_console=plain,
        )
    except cyclopts.CycloptsError as error:
        return _refused(errors.UsageError(f"{' '.join(str(error).split())} (plimsoll --help)"))
    except errors.PlimsollError as error:
        return _refused(error)
    except KeyboardInterrupt:
        print("plimsoll: interrupted; what was reported as learned is kept", file=sys.stderr)
        return INTERRUPTED
    except (OSError, pl.exceptions.PolarsError, MemoryError) as error:
        return _refused(errors.PlimsollError(" ".join(f"{type(error).__name__}: {error}".split())[:300]))
    return code if isinstance(code, int) else OK


def _refused(error: errors.PlimsollError) -> int:
    text = "".join(char if char.isprintable() else "?" for char in " ".join(str(error).split()))
    print(f"plimsoll: {text}", file=sys.stderr)
    return error.exit_code


@app.command(help_epilogue="Example: plimsoll learn /var/log/kubernetes/audit.log --profile ./profile")
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
    with _progress(color) as progress:
        learned = flow.learn(sources, profile, form=from_, objects=objects or [], engine=engine, progress=progress)
    each, pooled = (
        flow.matured(flow_profile.known(profile)) if (profile / "profile.json").exists() else (pl.DataFrame(), None)
    )
    if output == "table":
        print(
            f"{learned.intake.accepted:,} records read, {_many(learned.segments, 'new segment')}"
            + (f", {learned.known} known already" if learned.known else "")
        )
        if pooled is not None:
            print(f"{_many(each.height, 'subject')} known; {pooled.state}: {pooled.sentence}")
            _maturities(each, color, most=12)
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


@app.command(help_epilogue="Example: plimsoll detect today.log.gz --profile ./profile --budget 5 -o jsonl")
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
    with _progress(color) as progress:
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


@profile_app.command(name="list", help_epilogue="Example: plimsoll profile list --profile ./profile -o json")
def profile_list(*, profile: ProfileDir, output: Output = "table", color: Color = "auto") -> int:
    """List the subjects with how well each is known."""
    each, pooled = flow.matured(flow_profile.known(profile))
    if output == "table":
        print(f"{_many(each.height, 'subject')}; {pooled.state}: {pooled.sentence}")
        _maturities(each, color)
    elif output == "jsonl":
        outputs.write("jsonl", _rows(each), sys.stdout)
    else:
        outputs.document(output, {"overall": pooled._asdict(), "subjects": _rows(each)}, sys.stdout)
    return OK


def _maturities(each: pl.DataFrame, color: places.Color, most: int | None = None) -> None:
    """Show subjects with their maturity, the least known first where not all are shown."""
    rows = each.sort("bound", "subject", descending=[True, False]).head(most) if most else each
    columns = [
        table.Column("SUBJECT"),
        table.Column("STATE"),
        table.Column("ACTS", "right"),
        table.Column("KINDS", "right"),
        table.Column("DAYS", "right"),
        table.Column("IN WORDS"),
    ]
    texts = [
        [row["subject"], row["state"], f"{row['events']:,}", f"{row['facts']:,}", str(row["days"]), row["sentence"]]
        for row in rows.iter_rows(named=True)
    ]
    table.show(columns, texts, sys.stdout, none="Nothing was learned yet.", color=color)
    if most and each.height > most:
        print(f"… the {most} least known of {each.height}; all of them: plimsoll profile list --profile DIR")


@profile_app.command(name="show", help_epilogue="Example: plimsoll profile show 'sa:ci/*' --profile ./profile")
def profile_show(
    subject: Annotated[str, Parameter(help="A subject, or a glob of subjects.")],
    /,
    *,
    profile: ProfileDir,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Show the facts learned of a subject: what it does, how often, on how many days, since when."""
    facts = _facts_of(_added_up(flow_profile.known(profile)), subject)
    if facts.is_empty():
        raise errors.InputError(f"nothing was learned of {subject}")
    if output == "table":
        columns = [
            table.Column("SUBJECT"),
            table.Column("VERB"),
            table.Column("GIVEN"),
            table.Column("OBJECT"),
            table.Column("TIMES", "right"),
            table.Column("DAYS", "right"),
            table.Column("LAST"),
        ]
        texts = [
            [
                row["subject"],
                row["verb"],
                row["given"],
                row["object"],
                f"{row['count']:,}",
                str(row["days"]),
                f"{row['last']:%Y-%m-%d %H:%M}",
            ]
            for row in facts.iter_rows(named=True)
        ]
        table.show(columns, texts, sys.stdout, none="", color=color)
    else:
        _put(output, _rows(facts))
    return OK


@profile_app.command(name="diff", help_epilogue="Example: plimsoll profile diff ./last-week ./this-week -o jsonl")
def profile_diff(before: Path, after: Path, /, *, output: Output = "table", color: Color = "auto") -> int:
    """Show which facts of known subjects are in one profile and not in the other."""
    old, new = _added_up(flow_profile.known(before)), _added_up(flow_profile.known(after))
    key = ["subject", "verb", "given", "object"]
    parts = [
        new.join(old, on=key, how="anti").with_columns(change=pl.lit("added")),
        old.join(new, on=key, how="anti").with_columns(change=pl.lit("gone")),
    ]
    changes = pl.concat(parts).sort(*key, "change").select("change", *key, "count", "days", "first", "last")
    if output == "table":
        columns = [table.Column(name.upper()) for name in ("change", *key)] + [table.Column("TIMES", "right")]
        texts = [
            [str(row[name]) for name in ("change", *key)] + [f"{row['count']:,}"]
            for row in changes.iter_rows(named=True)
        ]
        table.show(columns, texts, sys.stdout, none="No differences.", color=color)
    else:
        _put(output, _rows(changes))
    return OK


@profile_app.command(
    name="approve",
    help_epilogue="Example: plimsoll profile approve 'sa:ci/*' --verb request --object 'list secrets' --note CHG-1042 --profile ./profile",
)
def profile_approve(
    subject: str = "",
    /,
    *,
    verb: Annotated[str, Parameter(help="Verb of the fact, as `profile show` prints it.")] = "",
    object: Annotated[str, Parameter(help="Object of the fact, or a glob.")] = "",  # noqa: A002
    alerts: Annotated[
        Path | None, Parameter(help="Alerts that `detect -o jsonl` printed; approves their facts.")
    ] = None,
    ids: Annotated[
        list[str] | None, Parameter(name="--id", help="Id of an alert among them; several may be given.", negative=())
    ] = None,
    profile: ProfileDir,
    note: Annotated[str, Parameter(help="Why, for those who come after you.")] = "",
) -> int:
    """Say that a fact is normal for a subject, though it was never learned, or so all facts of an alert."""
    if (alerts is None) == (subject == "") or (alerts is None and not (verb and object)) or (alerts and not ids):
        raise errors.UsageError("approve takes SUBJECT --verb VERB --object OBJECT, or --alerts FILE --id ID")
    kept = store.Profile.open(profile)
    who = os.environ.get("SUDO_USER") or os.environ.get("USER") or "unknown"
    meant = flow.facts_of_alerts(alerts, ids or []) if alerts else [(subject, verb, object)]
    for fact in meant:
        kept.state.approve(Approval(*fact, who, dt.datetime.now(dt.UTC), note))
        print(f"approved: {' '.join(fact)}")
    return OK


@profile_app.command(name="pending", help_epilogue="Example: plimsoll profile pending --profile ./profile")
def profile_pending(*, profile: ProfileDir, output: Output = "table", color: Color = "auto") -> int:
    """List what was learned under suspicion: it is not believed until `profile approve` or three days confirm it."""
    held = flow_profile.held_back(profile)
    if output != "table":
        _put(output, _rows(held))
        return OK
    columns = [table.Column(name.upper()) for name in ("subject", "verb", "given", "object", "first")]
    texts = [
        [*(str(row[name]) for name in ("subject", "verb", "given", "object")), f"{row['first']:%Y-%m-%d %H:%M}"]
        for row in held.iter_rows(named=True)
    ]
    table.show(columns, texts, sys.stdout, none="Nothing is held back.", color=color)
    return OK


@profile_app.command(name="forget", help_epilogue="Example: plimsoll profile forget sa:ci/deployer --profile ./profile")
def profile_forget(subject: str, /, *, profile: ProfileDir) -> int:
    """Forget what was learned of a subject up to its last day; it is learned afresh from then on."""
    day = store.Profile.open(profile).forget(subject)
    if day is None:
        raise errors.InputError(f"nothing was learned of {subject}")
    print(f"forgotten: {subject}, up to {dt.date(1970, 1, 1) + dt.timedelta(days=day)}")
    return OK


@profile_app.command(
    name="export", help_epilogue="Example: plimsoll profile export --profile ./profile -o jsonl > facts.jsonl"
)
def profile_export(
    *,
    profile: ProfileDir,
    as_: Annotated[
        Literal["facts", "role"],
        Parameter(name="--as", help="facts: the table itself; role: RBAC Roles that allow what was used."),
    ] = "facts",
    subject: Annotated[str, Parameter(help="A subject, or a glob of subjects.")] = "*",
    output: Annotated[Literal["json", "jsonl", "yaml"], Parameter(name=["--output", "-o"])] = "yaml",
) -> int:
    """Write a profile down for others: as facts, or as the policy that allows just what was seen."""
    learned = _facts_of(flow_profile.known(profile), subject)
    rows = _rows(_added_up(learned)) if as_ == "facts" else flow.roles(learned)
    if output == "yaml" and as_ != "facts":
        for row in rows:
            print("---")
            outputs.document("yaml", row, sys.stdout)
    else:
        _put(output, rows)
    return OK


@app.command(help_epilogue="Example: plimsoll doctor -o json")
def doctor(
    *,
    profile: Annotated[Path | None, Parameter(name="--profile", help="A profile to examine too.")] = None,
    output: Output = "table",
    color: Color = "auto",
) -> int:
    """Say what is missing on this machine and how to mend it."""
    checks = examination.examine(profile)
    if output == "table":
        columns = [table.Column(""), table.Column("CHECK"), table.Column("FOUND"), table.Column("HOW TO MEND IT")]
        table.show(
            columns,
            [[check.state, check.name, check.found, check.mend] for check in checks],
            sys.stdout,
            none="",
            color=color,
        )
    else:
        _put(output, [check._asdict() for check in checks])
    return 4 if any(check.state == "missing" for check in checks) else OK


@app.command(help_epilogue="Example: plimsoll demo --no-serve")
def demo(
    *,
    no_serve: Annotated[bool, Parameter(negative=(), help="End after the story, without the console.")] = False,
    color: Color = "auto",
) -> int:
    """Show the whole idea on a bundled recording: learn, detect, explain. Needs no network and leaves nothing behind."""
    from plimsoll import demo as story  # noqa: PLC0415  a recording is opened only when it is told

    story.tell(sys.stdout, color=color)
    del no_serve
    return OK


def _facts_of(facts: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Return the facts of the subjects that a glob means; brackets and the like mean themselves."""
    subjects = facts["subject"].unique().to_list()
    wanted = [one for one in subjects if one == subject or fnmatch.fnmatchcase(one, subject)]
    return facts.filter(pl.col("subject").is_in(wanted))


def _added_up(facts: pl.DataFrame) -> pl.DataFrame:
    """Return facts without their days: subject, verb, given, object, count, days, first, last."""
    key = ["subject", "verb", "given", "object"]
    return (
        facts.group_by(key)
        .agg(pl.col("count").sum(), pl.len().alias("days"), pl.col("first").min(), pl.col("last").max())
        .sort("subject", "verb", "given", pl.col("count").neg(), "object")
    )


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dicts()


def _put(output: str, rows: list[dict[str, Any]]) -> None:
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    else:
        outputs.document(output, rows, sys.stdout)


def _leftover(intake: flow.Intake, kept: Path | None) -> int:
    """Say what could not be read, keep it where the user wants, and return the exit code for it."""
    if intake.cluster.rejected:
        told = (
            f"{_many(intake.cluster.rejected, 'document')} of --objects set aside; the first is {intake.cluster.first}"
        )
        print(f"plimsoll: {told}", file=sys.stderr)
    if not intake.rejects.total:
        return INCOMPLETE if intake.cluster.rejected else OK
    print(f"plimsoll: {intake.rejects.summary()}", file=sys.stderr)
    if kept:
        intake.rejects.write(kept)
        print(f"plimsoll: kept in {kept}", file=sys.stderr)
    return INCOMPLETE


@contextmanager
def _progress(color: places.Color) -> Iterator[flow.Progress]:
    """Show what is being read on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield flow.quiet
        return
    console = Console(stderr=True, no_color=color == "never" or None)
    with Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("reading")
        yield lambda name, count: bar.update(task, description=name[-60:], completed=count)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
