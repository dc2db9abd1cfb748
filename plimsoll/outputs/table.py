"""The console: alerts to be taken in at a glance, and columns for everything else.

Only the characters of the text itself are printed, no boxes, so that what is copied is what was meant.
Colour adds nothing that a letter does not say.
"""

from __future__ import annotations

import collections
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TextIO

from rich import console, table
from rich import text as rich_text

from plimsoll.outputs import alerts, attack, findings, places, plain
from plimsoll.posture.engine import Finding

NAME = "table"

STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold cyan",
    "info": "bold blue",
}
REASONS = 4
QUIET = ("low", "info")
"""Findings of these are only named: they would bury the others."""
NARROWEST = 30
UNLIMITED = 1_000_000

Line = rich_text.Text


class Column(NamedTuple):
    """A column of `show`: its title, and the side its values lean to."""

    title: str
    align: Literal["left", "right"] = "left"


def text(rows: Iterable[Mapping[str, object]], place: places.Place) -> Iterator[str]:
    """Yield each alert as a few lines, then how many there were of each severity."""
    counts: collections.Counter[str] = collections.Counter()
    for row in rows:
        alert = alerts.of(row)
        counts[alert.severity if alert.severity in STYLES else "unknown"] += 1
        yield _print(_alert(alert, place), place) + "\n"
    yield _print(_hung(Line(), _summary(counts), place), place)


def report(found: findings.Report, place: places.Place) -> Iterator[str]:
    """Yield what a scan found, object by object, gravest first; then how much was judged."""
    counts: collections.Counter[str] = collections.Counter()
    for group in findings.by_object(found.findings):
        counts.update(one.check.severity for one in group.findings)
        yield _print(_group(group, place), place) + "\n"
    said = [findings.summary(counts) if counts else "No findings", findings.covered(found.coverage())]
    yield _print((line for text in said for line in _hung(Line(), Line(f"{text}."), place)), place)


def _group(group: findings.Group, place: places.Place) -> Iterator[Line]:
    """Yield the lines of an object: each check once, with the places where it holds."""
    one = group.object
    where = f"  {one.file}:{one.line}" if one.file else ""
    name = Line(plain.shown(findings.name_of(one), place.encoding), style="bold cyan")
    yield from _hung(Line(), name + Line(plain.shown(where, place.encoding), style="dim"), place)
    told: dict[str, list[Finding]] = {}
    for found in group.findings:
        told.setdefault(found.check.id, []).append(found)
    for same in told.values():
        if same[0].check.severity not in QUIET:
            yield from _check(same, place)
    for severity in QUIET:
        ids = [uid for uid, same in told.items() if same[0].check.severity == severity]
        if ids:
            label = Line.assemble((severity[0].upper(), STYLES[severity]), "  ")
            yield from _hung(label, Line(plain.shown(", ".join(ids), place.encoding), style="dim"), place)


def _check(same: Sequence[Finding], place: places.Place) -> Iterator[Line]:
    """Yield what one check says of an object: what it is, where, and what to do."""
    check = same[0].check
    label = Line.assemble((check.severity[0].upper(), STYLES[check.severity]), "  ")
    yield from _hung(label, Line(plain.shown(check.title, place.encoding), style="bold"), place)
    for found in same[:REASONS]:
        where = f" (line {found.line})" if found.line > 1 else ""
        yield from _hung(Line("   - "), Line(plain.shown(found.message + where, place.encoding)), place)
    if len(same) > REASONS:
        yield from _hung(Line("   - "), Line(f"and {len(same) - REASONS} more (-o json shows all)"), place)
    yield from _hung(Line("   "), Line(plain.shown(f"{check.fix} [{check.id}]", place.encoding), style="dim"), place)


def show(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    stream: TextIO,
    *,
    none: str = "Nothing to show.",
    color: places.Color = "auto",
    width: int | None = None,
) -> None:
    """Write rows of text under titles, aligned and wrapped to the terminal; `none` where there are no rows.

    >>> import sys
    >>> show([Column("SUBJECT"), Column("FACTS", "right")], [["sa:ci/deployer", "7"]], sys.stdout)
    SUBJECT         FACTS
    sa:ci/deployer      7
    """
    place = places.of(stream, color=color, width=width)
    grid = _grid(columns, place.encoding)
    for row in rows:
        grid.add_row(*(Line(plain.shown(value, place.encoding)) for value in row))
    stream.write(_render(grid, place) if grid.row_count else none + "\n")
    stream.flush()


def _alert(alert: alerts.Alert, place: places.Place) -> Iterator[Line]:
    """Yield the lines of an alert: what happened, why it is told, and what to look it up by."""
    letter = alert.severity[0].upper() if alert.severity in STYLES else "?"
    yield from _hung(Line.assemble((letter, STYLES.get(alert.severity, "bold")), "  "), _headline(alert, place), place)
    for reason in alert.why[:REASONS]:
        yield from _hung(Line("   - "), Line(plain.shown(reason, place.encoding)), place)
    if len(alert.why) > REASONS:
        yield from _hung(Line("   - "), Line(f"and {len(alert.why) - REASONS} more (-o json shows all)"), place)
    yield from _hung(Line("   "), _footline(alert, place), place)


def _headline(alert: alerts.Alert, place: places.Place) -> Line:
    who, what = plain.shown(alert.subject, place.encoding), plain.shown(alert.title, place.encoding)
    return Line.assemble(
        f"{alert.time:%Y-%m-%d %H:%M:%S}Z  ",
        (f"{who}  " if who and not what.startswith(who) else "", "cyan"),
        (what, "bold"),
    )


def _footline(alert: alerts.Alert, place: places.Place) -> Line:
    parts = [
        "" if alert.bits is None else f"{alert.bits:.0f} bits",
        "profile still learning" if alert.maturity == "learning" else "",
        ", ".join(f"{uid} {attack.name(uid)}".strip() for uid in alert.attack),
        alert.id and f"id {alert.id}",
    ]
    return Line(plain.shown("; ".join(filter(None, parts)), place.encoding), style="dim")


def _summary(counts: Mapping[str, int]) -> Line:
    if not counts:
        return Line("No alerts.")
    told = [f"{counts[severity]} {severity}" for severity in (*STYLES, "unknown") if counts.get(severity)]
    total = sum(counts.values())
    return Line(f"{total} alert{'' if total == 1 else 's'}: {', '.join(told)}")


def _hung(label: Line, content: Line, place: places.Place) -> Iterator[Line]:
    """Yield content in pieces that fit beside a label, which stands before the first one only."""
    room = max(NARROWEST, place.width or UNLIMITED) - len(label)
    for piece in content.wrap(_console(io.StringIO(), place), room, overflow="fold"):
        yield label + piece
        label = Line(" " * len(label))


def _grid(columns: Sequence[Column], encoding: str) -> table.Table:
    grid = table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        grid.add_column(Line(plain.shown(column.title, encoding)), justify=column.align, overflow="fold")
    return grid


def _render(grid: table.Table, place: places.Place) -> str:
    """Return a grid as text without the blanks that only pad its last column."""
    lines = _console(io.StringIO(), place).render_lines(grid, pad=False)
    return _print((Line.assemble(*((part.text, part.style or "") for part in line)) for line in lines), place)


def _print(lines: Iterable[Line], place: places.Place) -> str:
    whole = list(lines)
    for line in whole:
        line.rstrip()
    buffer = io.StringIO()
    _console(buffer, place).print(Line("\n").join(whole), soft_wrap=True)
    return buffer.getvalue()


def _console(buffer: TextIO, place: places.Place) -> console.Console:
    # Everything that rich would take from the environment is said here: the place decides, and nothing else.
    return console.Console(
        file=buffer,
        color_system="standard" if place.color else None,
        force_terminal=place.color,
        no_color=False,
        width=place.width or UNLIMITED,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
