"""Events with Falco's fields, one a line: the keys are the names of fields, a missing key is a field without value.

The activity table takes what it has columns for. `Wide` makes frames of just the fields that rules ask for, of just
the kinds of events they may hold for: of a system's calls that is one in five, and the others are only looked over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from plimsoll.sources import activity, records
from plimsoll.sources.activity import Row

STREAM: records.Stream = "activity"

FIELDS = {
    "evt_res": "evt.res",
    "evt_arg_flags": "evt.arg.flags",
    "proc_name": "proc.name",
    "proc_exepath": "proc.exepath",
    "proc_cmdline": "proc.cmdline",
    "proc_cwd": "proc.cwd",
    "proc_pid": "proc.pid",
    "proc_ppid": "proc.ppid",
    "proc_pname": "proc.pname",
    "proc_pexepath": "proc.pexepath",
    "proc_tty": "proc.tty",
    "proc_is_exe_upper_layer": "proc.is_exe_upper_layer",
    "proc_is_exe_from_memfd": "proc.is_exe_from_memfd",
    "user_uid": "user.uid",
    "user_name": "user.name",
    "fd_name": "fd.name",
    "fs_path_target": "fs.path.target",
    "fd_l4proto": "fd.l4proto",
    "fd_cip": "fd.cip",
    "fd_cport": "fd.cport",
    "fd_sip": "fd.sip",
    "fd_sport": "fd.sport",
    "fd_sip_name": "fd.sip.name",
    "container_id": "container.id",
    "container_name": "container.name",
    "container_image": "container.image",
    "container_image_digest": "container.image.digest",
    "k8s_ns_name": "k8s.ns.name",
    "k8s_pod_name": "k8s.pod.name",
    "k8s_pod_uid": "k8s.pod.uid",
}
"""Where a column comes from."""
INTERNAL = frozenset({"procinfo", "switch", "container", "useradded", "userdeleted", "groupadded", "groupdeleted"})
"""Kinds of events that Falco's libraries make up: nobody did anything."""
_UNKNOWN = 2**32 - 1
"""How a missing user id is told."""


def recognises(record: object) -> bool:
    """Return whether this is an event with Falco's fields.

    >>> recognises({"evt.num": 1, "evt.type": "execve"}), recognises({"evt.type": "execve"})
    (True, False)
    """
    return isinstance(record, dict) and {"evt.num", "evt.type"} <= record.keys() and "rule" not in record


def rows(event: dict[str, Any]) -> list[Row]:
    """Return the event's row; of what the kernel only notes there is none."""
    kind, time = event.get("evt.type"), event.get("evt.rawtime")
    if type(kind) is not str or type(event.get("evt.num")) is not int:
        raise records.Unreadable("no evt.type or no evt.num")
    if kind in INTERNAL:
        return []
    found = {column: event.get(name) for column, name in FIELDS.items()}
    row: Row = {column: None if value in ("<NA>", _UNKNOWN) else value for column, value in found.items()}
    if row["container_id"] == "host":
        row["container_id"] = row["container_name"] = None
    return [
        activity.filled(
            {
                **row,
                "time": activity.at(time),
                "evt_type": activity.SYSCALLS.get(kind, kind),
                "evt_source": "falco",
                "proc_aname": _ancestors(event),
            }
        )
    ]


def _ancestors(event: Mapping[str, Any]) -> list[str]:
    """The names from the parent on, as far as they are told without a gap."""
    names: list[str] = []
    while type(name := event.get(f"proc.aname[{len(names) + 1}]")) is str:
        names.append(name)
    return names


parse = records.each(STREAM, rows, dict[str, Any])


class Head(msgspec.Struct, frozen=True, gc=False):
    """What says whether a record is an event, and whether anybody asks for it."""

    kind: str = msgspec.field(name="evt.type")
    number: int = msgspec.field(name="evt.num")


_head = msgspec.json.Decoder(Head).decode
_whole = msgspec.json.Decoder(dict[str, Any]).decode
_TYPES: dict[pl.DataType, Any] = {
    pl.String(): str | None,
    pl.Boolean(): bool | None,
    pl.Int64(): int | None,
    pl.UInt64(): int | None,
    pl.Float64(): float | None,
    pl.List(pl.String()): list[str] | None,
}
LINE = "line"
"""The column of the events' own lines."""
MOST_KINDS = 10_000


def told(line: bytes, columns: Mapping[str, pl.DataType]) -> dict[str, Any]:
    """Return fields of an event's line; a value that is not of its field's type is none.

    >>> told(b'{"proc.name": "sh", "proc.pid": "x"}', {"proc.name": pl.String(), "proc.pid": pl.Int64()})
    {'proc.name': 'sh', 'proc.pid': None}
    """
    event = _whole(line)
    return {name: _fitting(event.get(name), _TYPES[dtype]) for name, dtype in columns.items()}


def _fitting(value: Any, wanted: Any) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None


class Wide:
    """The same records as frames whose columns are the fields asked for, and the line itself for what is asked for later.

    >>> wide = Wide({"proc.name": pl.String()}, lambda kind: kind == "execve")
    >>> parsed = wide.parse([b'{"evt.num":7,"evt.type":"execve","proc.name":"sh"}', b'{"evt.num":8,"evt.type":"close"}'], 1)
    >>> parsed.accepted, parsed.events.drop(LINE).rows(named=True)
    (2, [{'proc.name': 'sh', 'evt.num': 7, 'evt.type': 'execve', 'evt.rawtime': None}])
    """

    STREAM: records.Stream = STREAM

    def __init__(self, columns: Mapping[str, pl.DataType], wants: Callable[[str], bool]) -> None:
        always = {"evt.num": pl.Int64(), "evt.type": pl.String(), "evt.rawtime": pl.UInt64()}
        self._columns = {**columns, **always}
        fields = [
            (f"f{at}", _TYPES[dtype], msgspec.field(name=name, default=None))
            for at, (name, dtype) in enumerate(self._columns.items())
        ]
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Event", fields, frozen=True, gc=False)).decode
        self._wants = wants
        self._wanted: dict[str, bool] = {}

    def recognises(self, record: object) -> bool:
        """Say whether this is an event with Falco's fields."""
        return recognises(record)

    def parse(self, lines: Sequence[bytes], first: int) -> records.Parsed:
        """Return a frame of the events that are wanted; the others are counted, and looked at as far as to know that they are events."""
        del first  # the events bring their number
        found: list[Any] = []
        offsets: list[int] = []
        rejects: list[records.Reject] = []
        wanted, decode = self._wanted, self._decode
        for offset, line in enumerate(lines):
            try:
                if not line.isascii():
                    line.decode()
                kind = _head(line).kind
                if wanted[kind] if kind in wanted else self._asked(kind):
                    found.append(decode(line))
                    offsets.append(offset)
            except records.BROKEN as broken:
                rejects.append(records.Reject(offset, records.reason(broken)))
        frame, more = self._frame(found, offsets)
        gone = {reject.offset for reject in more}
        kept = pl.Series(LINE, [lines[offset] for offset in offsets if offset not in gone], pl.Binary)
        return records.Parsed(frame.with_columns(kept), len(lines) - len(rejects) - len(more), sorted(rejects + more))

    def _asked(self, kind: str) -> bool:
        """Ask once about a kind of event; a hostile input can make up a new one for every line."""
        if len(self._wanted) > MOST_KINDS:
            self._wanted.clear()
        self._wanted[kind] = self._wants(kind)
        return self._wanted[kind]

    def _frame(self, events: list[Any], offsets: Sequence[int]) -> tuple[pl.DataFrame, list[records.Reject]]:
        """Return the events as columns, and those of them with a value that fits no column."""
        try:
            return self._columnar(events), []
        except (*records.BROKEN, pl.exceptions.PolarsError) as broken:
            if len(events) < 2:
                return self._columnar([]), [records.Reject(offset, records.reason(broken)) for offset in offsets]
        half = len(events) // 2
        before, wrong = self._frame(events[:half], offsets[:half])
        after, more = self._frame(events[half:], offsets[half:])
        return before.vstack(after), wrong + more

    def _columnar(self, events: list[Any]) -> pl.DataFrame:
        """Return the events as columns; turned around at C's speed, in a third of the time of asking each for each field."""
        values = zip(*map(msgspec.structs.astuple, events), strict=True) if events else [()] * len(self._columns)
        return pl.DataFrame(
            [
                pl.Series(name, column, dtype)
                for column, (name, dtype) in zip(values, self._columns.items(), strict=True)
            ]
        )
