"""Calico's flow logs: what passed between two ends in an interval, counted by the node that saw it.

Lines of the flow logs of Calico Enterprise and Cloud, and the flows that Goldmane gives (Calico 3.30 on), one a line.
"""

from __future__ import annotations

from typing import Any

import msgspec

from plimsoll import normal
from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "flow"

_NONE = ("", "-", None)
_VERDICTS = {"allow": "FORWARDED", "deny": "DROPPED"}
_IDENTITIES = {"hep": "host", "host": "host", "net": "world", "network": "world"}


class LabelList(msgspec.Struct, frozen=True):
    """Labels as Enterprise writes them."""

    labels: list[str] | None = None


Labels = LabelList | str | list[str] | None


class Flow(msgspec.Struct, frozen=True):
    """A flow log."""

    start_time: records.Time | int
    action: str
    source_ip: str | None = None
    source_name: str | None = None
    source_name_aggr: str | None = None
    source_namespace: str | None = None
    source_port: int | None = None
    source_type: str | None = None
    source_labels: Labels = None
    dest_ip: str | None = None
    dest_name: str | None = None
    dest_name_aggr: str | None = None
    dest_namespace: str | None = None
    dest_port: int | None = None
    dest_type: str | None = None
    dest_labels: Labels = None
    dest_service_name: str | None = None
    dest_service_namespace: str | None = None
    dest_domains: list[str] | None = None
    proto: str | None = None
    protocol: str | None = None
    num_flows_started: int | None = None
    num_flows: int | None = None
    host: str | None = None


def recognises(record: object) -> bool:
    """Return whether this is a flow log of Calico.

    >>> recognises({"source_name_aggr": "web-*", "dest_name_aggr": "redis-*", "action": "allow", "reporter": "dst"})
    True
    """
    return isinstance(record, dict) and {"action", "reporter"} <= record.keys() and _ends(record)


def _ends(record: dict[str, Any]) -> bool:
    return {"source_name", "dest_name"} <= record.keys() or {"source_name_aggr", "dest_name_aggr"} <= record.keys()


def rows(flow: Flow) -> list[Row]:
    """Return the flow's row; one that no connection began in has none of its own but tells of one that is open."""
    protocol = (flow.proto or flow.protocol or "").upper()
    told: Row = {
        "time": flow.start_time * 1_000_000 if isinstance(flow.start_time, int) else flow.start_time,
        "verdict": _VERDICTS.get(flow.action.lower()),
        "is_reply": False,
        "l4_protocol": "ICMP" if protocol.startswith("ICMP") else protocol,
        "source_port": flow.source_port,
        "destination_port": flow.dest_port,
        "destination_names": flow.dest_domains,
        "destination_service": _service(flow),
        "node_name": flow.host,
        "count": max(1, flow.num_flows_started or flow.num_flows or 1),
    }
    source = _end(
        "source",
        flow.source_ip,
        flow.source_type,
        flow.source_namespace,
        flow.source_name,
        flow.source_name_aggr,
        flow.source_labels,
    )
    destination = _end(
        "destination",
        flow.dest_ip,
        flow.dest_type,
        flow.dest_namespace,
        flow.dest_name,
        flow.dest_name_aggr,
        flow.dest_labels,
    )
    return [activity.filled({**told, **source, **destination})]


def _service(flow: Flow) -> str | None:
    name, space = flow.dest_service_name, flow.dest_service_namespace
    return None if name in _NONE or space in _NONE else f"{space}/{name}"


def _end(
    side: str,
    ip: str | None,
    kind: str | None,
    space: str | None,
    name: str | None,
    family: str | None,
    labels: Labels,
) -> Row:
    found: Row = {f"{side}_ip": ip, f"{side}_identity": _IDENTITIES.get((kind or "").lower())}
    if found[f"{side}_identity"] is not None or space in _NONE:
        return found
    found |= {f"{side}_namespace": space, f"{side}_labels": _labels(labels)}
    whole = name if name not in _NONE and not (name or "").endswith("*") else None
    if whole:
        return found | {f"{side}_pod_name": whole}
    owner = _owner(family if family not in _NONE else name)
    return found | ({f"{side}_workload_kind": owner[0], f"{side}_workload_name": owner[1]} if owner else {})


def _owner(family: str | None) -> tuple[str, str] | None:
    """Return whose pods share the beginning of a name.

    >>> _owner("access-6b687c8dcb-*"), _owner("redis-*")
    (('Deployment', 'access'), ('DaemonSet', 'redis'))
    """
    if family in _NONE or family is None:
        return None
    base = family.removesuffix("*").rstrip("-")
    return normal.workload_of_pod(f"{base}-bbbbb") if family.endswith("*") else normal.workload_of_pod(family)


def _labels(labels: Labels) -> list[str]:
    if isinstance(labels, LabelList):
        return [label for label in labels.labels or [] if "=" in label]
    parts = labels.split("|") if isinstance(labels, str) else labels or []
    return [part.strip() for part in parts if "=" in part]


parse = records.each(STREAM, rows, Flow)
