"""Flow logs of Amazon's VPC: what passed an interface in an interval; nothing tells who opened a connection.

Lines of the default format, version 2 (Amazon VPC user guide, "Flow log records"), with or without their heading.
"""

from __future__ import annotations

from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "flow"
TEXT = True

_FIELDS = 14
_PROTOCOLS = {"6": "TCP", "17": "UDP", "132": "SCTP", "1": "ICMP", "58": "ICMP"}
_VERDICTS = {"ACCEPT": "FORWARDED", "REJECT": "DROPPED"}
_HEADING = "version"


def recognises(record: object) -> bool:
    """Return whether this text is a record or the heading.

    >>> recognises("2 1 eni-1 172.31.1.9 172.31.1.2 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK")
    True
    """
    words = record.split() if isinstance(record, str) and len(record) < 1000 else []
    return len(words) == _FIELDS and (
        words[0] == _HEADING or (words[0] == "2" and words[13] in ("OK", "NODATA", "SKIPDATA"))
    )


def rows(line: bytes) -> list[Row]:
    """Return the record's row; the heading, and an interval of which nothing is told, have none."""
    words = line.decode().split()
    if len(words) != _FIELDS or words[0] not in ("2", _HEADING):
        raise records.Unreadable("no record of the default format, version 2")
    if words[0] == _HEADING or words[13] != "OK":
        return []
    _, _, interface, source, destination, sport, dport, protocol, _, _, start, _, action, _ = words
    told: Row = {
        "time": int(start) * 1_000_000,
        "verdict": _VERDICTS.get(action),
        "l4_protocol": _PROTOCOLS.get(protocol),
        "source_ip": source,
        "source_port": int(sport),
        "destination_ip": destination,
        "destination_port": int(dport),
        "node_name": interface,
        "count": 1,
    }
    return [activity.filled(told)]


parse = records.each_line(STREAM, rows)
