"""Attack paths as a document for programs: nodes, edges, paths and cuts."""

from __future__ import annotations

import hashlib
from collections import Counter

from plimsoll.paths import answer, explain, nodes, weights
from plimsoll.paths.answer import Answer
from plimsoll.paths.cuts import Cut
from plimsoll.paths.difference import Difference
from plimsoll.paths.edge import Edge
from plimsoll.paths.search import Route
from plimsoll.paths.workloads import namespace_of
from plimsoll.posture.check import Severity
from plimsoll.posture.objects import Object

_FIXES = 3
"""Ways to change one object that are told."""


def document(found: Answer, *, whole: bool = False) -> dict[str, object]:
    """Return an answer as one value; `whole`: with all nodes and edges of the graph, not only those of the paths."""
    edges = list(dict.fromkeys([*found.replicas.each(found.graph.shown()), *found.steps])) if whole else found.steps
    ends = [end for one in edges for end in (one.source, one.target)]
    return {
        "nodes": list(answer.things(ends, found.model)),
        "edges": [edge(one, found) for one in edges],
        "paths": [path(found, one) for one in found.routes],
        "cuts": [cut(one, found) for one in found.cuts],
    }


def changes(told: Difference, before: Answer, after: Answer) -> dict[str, object]:
    """Return what a change opens and closes as one value."""
    steps = list(dict.fromkeys(step for one in [*told.opened, *told.closed] for step in one.edges))
    ends = [end for one in steps for end in (one.source, one.target)]
    return {
        "nodes": list(answer.things(ends, after.model)),
        "edges": [edge(one, after) for one in steps],
        "opened": [path(after, one) for one in told.opened],
        "closed": [path(before, one) for one in told.closed],
    }


def edge(one: Edge, found: Answer) -> dict[str, object]:
    """Return a step: what is held, what is gained, why, by which techniques, what would close it, and who uses it."""
    use = found.use(one)
    words = explain.of(one.kind)
    told: dict[str, object] = {
        "kind": one.kind,
        "from": one.source,
        "to": one.target,
        "why": one.why,
        "attack": list(words.attack),
        "does": words.does,
        "fix": words.fix,
        "shows": words.shows,
        "objects": list(one.objects),
    }
    if use:
        told["used"] = {"times": use.times, "days": use.days} if use.times else False
    return told | ({"conditional": True} if one.conditional else {}) | ({} if one.walk else {"walk": False})


def path(found: Answer, one: Route) -> dict[str, object]:
    """Return a path: what is held on the way, by which kinds of steps, in one sentence, and its risk from 0 to 10."""
    return {
        "nodes": list(one.nodes),
        "kinds": list(one.kinds),
        "summary": explain.sentence(one.edges),
        "risk": round(found.risk(one), 2),
    }


def severity(goal: str) -> Severity:
    """Return how grave it is that a goal can be reached, by the bands of CVSS: risk, less than that, orders paths.

    >>> severity("Sink:cluster-admin"), severity("Node:n1"), severity("Sink:compute")
    ('critical', 'high', 'low')
    """
    bands: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"))
    return next((name for least, name in bands if weights.harm(goal) >= least), "low")


def goal(one: Route) -> str:
    """Return what sort of thing a path leads to: `cluster-admin`, `node`, `secret` and so on."""
    kind, _, name = one.nodes[-1].partition(":")
    return name if kind == "Sink" else kind.partition("/")[0].lower()


def fingerprint(one: Route) -> str:
    """Return what stays the same of a path while nothing of it changes: what is held on the way, and by which steps."""
    return hashlib.sha256("\0".join((*one.nodes, *one.kinds)).encode("utf-8", "replace")).hexdigest()[:32]


def objects(found: Answer) -> dict[str, Object]:
    """Return the objects of the cluster by what steps call them; of several of one name the last counts, as in it."""
    return {nodes.ref(one.kind, one.name, place): one for one in found.model.cluster.objects for place in _places(one)}


def _places(one: Object) -> tuple[str, str]:
    return "", namespace_of(one)


def closing(one: Route) -> str:
    """Return what would close a path, at each step that something can be done about."""
    told = {explain.of(edge.kind).fix: edge.objects for edge in one.edges if edge.objects}
    return ". ".join(f"{', '.join(names)}: {words}" for words, names in told.items() if words)


def cut(one: Cut, found: Answer) -> dict[str, object]:
    """Return a cut: the objects, how many paths it closes, what to do, and which of the objects nobody needs for them."""
    free = [name for name in one.objects if name in found.unused]
    return {
        "objects": list(one.objects),
        "removes": one.removes,
        "of": one.of,
        "fix": fix(one),
        **({"unused": free} if found.habits else {}),
    }


def fix(one: Cut) -> str:
    """Return what to do to the objects of a cut: for each, what closes the most of its steps."""
    kinds = Counter((name, edge.kind) for edge in one.steps for name in edge.objects if name in one.objects)
    wanted: dict[tuple[str, str], None] = {}
    for name in one.objects:
        mine = [(count, kind) for (told, kind), count in kinds.items() if told == name]
        wanted |= dict.fromkeys((name, kind) for _, kind in sorted(mine, key=lambda pair: (-pair[0], pair[1]))[:_FIXES])
    few = {edge.kind: edge for edge in one.steps}
    steps = [few[kind]._replace(objects=(name,)) for name, kind in wanted]
    return explain.fix(steps, one.objects)
