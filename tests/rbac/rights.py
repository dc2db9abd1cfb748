"""RBAC objects and the audit events of a small shop, as the tests of rights tell them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.cluster import objects
from plimsoll.rbac import uses
from tests import told

API = "rbac.authorization.k8s.io"
Object = dict[str, Any]
WEB = "sa:shop/web"
BECAUSE = 'RBAC: allowed by RoleBinding "web/shop" of Role "web" to ServiceAccount "web/shop"'
EVERYWHERE = 'RBAC: allowed by ClusterRoleBinding "web" of ClusterRole "web" to ServiceAccount "web/shop"'


def rule(what: str, *names: str) -> Object:
    """`get,list pods,secrets` or `get /healthz`; a group follows the first resource after a dot, `*.*` is everything."""
    verbs, _, parts = what.partition(" ")
    if parts.startswith("/") or parts == "url *":
        return {"verbs": verbs.split(","), "nonResourceURLs": parts.removeprefix("url ").split(",")}
    groups = {part.partition("/")[0].partition(".")[2] for part in parts.split(",")}
    resources = [
        part.partition("/")[0].partition(".")[0] + (f"/{sub}" if (sub := part.partition("/")[2]) else "")
        for part in parts.split(",")
    ]
    made: Object = {"verbs": verbs.split(","), "apiGroups": sorted(groups), "resources": resources}
    return made | ({"resourceNames": [*names]} if names else {})


def role(name: str, *rules: Object, namespace: str | None = "shop", labels: dict[str, str] | None = None) -> Object:
    kind = "Role" if namespace else "ClusterRole"
    meta: Object = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": f"{API}/v1", "kind": kind, "metadata": meta | {"labels": labels or {}}, "rules": [*rules]}


def binding(name: str, to: str, *subjects: str, namespace: str | None = "shop") -> Object:
    """A binding to `Kind/name` of these subjects."""
    kind, _, called = to.partition("/")
    return {
        "apiVersion": f"{API}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": API, "kind": kind, "name": called},
        "subjects": [subject(one) for one in subjects],
    }


def subject(text: str) -> Object:
    kind, _, name = text.partition(":")
    if kind == "sa":
        namespace, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "name": account} | ({"namespace": namespace} if namespace else {})
    return {"apiGroup": API, "kind": kind.capitalize(), "name": name}


def held(path: Path, *given: Object) -> pl.DataFrame:
    return objects.read(written(path, *given)).frame


def written(path: Path, *given: Object) -> str:
    file = path / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*given]}))
    return str(file)


def used(rows: Sequence[told.Row], since: int | None = None) -> uses.Used:
    taken = uses.Uses(since)
    taken.take(frames.of_rows(tables.AUDIT, rows))
    return taken.told()


def did(what: str, reason: str = BECAUSE, day: int = 0, **columns: Any) -> told.Row:
    return told.request(what, annotations_reason=reason, time=told.at(days=day), **columns)
