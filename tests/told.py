"""Events as the tests of the spine tell them, and a judge that learned them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from plimsoll import engines, facts, frames, tables
from plimsoll.detect import evidence, judge
from plimsoll.learn import profile

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
Row = dict[str, Any]


def at(seconds: float = 0, *, days: int = 0) -> datetime:
    """A moment after the start of what tests tell."""
    return START + timedelta(days=days, seconds=seconds)


def request(what: str = "get pods", namespace: str | None = "shop", name: str | None = None, **columns: Any) -> Row:
    """One request of the shop's web pod, unless the columns say otherwise; `what` is as facts say it.

    `get pods/exec` and `patch deployments.apps` are requests, and so is `get /healthz`.
    """
    verb, _, told = what.partition(" ")
    row: Row = {
        "evt_num": 1,
        "time": START,
        "auditID": "a-0",
        "stage": "ResponseComplete",
        "level": "Metadata",
        "verb": verb,
        "requestURI": told if told.startswith("/") else f"/api/v1/{told}",
        "user_username": "system:serviceaccount:shop:web",
        "user_groups": ["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"],
        "user_credential_id": "JTI=web",
        "user_pod_name": "web-7d9c5b8f6d-x2k4q",
        "user_pod_uid": "uid-web",
        "source_ip": "10.244.1.7",
        "userAgent": "web/v1.4.2 (linux/amd64) kubernetes/abc",
        "responseStatus_code": 200,
        "annotations_decision": "allow",
    }
    if not told.startswith("/"):
        resource, _, sub = told.partition("/")
        resource, _, group = resource.partition(".")
        row |= {
            "objectRef_resource": resource,
            "objectRef_apiGroup": group or None,
            "objectRef_subresource": sub or None,
        }
        row |= {"objectRef_namespace": namespace, "objectRef_name": name}
    return row | columns


def deed(kind: str = "execve", **columns: Any) -> Row:
    """One event of a process in the shop's redis container."""
    row: Row = {
        "evt_num": 1,
        "time": START,
        "evt_type": kind,
        "evt_res": "SUCCESS",
        "proc_name": "redis-server",
        "proc_exepath": "/usr/bin/redis-server",
        "proc_pname": "sh",
        "proc_pexepath": "/bin/sh",
        "container_id": "0123456789abcdef",
        "container_name": "redis",
        "k8s_ns_name": "shop",
        "k8s_pod_name": "redis-6b8d5f7c9d-x2k4q",
        "hostname": "node-1",
    }
    return row | columns


def flow(**columns: Any) -> Row:
    """One connection of the shop's web to its redis."""
    row: Row = {
        "evt_num": 1,
        "time": START,
        "verdict": "FORWARDED",
        "is_reply": False,
        "l4_protocol": "TCP",
        "source_ip": "10.244.1.7",
        "source_namespace": "shop",
        "source_pod_name": "web-7d9c5b8f6d-x2k4q",
        "destination_ip": "10.244.2.9",
        "destination_port": 6379,
        "destination_namespace": "shop",
        "destination_pod_name": "redis-6b8d5f7c9d-h7p9z",
    }
    return row | columns


def events(stream: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """These rows as events of a stream."""
    return frames.of_rows(tables.STREAMS[stream], rows)


def numbered(rows: Iterable[Row]) -> list[Row]:
    """The rows with a number and an audit id each, `a-1`, `a-2`, …"""
    return [row | {"evt_num": number, "auditID": f"a-{number}"} for number, row in enumerate(rows, start=1)]


def stated(stream: str, *rows: Mapping[str, Any]) -> set[tuple[str, str, str, str]]:
    """The facts (subject, verb, given, object) that these events state."""
    return set(facts.of(stream, events(stream, rows)).select("subject", "verb", "given", "object").rows())


def said(stream: str, verb: str, *rows: Mapping[str, Any]) -> set[tuple[str, str]]:
    """What these events say by one verb: (given, object)."""
    return {(given, what) for _, said, given, what in stated(stream, *rows) if said == verb}


def learned(stream: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The profile of these events."""
    return engines.collect(profile.learn(engines.of(facts.of(stream, events(stream, rows)))))


def judge_of(known: pl.DataFrame, approved: Sequence[judge.Approved] = (), *, unlearned: bool = False) -> judge.Judge:
    """A judge who knows this profile."""
    held = evidence.Levels(*map(held_in_memory, evidence.levels(engines.of(known), known["day"].max() or 0)))  # type: ignore[arg-type]
    return judge.Judge(held, known.filter(pl.col("verb").is_in(facts.CREDENTIAL_VERBS)), approved, unlearned=unlearned)


def held_in_memory(frame: evidence.Frame) -> evidence.Frame:
    """A frame that is computed once."""
    return engines.of(engines.collect(frame))


def habit(days: int = 10, **columns: Any) -> list[Row]:
    """What the shop's web pod does every hour of so many days: list pods and read its settings, as its only habit."""
    hours = [at(days=day, seconds=3600 * hour) for day in range(days) for hour in range(8)]
    listed = [request("list pods", time=time, **columns) for time in hours]
    return listed + [request("get configmaps", name="settings", time=time, **columns) for time in hours]


LATER = 20
"""A day, counted from the start, when all that was learned is over."""


def event(row: Row) -> Row:
    """A request as the API server logs it."""
    extra = {
        "credential-id": row.get("user_credential_id"),
        "pod-name": row.get("user_pod_name"),
        "pod-uid": row.get("user_pod_uid"),
    }
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        **{name: row[name] for name in ("level", "auditID", "stage", "requestURI", "verb", "userAgent")},
        "user": {
            "username": row["user_username"],
            "groups": row["user_groups"],
            "extra": {f"authentication.kubernetes.io/{name}": [value] for name, value in extra.items() if value},
        },
        "sourceIPs": [row["source_ip"]],
        "objectRef": {
            name.removeprefix("objectRef_"): value
            for name, value in row.items()
            if name.startswith("objectRef_") and value
        }
        or None,
        "responseStatus": {"code": row["responseStatus_code"]},
        "requestReceivedTimestamp": row["time"].isoformat().replace("+00:00", "Z"),
        "annotations": {"authorization.k8s.io/decision": row["annotations_decision"]},
    }


def log(path: Path, rows: Iterable[Row], *broken: str) -> Path:
    """Write requests as an audit log, broken lines at its end."""
    lines = [json.dumps(event(row)) for row in numbered(rows)]
    path.write_text("".join(f"{line}\n" for line in (*lines, *broken)))
    return path
