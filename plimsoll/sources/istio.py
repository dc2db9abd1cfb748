"""Access logs of Istio's proxies: requests and connections, seen where they leave a pod and where they reach one.

Envoy's log in Istio's default text format, and the same fields as JSON (`accessLogEncoding`).
"""

from __future__ import annotations

import re

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "flow"
TEXT = True

_LINE = re.compile(r"\A\[\d{4}-\d\d-\d\dT[0-9:.]{8,20}Z\] \"")
_TAIL = 6
"""Words after the last quoted one: cluster, upstream's local, downstream's local and remote address, server name, route."""
_BLACK_HOLE = "BlackHoleCluster"
_INSIDE = (".svc.cluster.local", ".svc")


class Log(msgspec.Struct, frozen=True):
    """An entry of an access log, as far as it tells of a connection."""

    start_time: records.Time
    downstream_remote_address: str | None = None
    downstream_local_address: str | None = None
    upstream_host: str | None = None
    upstream_local_address: str | None = None
    upstream_cluster: str | None = None
    requested_server_name: str | None = None


_decode = msgspec.json.Decoder(Log).decode
_time = msgspec.json.Decoder(records.Time).decode


def recognises(record: object) -> bool:
    """Return whether this is an entry of an access log, as text or as JSON.

    >>> recognises({"start_time": "", "upstream_cluster": "", "downstream_remote_address": ""})
    True
    """
    if isinstance(record, str):
        return _LINE.match(record[:80]) is not None and len(record.rpartition('"')[2].split()) == _TAIL
    wanted = {"start_time", "upstream_cluster", "downstream_remote_address"}
    return isinstance(record, dict) and wanted <= record.keys()


def _entry(line: bytes) -> Log:
    """Return the entry of a line."""
    if line.lstrip().startswith(b"{"):
        return _decode(line)
    text = line.decode()
    head, _, host_and_rest = text.rpartition(' "')
    host, _, rest = host_and_rest.partition('"')
    words = rest.split()
    if not _LINE.match(text[:80]) or not head or len(words) != _TAIL:
        raise records.Unreadable("no entry of Istio's access log")
    moment = _time(f'"{text[1 : text.index("]")]}"'.encode())
    cluster, own, local, remote, name, _ = words
    return Log(moment, remote, local, host, own, cluster, name)


def rows(log: Log) -> list[Row]:
    """Return a row for each connection that an entry tells both ends of.

    A sidecar calls from its pod's own address; a gateway is called by one end and itself calls another.
    """
    cluster = _told(log.upstream_cluster) or ""
    caller, local = _address(log.downstream_remote_address), _address(log.downstream_local_address)
    if cluster.startswith("inbound|"):
        return _row(log, cluster, caller, local)
    own, called = _address(log.upstream_local_address), _address(log.upstream_host) or local
    if own is None or caller is None or own[0] == caller[0]:
        return _row(log, cluster, caller, called)
    return _row(log, "", caller, local) + _row(log, cluster, own, called)


def _row(log: Log, cluster: str, caller: tuple[str, int] | None, called: tuple[str, int] | None) -> list[Row]:
    if caller is None or called is None:
        return []
    told: Row = {
        "time": log.start_time,
        "verdict": "DROPPED" if cluster == _BLACK_HOLE else "FORWARDED",
        "is_reply": False,
        "l4_protocol": "TCP",
        "source_ip": caller[0],
        "source_port": caller[1],
        "destination_ip": called[0],
        "destination_port": called[1],
        "destination_names": _names(log, cluster),
        "count": 1,
    }
    return [activity.filled(told)]


def _names(log: Log, cluster: str) -> list[str]:
    """Return the names that are none of the cluster's own."""
    if not cluster or cluster.startswith("inbound|"):
        return []
    host = cluster.rpartition("|")[2] if cluster.startswith("outbound|") else ""
    names = dict.fromkeys(name for name in (host, _told(log.requested_server_name)) if name)
    return [name for name in names if not name.endswith(_INSIDE) and not name.startswith(("outbound", "inbound"))]


def _told(text: str | None) -> str | None:
    return None if text in ("-", "", None) else text


def _address(text: str | None) -> tuple[str, int] | None:
    """Return address and port.

    >>> _address("10.1.0.5:8080"), _address("[fd00::1]:80"), _address("envoy://internal"), _address("-")
    (('10.1.0.5', 8080), ('fd00::1', 80), None, None)
    """
    host, _, port = (text or "").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    sound = host and port.isdigit() and len(port) <= 5 and not host.strip("0123456789abcdefABCDEF.:")
    return (host, int(port)) if sound else None


parse = records.each_line(STREAM, lambda line: rows(_entry(line)))
