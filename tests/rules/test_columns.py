from __future__ import annotations

import polars as pl
import pytest

from plimsoll import frames, tables
from plimsoll.rules import columns


def activity(**row: object) -> pl.DataFrame:
    return frames.of_rows(tables.ACTIVITY, [row])


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        ({"evt_type": "openat", "evt_arg_flags": "O_WRONLY|O_CREAT"}, "evt.is_open_write", True),
        ({"evt_type": "openat", "evt_arg_flags": "O_WRONLY|O_CREAT"}, "evt.is_open_read", False),
        ({"evt_type": "openat", "evt_res": "ENOENT"}, "fd.num", -1),
        ({"evt_type": "openat", "evt_res": "ENOENT"}, "evt.rawres", -2),
        ({"fd_name": "/etc/ssh/x"}, "fd.directory", "/etc/ssh"),
        ({"fd_name": "/x"}, "fd.directory", "/"),
        ({"fd_name": "10.0.0.1:1->10.0.0.2:2"}, "fd.directory", None),
        ({"fd_name": "/etc/ssh/x"}, "fd.filename", "x"),
        ({"fd_sip": "::1"}, "fd.typechar", "6"),
        ({"proc_cmdline": "sh -c id"}, "proc.args", "-c id"),
        ({"proc_aname": ["sh", "runc"]}, "proc.aname[2]", "runc"),
        ({"proc_aname": ["sh", "runc"]}, "proc.aname[3]", None),
        ({"proc_aname": ["sh", "runc"]}, "proc.aname", "sh runc"),
        ({"container_image": "reg:5000/shop/web:1.2@sha256:0a"}, "container.image.repository", "reg:5000/shop/web"),
        ({"container_image": "reg:5000/shop/web:1.2@sha256:0a"}, "container.image.tag", "1.2"),
        ({"time": 1_700_000_000_000_000}, "evt.rawtime", 1_700_000_000_000_000_000),
    ],
)
def test_a_sensors_row_gives_falcos_fields(row: dict[str, object], field: str, value: object) -> None:
    assert columns.of_activity(activity(**row), [field]).row(0) == (value,)


def test_a_field_that_sensors_do_not_tell_is_left_out() -> None:
    assert columns.activity("evt.buffer") is None
    assert columns.of_activity(activity(evt_type="read"), ["evt.buffer"]).width == 0


def test_every_field_of_the_activity_table_has_its_type() -> None:
    for name in (*columns._PLAIN, *columns._MADE):
        made = columns.of_activity(frames.empty(tables.ACTIVITY), [name])
        assert (made.dtypes[0] == columns.dtype(name, "syscall")) or (
            made.dtypes[0].is_integer() and columns.dtype(name, "syscall").is_integer()
        ), name
