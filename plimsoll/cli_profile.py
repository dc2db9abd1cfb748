"""The command line's verbs for profiles: look at what was learned, and edit it."""

from __future__ import annotations

import datetime as dt
import fnmatch
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from cyclopts import App, Parameter

from plimsoll import errors, flow, flow_profile, outputs, store
from plimsoll.cli_options import Color, Output
from plimsoll.outputs import places, table
from plimsoll.store.state import Approval

OK = 0
ProfileDir = Annotated[Path, Parameter(name="--profile", help="Directory of the profile.")]
profile_app = App(
    name="profile",
    help="Look at what was learned, and edit it.",
    help_epilogue="Example: plimsoll profile list --profile ./profile",
)


@profile_app.command(name="list", help_epilogue="Example: plimsoll profile list --profile ./profile -o json")
def profile_list(*, profile: ProfileDir, output: Output = "table", color: Color = "auto") -> int:
    """List the subjects with how well each is known."""
    each, pooled = flow.matured(flow_profile.known(profile))
    if output == "table":
        print(f"{many(each.height, 'subject')}; {pooled.state}: {pooled.sentence}")
        maturities(each, color)
    elif output == "jsonl":
        outputs.write("jsonl", _rows(each), sys.stdout)
    else:
        outputs.document(output, {"overall": pooled._asdict(), "subjects": _rows(each)}, sys.stdout)
    return OK


def maturities(each: pl.DataFrame, color: places.Color, most: int | None = None) -> None:
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
        put(output, _rows(facts))
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
        put(output, _rows(changes))
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
        put(output, _rows(held))
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
        put(output, rows)
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


def put(output: str, rows: list[dict[str, Any]]) -> None:
    """Write rows in a form that programs read."""
    if output == "jsonl":
        outputs.write("jsonl", rows, sys.stdout)
    else:
        outputs.document(output, rows, sys.stdout)


def many(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> many(1, "subject"), many(2, "subject")
    ('1 subject', '2 subjects')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"
