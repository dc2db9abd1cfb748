"""Flows and objects for the tests of generated policies."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.policies import edges, templates

NOON = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)
End = str | tuple[str, str, str]


def flow(source: End, destination: End, port: int, protocol: str = "TCP", **more: Any) -> dict[str, Any]:
    """A flow between workloads (namespace, kind, name) and addresses."""
    row = {"time": NOON, "l4_protocol": protocol, "destination_port": port, "source_port": 40_000, "is_reply": False}
    for side, end in (("source", source), ("destination", destination)):
        if isinstance(end, str):
            row[f"{side}_ip"] = end
        else:
            row |= dict(zip((f"{side}_namespace", f"{side}_workload_kind", f"{side}_workload_name"), end, strict=True))
    return {**row, **more}


def events(*flows: dict[str, Any]) -> pl.DataFrame:
    return frames.of_rows(tables.FLOW, flows)


def seen(*flows: dict[str, Any], times: int = 1) -> pl.DataFrame:
    """Edges of these flows, each seen so often."""
    return edges.of(events(*[{"count": times, **one} for one in flows]))


def pod(
    namespace: str,
    name: str,
    labels: dict[str, str],
    *,
    ip: str = "",
    ports: tuple[tuple[str, int, str], ...] = (),
    kind: str = "Deployment",
    **spec: Any,
) -> dict[str, Any]:
    """The row of a pod of a workload."""
    told = [{"protocol": protocol, "containerPort": number, "name": port} for protocol, number, port in ports]
    body = {
        "metadata": {"name": f"{name}-x", "namespace": namespace, "labels": labels},
        "spec": {"containers": [{"name": "c", "ports": told}], **spec},
        "status": {"podIP": ip, "hostIP": "192.168.7.1"},
    }
    return row(
        "v1", "Pod", namespace, f"{name}-x", body, workload_kind=kind, workload_name=name, ips=[ip] if ip else []
    )


def row(api: str, kind: str, namespace: str, name: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A row of tables.OBJECTS."""
    text = json.dumps({"apiVersion": api, "kind": kind, **body})
    return {"apiVersion": api, "kind": kind, "namespace": namespace, "name": name, "object": text, **more}


def service(
    namespace: str, name: str, selector: dict[str, str] | None, *ports: tuple[int, int | str], **spec: Any
) -> dict[str, Any]:
    told = [{"port": own, "targetPort": target} for own, target in ports]
    return row("v1", "Service", namespace, name, {"spec": {"selector": selector, "ports": told, **spec}})


def cluster(*rows: dict[str, Any], told: pl.DataFrame | None = None) -> templates.Cluster:
    labels = edges.LABELS.to_frame() if told is None else told
    return templates.cluster(frames.of_rows(tables.OBJECTS, rows), labels)


WEB, REDIS = ("shop", "Deployment", "web"), ("shop", "Deployment", "redis")
SHOP = (
    pod("shop", "web", {"app": "web", "pod-template-hash": "5d8"}, ip="10.1.0.5", ports=(("TCP", 8080, "http"),)),
    pod("shop", "redis", {"app": "redis"}, ip="10.1.0.7", ports=(("TCP", 6379, "redis"),)),
)
