"""Attack paths for a person at a terminal: each told step by step, then what closes them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from plimsoll.outputs import places, plain, routes
from plimsoll.paths import explain
from plimsoll.paths.answer import Answer
from plimsoll.paths.cuts import Cut
from plimsoll.paths.difference import Difference
from plimsoll.paths.edge import Edge
from plimsoll.paths.search import Route

SHOWN = 10
"""Paths told in full; the rest are counted."""
CUTS = 5
"""Changes told."""
_OBJECTS = 8
_WIDEST = 110


def text(found: Answer, place: places.Place, *, most: int = SHOWN, most_cuts: int = CUTS) -> Iterator[str]:
    """Yield the paths, most worth closing first, and the cuts, as text; `most` of them in full."""
    if not found.routes:
        yield "No path is open.\n"
        return
    for number, one in enumerate(found.routes[:most], 1):
        yield from _route(number, one, found, place)
    if len(found.routes) > most:
        yield f"{len(found.routes) - most:,} more paths; -o json has them all.\n\n"
    yield from _cuts(found, place, most_cuts)


def changes(told: Difference, before: Answer, after: Answer, place: places.Place) -> Iterator[str]:
    """Yield what a change opens, step by step, and what it closes, a line each."""
    if not told.opened and not told.closed:
        yield "The change opens and closes no path.\n"
        return
    yield _line(f"The change opens {len(told.opened):,} paths and closes {len(told.closed):,}.", place, "", bold=True)
    for number, one in enumerate(told.opened[:SHOWN], 1):
        yield from _route(number, one, after, place)
    for one in told.closed[:SHOWN]:
        yield _line(f"closed: {explain.sentence(one.edges)} (risk {before.risk(one):.1f} of 10)", place, "")
    hidden = max(len(told.opened) - SHOWN, 0) + max(len(told.closed) - SHOWN, 0)
    if hidden:
        yield f"{hidden:,} more; -o json has them all.\n"


def _route(number: int, one: Route, found: Answer, place: places.Place) -> Iterator[str]:
    title = f"{number}  {explain.sentence(one.edges)}  (risk {found.risk(one):.1f} of 10)"
    yield _line(title, place, "", bold=True)
    yield _line(f"{one.nodes[0]}", place, "   ")
    for edge in one.edges:
        words = explain.of(edge.kind)
        maybe = ", only if what manifests cannot show holds" if edge.conditional else ""
        yield _line(f"-> {edge.target}   {edge.kind} {' '.join(words.attack)}{maybe}", place, "   ")
        yield _line(f"{words.does}: {edge.why}{_habit(edge, found)}", place, "      ")
    yield "\n"


def _habit(edge: Edge, found: Answer) -> str:
    """Return what a profile has seen of a step."""
    use = found.use(edge)
    if use is None:
        return ""
    return f" (used {use.times:,} times)" if use.times else f" (never used in {use.days} days)"


def _cuts(found: Answer, place: places.Place, most: int) -> Iterator[str]:
    if not found.cuts:
        yield "No change of the objects closes them.\n"
        return
    yield _line("What closes them", place, "", bold=True)
    for one in found.cuts[:most]:
        yield from _cut(one, found, place)


def _cut(one: Cut, found: Answer, place: places.Place) -> Iterator[str]:
    names = ", ".join(one.objects[:_OBJECTS])
    more = f" and {len(one.objects) - _OBJECTS:,} more" if len(one.objects) > _OBJECTS else ""
    yield _line(f"removes {one.removes:,} of {one.of:,}: {names}{more}", place, "   ")
    if set(one.objects) <= found.unused:
        yield _line("Nobody was seen to use it: taking it away costs nothing.", place, "      ")
    if len(one.objects) <= _OBJECTS:
        yield _line(routes.fix(one), place, "      ")


def _line(told: str, place: places.Place, indent: str, *, bold: bool = False) -> str:
    """Return a text in lines of the place's width, safe to show."""
    safe = plain.shown(told, place.encoding)
    width = min(place.width or _WIDEST, _WIDEST)
    lines = textwrap.wrap(safe, max(width, 30), initial_indent=indent, subsequent_indent=f"{indent}  ") or [indent]
    whole = "\n".join(lines)
    return f"\x1b[1m{whole}\x1b[0m\n" if bold and place.color else f"{whole}\n"
