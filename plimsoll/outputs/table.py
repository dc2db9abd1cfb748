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

from plimsoll.outputs import alerts, attack, places, plain

NAME = "table"

STYLES = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "bold yellow",
    "low": "bold cyan",
    "info": "bold blue",
}
REASONS = 4
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
