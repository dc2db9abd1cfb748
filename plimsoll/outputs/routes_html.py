"""Attack paths as one page of HTML that needs nothing else: each path drawn, told step by step, and what closes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from plimsoll.outputs import plain, routes
from plimsoll.paths import explain, nodes
from plimsoll.paths.answer import Answer
from plimsoll.paths.difference import Difference
from plimsoll.paths.search import Route

SHOWN = 200
"""Paths that are drawn: a browser should open the page at once."""
_CUTS = 20
_OBJECTS = 20
"""Objects of a cut that are named."""

_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:80rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}
.quiet{opacity:.75}code{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
"""
STYLE = """
.way{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem;margin:.5rem 0}
.way b{font-weight:600;border:1px solid #888;border-radius:.3rem;padding:.1rem .5rem;overflow-wrap:anywhere}
.way i{font-style:normal;font-size:.8rem;opacity:.8}.way i::after{content:" \\2192"}
.Internet,.Anyone,.Sink{background:#d9534f33}.Endpoint{background:#f0ad4e33}.Container{background:#5bc0de33}
.Node{background:#b07cc633}.SA,.User,.Group{background:#f7e08b33}.Secret,.Cloud{background:#9fd3a033}
li{margin:.3rem 0}
"""
"""How paths are drawn, on this page and on others."""


def text(found: Answer) -> Iterator[str]:
    """Yield the page."""
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield '<meta name="viewport" content="width=device-width">\n'
    yield f"<title>Attack paths</title>\n<style>{_STYLE}{STYLE}</style>\n</head>\n<body>\n<h1>Attack paths</h1>\n"
    yield from part(found)
    yield "</body>\n</html>\n"


def part(found: Answer, *, most: int = SHOWN, elsewhere: str = "-o json") -> Iterator[str]:
    """Yield what closes the paths, and `most` of them drawn, to stand on a page; `elsewhere` has all."""
    none = "No path is open." if found.model.cluster.objects else "Nothing was judged: there are no Kubernetes objects."
    yield f"<p>{len(found.routes):,} paths are open.</p>\n" if found.routes else f"<p>{none}</p>\n"
    yield from _cuts(found)
    yield "<h2>Paths, most worth closing first</h2>\n" if found.routes else ""
    yield from _routes(found.routes, found, most, elsewhere)


def changes(told: Difference, before: Answer, after: Answer, *, most: int = SHOWN) -> Iterator[str]:
    """Yield what a change opens, drawn, and what it closes, a line each, to stand on a page."""
    yield f"<p>The change opens {len(told.opened):,} paths and closes {len(told.closed):,}.</p>\n"
    yield "<h3>Opened</h3>\n" if told.opened else ""
    yield from _routes(told.opened, after, most, "-o json")
    if told.closed:
        lines = (f"{explain.sentence(one.edges)} (risk {before.risk(one):.1f} of 10)" for one in told.closed[:most])
        items = "".join(f"<li>{_text(line)}</li>\n" for line in lines)
        yield f"<h3>Closed</h3>\n<ul>\n{items}</ul>\n{_rest(told.closed, most, '-o json')}"


def _routes(told: Sequence[Route], found: Answer, most: int, elsewhere: str) -> Iterator[str]:
    for number, one in enumerate(told[:most]):
        yield from _route(one, found.risk(one), shown=number == 0)
    yield _rest(told, most, elsewhere)


def _rest(told: Sequence[Route], most: int, elsewhere: str) -> str:
    more = len(told) - most
    return f"<p>{more:,} more paths are not drawn; {_text(elsewhere)} has them all.</p>\n" if more > 0 else ""


def _route(one: Route, risk: float, *, shown: bool) -> Iterator[str]:
    yield f"<details{' open' if shown else ''}><summary>{_text(explain.sentence(one.edges))} "
    yield f'<span class="quiet">risk {risk:.1f} of 10</span></summary>\n<div class="way">{_node(one.nodes[0])}'
    for edge in one.edges:
        yield f"<i>{_text(explain.of(edge.kind).name)}</i>{_node(edge.target)}"
    yield "</div>\n<ol>\n"
    for step in explain.steps(one.edges):
        yield f"<li><b>{_text(step.name)}</b> <code>{_text(step.kind)}</code> {_text(' '.join(step.attack))}<br>"
        yield f"Has {_text(step.has)}; {_text(step.does)}; gains {_text(step.gains)}.<br>{_text(step.why)}."
        yield f'<br><span class="quiet">Closed by: {_text(step.fix)}. Shown by: {_text(step.shows)}.</span></li>\n'
    yield "</ol></details>\n"


def _node(node: str) -> str:
    kind = nodes.kind(node)
    return f'<b class="{kind if kind.isalpha() and kind.isascii() else ""}">{_text(node)}</b>'


def _cuts(found: Answer) -> Iterator[str]:
    if not found.cuts:
        return
    yield "<h2>What closes them</h2>\n<ul>\n"
    for one in found.cuts[:_CUTS]:
        names = ", ".join(f"<code>{_text(name)}</code>" for name in one.objects[:_OBJECTS])
        more = len(one.objects) - _OBJECTS
        told = f" and {more:,} more" if more > 0 else f"<br>{_text(routes.fix(one))}"
        yield f"<li>removes {one.removes:,} of {one.of:,}: {names}{told}</li>\n"
    yield "</ul>\n"


def _text(told: object) -> str:
    return escape(plain.shown(told))
