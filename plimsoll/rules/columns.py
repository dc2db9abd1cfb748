"""Frames of events as the rules see them: a column for each field that is asked for, named as the field is."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from functools import cache

import polars as pl

from plimsoll.rules import audit, fields, syntax

_DTYPES: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "double": pl.Float64(),
    "uint64": pl.UInt64(),
    "abstime": pl.UInt64(),
    "reltime": pl.UInt64(),
}
_WHOLE = pl.Int64()


@cache
def dtype(column: str, source: str) -> pl.DataType:
    """Return the type of a field's column.

    >>> dtype("fd.num", "syscall"), dtype("evt.rawtime", "syscall"), dtype("ka.sourceips", "k8s_audit")
    (Int64, UInt64, List(String))
    """
    field = syntax.value(column)
    if not isinstance(field, syntax.Field):
        return pl.String()
    _, kind = fields.resolve(field, source)
    made = _DTYPES.get(kind.type) or (_WHOLE if kind.type in fields.RANGES else pl.String())
    return pl.List(made) if kind.is_list else made


def of_activity(events: pl.DataFrame, wanted: Iterable[str]) -> pl.DataFrame:
    """Return the fields of rows of the activity table; those that it does not hold are left out.

    >>> events = pl.DataFrame({"evt_type": ["openat"], "fd_name": ["/etc/shadow"], "proc_aname": [["sh", "runc"]]})
    >>> of_activity(events, ["fd.directory", "proc.aname[2]", "proc.env"]).rows(named=True)
    [{'fd.directory': '/etc', 'proc.aname[2]': 'runc'}]
    """
    made = {name: expression for name in wanted if (expression := activity(name)) is not None}
    held = [
        expression.alias(name)
        for name, expression in made.items()
        if {*expression.meta.root_names()} <= {*events.columns}
    ]
    return events.select(held) if held else pl.DataFrame()


@cache
def activity(name: str) -> pl.Expr | None:
    """Return how a field is made of the activity table's columns; None where it does not tell it."""
    if name in _PLAIN:
        return pl.col(_PLAIN[name])
    if name in _MADE:
        return _MADE[name]()
    if name.startswith("proc.aname[") and name[11:-1].isdecimal():
        return pl.col("proc_aname").list.get(int(name[11:-1]) - 1, null_on_oob=True)
    return None


_PLAIN = {
    "evt.num": "evt_num",
    "evt.type": "evt_type",
    "evt.res": "evt_res",
    "evt.arg.flags": "evt_arg_flags",
    "evt.hostname": "hostname",
    "proc.name": "proc_name",
    "proc.exepath": "proc_exepath",
    "proc.cmdline": "proc_cmdline",
    "proc.cwd": "proc_cwd",
    "proc.pid": "proc_pid",
    "proc.ppid": "proc_ppid",
    "proc.pname": "proc_pname",
    "proc.pexepath": "proc_pexepath",
    "proc.tty": "proc_tty",
    "proc.is_exe_upper_layer": "proc_is_exe_upper_layer",
    "proc.is_exe_from_memfd": "proc_is_exe_from_memfd",
    "user.uid": "user_uid",
    "user.name": "user_name",
    "fd.name": "fd_name",
    "fd.nameraw": "fd_name",
    "fs.path.name": "fd_name",
    "fs.path.target": "fs_path_target",
    "fd.l4proto": "fd_l4proto",
    "fd.cip": "fd_cip",
    "fd.cport": "fd_cport",
    "fd.sip": "fd_sip",
    "fd.sport": "fd_sport",
    "fd.sip.name": "fd_sip_name",
    "container.id": "container_id",
    "container.name": "container_name",
    "container.image": "container_image",
    "container.image.digest": "container_image_digest",
    "k8s.ns.name": "k8s_ns_name",
    "k8s.pod.name": "k8s_pod_name",
    "k8s.pod.uid": "k8s_pod_uid",
}
_OPENS = ["open", "openat", "openat2", "creat"]
_MOVES = ["rename", "renameat", "renameat2", "link", "linkat"]


def _path() -> pl.Expr:
    return pl.when(pl.col("fd_name").str.starts_with("/")).then(pl.col("fd_name"))


def _opened(pattern: str) -> Callable[[], pl.Expr]:
    """Return whether an event opened a file so."""
    return lambda: (
        pl.col("evt_type").is_in(_OPENS) & pl.col("evt_arg_flags").str.contains(pattern).fill_null(value=False)
    )


def _result() -> pl.Expr:
    """Return a call's result as a number: sensors tell its name."""
    numbers = {name: -number for number, name in errno.errorcode.items()} | {"SUCCESS": 0}
    return pl.col("evt_res").replace_strict(numbers, default=None, return_dtype=pl.Int64)


def _family() -> pl.Expr:
    """Return what an event's file descriptor is, as far as its name and addresses tell."""
    address = pl.coalesce("fd_sip", "fd_cip")
    return (
        pl.when(address.str.contains(":", literal=True)).then(pl.lit("6"))
        .when(address.is_not_null()).then(pl.lit("4"))
        .when(pl.col("fd_name").str.starts_with("/")).then(pl.lit("f"))
    )  # fmt: skip


_MADE: dict[str, Callable[[], pl.Expr]] = {
    "evt.rawtime": lambda: pl.col("time").dt.epoch("us").cast(pl.UInt64) * 1000,
    "evt.rawres": _result,
    "evt.is_open_read": _opened("O_RDONLY|O_RDWR"),
    "evt.is_open_write": _opened("O_WRONLY|O_RDWR"),
    "evt.is_open_create": _opened("O_CREAT"),
    "evt.is_async": lambda: pl.col("evt_type").is_null(),
    # A sensor tells no number of a descriptor; rules ask only whether the call gave one.
    "fd.num": lambda: pl.when(pl.col("evt_res").fill_null("SUCCESS") == "SUCCESS").then(0).otherwise(-1),
    "fd.typechar": _family,
    "fd.type": lambda: _family().replace({"6": "ipv6", "4": "ipv4", "f": "file"}),
    "fd.directory": lambda: pl.when(_path().is_not_null()).then(_path().str.extract(r"(?s)^(/.*)/").fill_null("/")),
    "fd.filename": lambda: _path().str.extract(r"(?s)([^/]*)$"),
    "proc.args": lambda: pl.col("proc_cmdline").str.extract(r"(?s)^[^ ]* ?(.*)$"),
    "proc.aname": lambda: pl.col("proc_aname").list.join(" "),
    "container.image.repository": lambda: (
        pl.col("container_image").str.replace(r"(?s)@.*$", "").str.replace(r"(?s):[^/:]*$", "")
    ),
    "container.image.tag": lambda: (
        pl.col("container_image").str.replace(r"(?s)@.*$", "").str.extract(r"(?s):([^/:]*)$")
    ),
    "evt.arg.oldpath": lambda: pl.when(pl.col("evt_type").is_in(_MOVES)).then(pl.col("fd_name")),
    "evt.arg.newpath": lambda: pl.when(pl.col("evt_type").is_in(_MOVES)).then(pl.col("fs_path_target")),
    "evt.arg.name": _path,
    "evt.arg.path": _path,
}


def told_by_audit(name: str) -> bool:
    """Say whether the audit table tells a field, without a column of whole events.

    >>> told_by_audit("ka.req.pod.host_pid"), told_by_audit("jevt.rawtime"), told_by_audit("ka.response.reason")
    (True, True, False)
    """
    return name in audit.TIMES or not audit.needs_whole(name)


def of_audit(events: pl.DataFrame, wanted: Iterable[str]) -> pl.DataFrame:
    """Return the fields of rows of the audit table.

    >>> of_audit(pl.DataFrame({"verb": ["get"], "user_username": ["alice"]}), ["ka.verb", "ka.user.name"]).rows()
    [('get', 'alice')]
    """
    view = audit.View(events)
    return pl.DataFrame([view.column(name, dtype(name, "k8s_audit")) for name in wanted])
