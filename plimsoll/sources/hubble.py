"""Hubble's flows: what Cilium saw pass between two ends, turned so that the source is who opened the connection.

Lines of `hubble observe -o json` and of the exporter (`{"flow": …}`), bare flows, and documents of
many (`{"flows": […]}`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "flow"

RESERVED = {
    7: "kube-apiserver",
    8: "ingress",
    4: "health",
    1: "host",
    6: "remote-node",
    5: "init",
    3: "unmanaged",
    2: "world",
    9: "world-ipv4",
    10: "world-ipv6",
}
"""Cilium's reserved identities, the most telling first: an end may have several labels."""

_OWN = ("io.kubernetes.pod.namespace=", "io.cilium.k8s.")
"""Labels that Cilium adds to a pod's own."""

_ANSWERS = 64
"""Addresses of one answer that are read: more than fit into what a resolver asks again for."""


class Workload(msgspec.Struct, frozen=True):
    """A pod's workload."""

    kind: str | None = None
    name: str | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """One end of a flow."""

    identity: int | None = None
    namespace: str | None = None
    pod_name: str | None = None
    labels: list[str] | None = None
    workloads: list[Workload] | None = None


class Addresses(msgspec.Struct, frozen=True):
    """The addresses of a flow's two ends."""

    source: str | None = None
    destination: str | None = None


class Flags(msgspec.Struct, frozen=True):
    """The flags of a TCP packet that tell who answers."""

    SYN: bool = False
    ACK: bool = False


class Ports(msgspec.Struct, frozen=True):
    """The ports of a flow's two ends."""

    source_port: int | None = None
    destination_port: int | None = None
    flags: Flags | None = None


class Layer4(msgspec.Struct, frozen=True):
    """The transport: one of these is set."""

    TCP: Ports | None = None
    UDP: Ports | None = None
    SCTP: Ports | None = None
    ICMPv4: dict[str, Any] | None = None
    ICMPv6: dict[str, Any] | None = None


class Service(msgspec.Struct, frozen=True):
    """A Service."""

    name: str | None = None
    namespace: str | None = None


class Dns(msgspec.Struct, frozen=True):
    """A question of DNS, and where it is an answer the addresses it tells."""

    query: str | None = None
    ips: list[str] | None = None


class Layer7(msgspec.Struct, frozen=True):
    """A request or answer that the proxy saw."""

    type: str | None = None
    dns: Dns | None = None


class Flow(msgspec.Struct, frozen=True):
    """A flow, or one of the exporter's other messages, which teach nothing."""

    time: records.Time | None = None
    verdict: str | None = None
    IP: Addresses | None = None
    ip: Addresses | None = None
    l4: Layer4 | None = None
    l7: Layer7 | None = None
    source: Endpoint | None = None
    destination: Endpoint | None = None
    source_names: list[str] | None = None
    destination_names: list[str] | None = None
    source_service: Service | None = None
    destination_service: Service | None = None
    kind: str | None = msgspec.field(default=None, name="Type")
    node_name: str | None = None
    is_reply: bool | None = None
    reply: bool | None = None
    lost_events: dict[str, Any] | None = None
    node_status: dict[str, Any] | None = None
    agent_event: dict[str, Any] | None = None
    debug_event: dict[str, Any] | None = None


class Line(msgspec.Struct, frozen=True):
    """What a line may wrap."""

    flow: msgspec.Raw = msgspec.Raw()
    flows: list[msgspec.Raw] | None = None


class Side(NamedTuple):
    """All that a flow tells of one end."""

    address: str | None
    port: int | None
    endpoint: Endpoint
    names: list[str] | None
    service: Service | None


_line = msgspec.json.Decoder(Line).decode


def recognises(record: object) -> bool:
    """Return whether this is a flow of Hubble, wrapped or bare, or a document of flows.

    >>> recognises({"flow": {"verdict": "FORWARDED", "l4": {}}}), recognises({"flows": []})
    (True, False)
    """
    if not isinstance(record, dict):
        return False
    flows = record.get("flows")
    flow = record.get("flow", flows[0] if isinstance(flows, list) and flows else record)
    return isinstance(flow, dict) and ("verdict" in flow and bool({"IP", "ip", "l4", "l7"} & flow.keys()))


def split(line: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Return the flows that a line wraps, or the line itself."""
    wrapper = _line(line)
    if wrapper.flows is not None:
        return wrapper.flows
    return [wrapper.flow if bytes(wrapper.flow) not in (b"", b"null") else line]


def rows(flow: Flow) -> list[Row]:
    """Return the flow's row; what is no packet or request between two ends has none."""
    addresses = flow.IP or flow.ip
    if addresses is None and flow.l4 is None:
        return _untaught(flow)
    if flow.kind == "SOCK":  # a socket's address being translated, not a connection
        return []
    protocol, ports = _transport(flow.l4 or Layer4())
    at = addresses or Addresses()
    source = Side(at.source, ports.source_port, flow.source or Endpoint(), flow.source_names, flow.source_service)
    destination = Side(
        at.destination,
        ports.destination_port,
        flow.destination or Endpoint(),
        flow.destination_names,
        flow.destination_service,
    )
    reply = _is_reply(flow, ports)
    opener, called = (destination, source) if reply and not _kept(flow, ports) else (source, destination)
    told: Row = {
        "time": activity.at(flow.time),
        "verdict": "FORWARDED" if flow.verdict == "ALLOWED" else flow.verdict,  # tools that rewrite flows say so
        "is_reply": reply,
        "l4_protocol": protocol,
        "destination_names": called.names,
        "destination_service": _service(called.service),
        "node_name": flow.node_name,
        "count": 1,
    }
    ends = activity.filled({**told, **_end("source", opener), **_end("destination", called)})
    return [ends, *_answers(flow, opener)]


def _answers(flow: Flow, asker: Side) -> Iterator[Row]:
    """Yield the addresses that an answer of DNS tells its asker: a row for each, of no connection."""
    dns = flow.l7.dns if flow.l7 else None
    if dns is None or not dns.query or not dns.ips:
        return
    for address in dns.ips[:_ANSWERS]:
        told: Row = {
            "time": activity.at(flow.time),
            "verdict": flow.verdict,
            "is_reply": True,
            "destination_ip": address,
            "destination_names": [dns.query.rstrip(".")],
            "node_name": flow.node_name,
            "count": 1,
        }
        yield activity.filled({**told, **_end("source", asker)})


def _untaught(flow: Flow) -> list[Row]:
    if (
        flow.lost_events is None
        and flow.node_status is None
        and flow.agent_event is None
        and flow.debug_event is None
        and flow.kind is None
    ):
        raise records.Unreadable("no flow of Hubble")
    return []


def _transport(layer: Layer4) -> tuple[str | None, Ports]:
    for protocol, ports in (("TCP", layer.TCP), ("UDP", layer.UDP), ("SCTP", layer.SCTP)):
        if ports is not None:
            return protocol, ports
    return (None if layer.ICMPv4 is None and layer.ICMPv6 is None else "ICMP"), Ports()


def _is_reply(flow: Flow, ports: Ports) -> bool | None:
    """Whether the packet goes back to the opener; where Cilium's connection table was not asked, its flags tell."""
    if flow.is_reply is not None:
        return flow.is_reply
    if ports.flags and ports.flags.SYN:
        return ports.flags.ACK
    return flow.reply


def _kept(flow: Flow, ports: Ports) -> bool:
    """Whether an answer's ends are written as its request's: the proxy does so for some, with the server's port last."""
    return flow.l7 is not None and (ports.destination_port or 0) < (ports.source_port or 0)


def _end(side: str, end: Side) -> Row:
    endpoint = end.endpoint
    owner = (endpoint.workloads or [Workload()])[0]
    known = activity.workload(owner.kind, owner.name)
    return {
        f"{side}_ip": end.address,
        f"{side}_port": end.port,
        f"{side}_namespace": endpoint.namespace,
        f"{side}_pod_name": endpoint.pod_name,
        f"{side}_workload_kind": known.get("k8s_workload_kind"),
        f"{side}_workload_name": known.get("k8s_workload_name"),
        f"{side}_labels": _labels(endpoint.labels or []),
        f"{side}_identity": _reserved(endpoint),
    }


def _labels(labels: list[str]) -> list[str]:
    """Return a pod's own labels.

    >>> _labels(["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop", "reserved:host"])
    ['app=web']
    """
    return [label[4:] for label in labels if label.startswith("k8s:") and not label[4:].startswith(_OWN)]


def _reserved(endpoint: Endpoint) -> str | None:
    """Return which reserved end this is, by its labels, else by its number.

    >>> _reserved(Endpoint(labels=["reserved:world", "reserved:kube-apiserver"])), _reserved(Endpoint(identity=9))
    ('kube-apiserver', 'world')
    """
    labels = {label.removeprefix("reserved:") for label in endpoint.labels or [] if label.startswith("reserved:")}
    name = next((name for name in RESERVED.values() if name in labels), None) or (min(labels) if labels else None)
    if name is None and endpoint.identity is not None:
        name = RESERVED.get(endpoint.identity)
    return "world" if name in ("world-ipv4", "world-ipv6") else name


def _service(service: Service | None) -> str | None:
    return f"{service.namespace or ''}/{service.name}" if service and service.name else None


parse = records.each(STREAM, rows, Flow, split)
