"""One page of HTML that needs nothing else: no script, no network; it can be mailed and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from plimsoll.outputs import attack, findings, places, plain, yaml_document
from plimsoll.posture import patches
from plimsoll.posture.check import SEVERITIES
from plimsoll.posture.engine import Finding

NAME = "html"
MOST = 2_000
"""Objects that are drawn: a browser should open the page at once."""

_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}h3{font-size:1rem}table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top}
details{border-top:1px solid #8884;padding:.4rem 0}summary{cursor:pointer}
article{margin:.6rem 0 .6rem 1rem;padding-left:.8rem;border-left:.3rem solid #888}
article p{margin:.2rem 0}code,pre{font:13px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}pre{background:#8881;padding:.5rem}
.critical{border-color:#b00}.high{border-color:#e55}.medium{border-color:#e93}.low{border-color:#39c}.info{border-color:#888}
b.critical,b.high,b.medium,b.low,b.info{border-bottom:.2rem solid}
.quiet{opacity:.75}
"""


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield the page: how many of what, what was judged, then object by object, gravest first."""
    groups = findings.by_object(found.findings)
    coverage = found.coverage()
    yield from _head(found, groups, coverage)
    if found.part:
        yield from found.part.text
        yield "<h2>Objects</h2>\n"
    for group in groups[:MOST]:
        yield from _object(group)
    if len(groups) > MOST:
        yield f"<p>{len(groups) - MOST:,} more objects are not drawn; -o jsonl has them all.</p>\n"
    yield "</body>\n</html>\n"


def _head(found: findings.Report, groups: Sequence[findings.Group], coverage: findings.Coverage) -> Iterator[str]:
    counts = Counter(one.check.severity for group in groups for one in group.findings)
    style = found.part.style if found.part else ""
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield '<meta name="viewport" content="width=device-width">\n'
    yield f"<title>Posture</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n<h1>Posture</h1>\n"
    yield f"<p>{_text(findings.summary(Counter(counts)))}.<br>{_text(findings.covered(coverage))}.<br>"
    yield f'<span class="quiet">{found.time:%Y-%m-%d %H:%M} UTC</span></p>\n'
    yield from _problems(coverage)
    yield from _checks([one for group in groups for one in group.findings])


def _problems(coverage: findings.Coverage) -> Iterator[str]:
    if coverage.problems:
        items = "".join(f"<li>{_text(problem)}</li>" for problem in coverage.problems)
        yield f"<details open><summary>Not judged, or not in order</summary><ul>{items}</ul></details>\n"


def _checks(told: Sequence[Finding]) -> Iterator[str]:
    """Yield a table of the checks that hold somewhere, and in how many objects."""
    objects: dict[str, set[int]] = {}
    checks = {one.check.id: one.check for one in told}
    for one in told:
        objects.setdefault(one.check.id, set()).add(id(one.object))
    order = sorted(checks.values(), key=lambda check: (SEVERITIES.index(check.severity), -len(objects[check.id])))
    yield "<details><summary>By check</summary>\n<table>\n<tr><th>Severity<th>Objects<th>Check<th>Attack</tr>\n"
    for check in order:
        techniques = ", ".join(f"{uid} {attack.name(uid)}".strip() for uid in check.attack)
        yield (
            f"<tr><td>{check.severity}<td>{len(objects[check.id]):,}<td>{_text(check.title)}<td>{_text(techniques)}</tr>\n"
        )
    yield "</table></details>\n"


def _object(group: findings.Group) -> Iterator[str]:
    one = group.object
    counts = Counter(found.check.severity for found in group.findings)
    told = " ".join(f'<b class="{grade}">{counts[grade]} {grade}</b>' for grade in SEVERITIES if counts[grade])
    place = f"{one.file}:{one.line}" if one.file else ""
    yield f'<details><summary><code>{_text(findings.name_of(one))}</code> {told} <span class="quiet">{_text(place)}</span></summary>\n'
    for found in group.findings:
        yield from _finding(found)
    yield "</details>\n"


def _finding(found: Finding) -> Iterator[str]:
    check = found.check
    place = f"{found.field}, line {found.line}" if found.line and found.field else found.field
    yield f'<article class="{check.severity}">\n<p><b>{_text(check.title)}</b> ({check.severity})</p>\n'
    yield f"<p>{_text(found.message)}<br><code>{_text(place)}</code></p>\n"
    yield f"<p>{_text(check.danger)}</p>\n<p>Fix: {_text(check.fix)}</p>\n"
    if patch := patches.patch(found):
        yield f"<pre>{escape(yaml_document.document(patch))}</pre>\n"
    yield f'<p class="quiet">{_text(", ".join((*found.controls, *check.attack)))}</p>\n</article>\n'


def _text(value: str) -> str:
    return escape(plain.shown(value))
