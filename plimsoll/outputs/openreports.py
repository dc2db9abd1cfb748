"""OpenReports: findings as objects of the cluster, a Report for each object judged (openreports.io/v1alpha1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from plimsoll.outputs import findings, places, plain, yaml_document
from plimsoll.posture import objects
from plimsoll.posture.engine import Finding

NAME = "openreports"
MOST = 1_000
"""Results of one report: an object of the cluster holds some 1.5 MB."""

Value = dict[str, object]


def report(found: findings.Report, _place: places.Place) -> Iterator[str]:
    """Yield a YAML document for each object with findings."""
    seconds = int(found.time.timestamp())
    for group in findings.by_object(found.findings):
        yield "---\n" + yaml_document.document(_report(group, seconds))


def _report(group: findings.Group, seconds: int) -> Value:
    one = group.object
    namespaced = bool(one.namespace)
    metadata: Value = {"name": _name(one), "labels": {"app.kubernetes.io/managed-by": "plimsoll"}}
    return {
        "apiVersion": "openreports.io/v1alpha1",
        "kind": "Report" if namespaced else "ClusterReport",
        "metadata": metadata | ({"namespace": one.namespace} if namespaced else {}),
        "source": "plimsoll",
        "scope": _reference(one),
        "summary": {"pass": 0, "fail": len(group.findings), "warn": 0, "error": 0, "skip": 0},
        "results": [_result(found, seconds) for found in group.findings[:MOST]],
    }


def _name(one: objects.Object) -> str:
    """Return a name that the API takes, and that is the same for the same object."""
    key = "\0".join(map(plain.text, (one.group, one.kind, one.namespace, one.name)))
    return f"plimsoll-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _reference(one: objects.Object) -> Value:
    parts = {"apiVersion": objects.text(one.body.get("apiVersion")), "kind": one.kind, "namespace": one.namespace}
    return {key: value for key, value in {**parts, "name": one.name}.items() if value}


def _result(found: Finding, seconds: int) -> Value:
    check = found.check
    properties = {
        "field": found.field,
        "controls": " ".join(found.controls),
        "attack": " ".join(check.attack),
        "fix": check.fix,
        "file": f"{found.object.file}:{found.line or found.object.line}",
    }
    return {
        "policy": check.id,
        "rule": check.title,
        "category": "Kubernetes posture",
        "severity": check.severity,
        "result": "fail",
        "scored": True,
        "timestamp": {"seconds": seconds, "nanos": 0},
        "message": found.message,
        "properties": {key: value for key, value in properties.items() if value},
    }
