"""Attack paths as OCSF 1.8, one Detection Finding (class 2004) a line, the path in `finding_info.attack_graph`.

https://schema.ocsf.io/1.8.0/classes/detection_finding, https://schema.ocsf.io/1.8.0/objects/graph
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from plimsoll.outputs import alerts, ocsf, plain, routes
from plimsoll.paths import explain
from plimsoll.paths.answer import Answer
from plimsoll.paths.search import Route

Object = dict[str, object]


def text(found: Answer, now: datetime) -> Iterator[str]:
    """Yield one finding a line, most worth closing first."""
    at = (now - alerts.NO_TIME) // timedelta(milliseconds=1)
    return (plain.in_json(finding(one, found, at)) + "\n" for one in found.routes)


def finding(one: Route, found: Answer, at: int) -> Object:
    """Return a path that was found open at a time, in milliseconds."""
    uid = routes.fingerprint(one)
    techniques = dict.fromkeys(technique for kind in one.kinds for technique in explain.of(kind).attack)
    title = explain.sentence(one.edges)
    return {
        **ocsf.created(ocsf.DETECTION, at, ocsf.SEVERITIES[routes.severity(one.nodes[-1])]),
        "risk_score": round(10 * found.risk(one)),
        "message": title,
        "metadata": {"version": "1.8.0", "uid": uid, "product": ocsf.PRODUCT},
        "finding_info": {
            "uid": uid,
            "title": title,
            "desc": "\n".join(edge.why for edge in one.edges),
            "types": ["Attack path"],
            "attacks": [pair for technique in techniques for pair in ocsf.attacks(technique)],
            "attack_graph": _graph(one, uid),
        },
        "resources": [_resource(name) for name in dict.fromkeys(name for edge in one.edges for name in edge.objects)],
        "remediation": {"desc": routes.closing(one) or "No object of the cluster closes this path."},
    }


def _graph(one: Route, uid: str) -> Object:
    """Return a path as a graph: what is held on the way, and the steps between."""
    nodes = [{"uid": node, "name": explain.held(node), "type": node.partition(":")[0]} for node in one.nodes]
    edges = [
        {
            "uid": f"{uid}-{number}",
            "name": explain.of(edge.kind).name,
            "relation": edge.kind,
            "source": edge.source,
            "target": edge.target,
            "is_directed": True,
        }
        for number, edge in enumerate(one.edges, 1)
    ]
    return {"uid": uid, "name": "Attack path", "is_directed": True, "nodes": nodes, "edges": edges}


def _resource(name: str) -> Object:
    """Return an object that a step needs: `Kind/namespace/name`, or `Kind/name`."""
    kind, _, rest = name.partition("/")
    namespace, _, last = rest.rpartition("/")
    told: Object = {"uid": name, "name": last, "type": kind}
    return told | ({"namespace": namespace} if namespace else {})
