"""Attack paths as SARIF 2.1.0: a result for each open path, its steps as a flow through the files that make them so.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html: section 3.36 (codeFlow) and 3.38 (threadFlowLocation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import plimsoll
from plimsoll.outputs import json_document, plain, routes, sarif
from plimsoll.paths import explain, weights
from plimsoll.paths.answer import Answer
from plimsoll.paths.edge import Edge
from plimsoll.paths.search import Route
from plimsoll.posture.objects import Object

Value = dict[str, object]
_GOALS = {"node": "a node", "secret": "Secrets", "cloud": "a cloud identity", "container": "a container"}


def text(found: Answer, folder: str = "") -> Iterator[str]:
    """Yield the log of one run; files below the folder are named from it."""
    goals = list(dict.fromkeys(map(routes.goal, found.routes)))
    driver = {
        "name": "Plimsoll",
        "semanticVersion": plimsoll.__version__,
        "rules": [_rule(goal, found) for goal in goals],
    }
    objects = routes.objects(found)
    results = [_result(one, goals.index(routes.goal(one)), found, objects, folder) for one in found.routes]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": bool(found.model.cluster.objects)}],
        "results": results,
    }
    yield json_document.document({"$schema": sarif.SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(goal: str, found: Answer) -> Value:
    """Return what paths to a sort of goal have in common; hosts sort by the worst of them."""
    those = [one for one in found.routes if routes.goal(one) == goal]
    worst = max((one.nodes[-1] for one in those), key=weights.harm)
    techniques = dict.fromkeys(
        technique for one in those for kind in one.kinds for technique in explain.of(kind).attack
    )
    title = f"An attacker can get to {_GOALS.get(goal) or plain.shown(explain.held(worst))}"
    help_ = "Change one of the objects on each path; `plimsoll paths` names the fewest that close all of them."
    return {
        "id": f"path-to-{goal}",
        "name": "PathTo" + "".join(word.capitalize() for word in goal.split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}: each step is allowed by objects of the cluster."},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": sarif.LEVELS[routes.severity(worst)]},
        "properties": {
            "security-severity": f"{weights.harm(worst):.1f}",
            "tags": ["security", "kubernetes", "attack-path", *techniques],
        },
    }


def _result(one: Route, rule: int, found: Answer, objects: Mapping[str, Object], folder: str) -> Value:
    steps = [_step(edge, objects, folder) for edge in one.edges]
    return {
        "ruleId": f"path-to-{routes.goal(one)}",
        "ruleIndex": rule,
        "level": sarif.LEVELS[routes.severity(one.nodes[-1])],
        "message": {"text": plain.shown(f"{explain.sentence(one.edges)}. {routes.closing(one)}")},
        "locations": [next((step for step in steps if "physicalLocation" in step), _nowhere(one))],
        "codeFlows": [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}],
        "partialFingerprints": {"plimsoll/path/v1": routes.fingerprint(one)},
        "properties": {"risk": round(found.risk(one), 2), "nodes": list(one.nodes), "kinds": list(one.kinds)},
    }


def _step(edge: Edge, objects: Mapping[str, Object], folder: str) -> Value:
    """Return a step as a place: the first of its objects that is in a file."""
    words = explain.of(edge.kind)
    told: Value = {"message": {"text": plain.shown(f"{words.name}: {edge.why} ({edge.source} to {edge.target})")}}
    known = ((name, objects[name]) for name in edge.objects if name in objects)
    name, at = next(((name, one) for name, one in known if one.file), ("", None))
    if at is not None:
        told["physicalLocation"] = _place(at.file, at.line, folder)
    if edge.objects:
        told["logicalLocations"] = [{"fullyQualifiedName": plain.shown(name or edge.objects[0]), "kind": "resource"}]
    return told


def _place(file: str, line: int, folder: str) -> Value:
    return {"artifactLocation": {"uri": sarif.uri(file, folder)}, "region": {"startLine": max(1, line)}}


def _nowhere(one: Route) -> Value:
    """Return a place for a path in a live cluster: hosts refuse a result without one."""
    return {
        "physicalLocation": _place("", 1, ""),
        "logicalLocations": [{"fullyQualifiedName": plain.shown(one.nodes[0]), "kind": "resource"}],
    }
