from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from plimsoll import tables
from plimsoll.sensor import activity
from plimsoll.sensor.shapes import Event, Flag, Kind

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def told(kind: Kind, **fields: Any) -> dict[str, Any]:
    found = activity.row(Event(time=NOW, kind=kind, **fields), {"container_id": "abc"})
    assert found
    return found


@pytest.mark.parametrize("kind", Kind)
def test_a_row_has_only_columns_of_the_table(kind: Kind) -> None:
    found = activity.row(
        Event(time=NOW, kind=kind, path="/a", path2="/b", address="10.0.0.1", port=1, local_port=2, comm="x")
    )
    assert set(found or ()) <= set(tables.names(tables.ACTIVITY))
    assert (found is None) == (
        kind
        in (
            Kind.NONE,
            Kind.RENAME,
            Kind.CONNECT_NET,
            Kind.CONNECT_PORT,
            Kind.DNS_ZONE,
            Kind.ANSWER,
            Kind.BORN,
            Kind.GONE,
            Kind.JOINED,
        )
    )


def test_a_program_is_told_with_who_started_it() -> None:
    found = told(
        Kind.EXEC,
        path="/bin/sh",
        path2="/usr/bin/redis-server",
        args=("sh", "-c", "id"),
        comm="sh",
        flags=Flag.NEW | Flag.ENTERED | Flag.UPPER_LAYER,
    )
    assert found["proc_cmdline"] == "sh -c id"
    assert (found["proc_exepath"], found["proc_pexepath"]) == ("/bin/sh", "/usr/bin/redis-server")
    assert (found["proc_is_entered"], found["proc_is_exe_upper_layer"], found["proc_is_exe_from_memfd"]) == (
        True,
        True,
        False,
    )


def test_an_open_speaks_with_its_flags() -> None:
    found = told(Kind.WRITE, number=257, argument=0o1101, path="/data/x", comm="sh")
    assert (found["evt_type"], found["fd_name"], found["evt_arg_flags"]) == (
        "openat",
        "/data/x",
        "O_WRONLY|O_CREAT|O_TRUNC",
    )


def test_both_facts_of_a_rename_are_the_same_row() -> None:
    old = told(Kind.DELETE, number=82, path="/data/a", path2="/data/b")
    new = told(Kind.WRITE, number=82, path="/data/b", path2="/data/a")
    assert (old["evt_type"], old["fd_name"], old["fs_path_target"]) == ("rename", "/data/a", "/data/b")
    assert old == new


def test_what_was_stopped_did_not_succeed() -> None:
    assert told(Kind.CONNECT, address="10.0.0.1", port=3333, protocol="tcp", flags=Flag.DENIED)["evt_res"] == "EPERM"


def test_a_name_is_read_from_the_message() -> None:
    message = bytes(4) + b"\0\1" + bytes(6) + b"\4pool\5miner\0\0\1\0\1"
    assert told(Kind.DNS, payload=message)["dns_name"] == "pool.miner"


def test_an_applet_is_called_by_its_name_and_not_its_boxs() -> None:
    found = told(Kind.EXEC, path="/bin/busybox", comm="touch", args=("/bin/touch", "/data/x"))
    assert (found["proc_name"], found["proc_cmdline"]) == ("touch", "touch /data/x")
