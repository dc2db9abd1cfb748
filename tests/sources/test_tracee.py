"""Tracee's events: old and new say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.sources import tracee
from tests.sources import told

V4 = {"sa_family": "AF_INET", "sin_addr": "10.0.0.2", "sin_port": "443"}
V6 = {"sa_family": "AF_INET6", "sin6_addr": "2001:db8::2", "sin6_port": "443"}


def old(name: str, args: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "timestamp": 1772445600123456789,
        "eventName": name,
        "processName": "a",
        "hostProcessId": 7,
        "hostParentProcessId": 1,
        "userId": 0,
        "hostName": "n",
        "args": [{"name": key, "type": "t", "value": value} for key, value in args.items()],
        **more,
    }


def new(name: str, *data: dict[str, Any], **more: Any) -> dict[str, Any]:
    process = {
        "host_pid": 7,
        "thread": {"name": "a"},
        "real_user": {"id": {"value": 0}},
        "ancestors": [{"host_pid": {"value": 1}}],
    }
    return {
        "timestamp": {"seconds": "1772445600", "nanos": 123456789},
        "name": name,
        "workload": {"process": process},
        "data": list(data),
        **more,
    }


def test_old_and_new_tell_the_same_execution() -> None:
    before = told.row(tracee, old("sched_process_exec", {"pathname": "/bin/ls", "argv": ["ls", "-l"]}))
    after = told.row(
        tracee,
        new(
            "sched_process_exec",
            {"name": "pathname", "str": "/bin/ls"},
            {"name": "argv", "str_array": {"value": ["ls", "-l"]}},
        ),
    )
    assert (before["evt_type"], before["proc_exepath"], before["proc_cmdline"]) == ("execve", "/bin/ls", "ls -l")
    assert {name: value for name, value in before.items() if name != "hostname"} == after


@pytest.mark.parametrize("flags", ["O_WRONLY|O_CREAT", 0o101])
def test_flags_are_text_or_a_number(flags: str | int) -> None:
    row = told.row(tracee, old("openat", {"pathname": "/x", "flags": flags}, syscall="openat", returnValue=-13))
    assert (row["fd_name"], row["evt_arg_flags"], row["evt_res"]) == ("/x", "O_WRONLY|O_CREAT", "EACCES")


@pytest.mark.parametrize("address", [V4, V6, {"saFamily": "AF_INET", "sinAddr": "10.0.0.2", "sinPort": 443}])
def test_a_connection_goes_to_the_server(address: dict[str, Any]) -> None:
    row = told.row(tracee, old("security_socket_connect", {"type": "SOCK_STREAM", "remote_addr": address}))
    assert (row["evt_type"], row["fd_sport"], row["fd_l4proto"]) == ("connect", 443, "tcp")
    assert "fd_cip" not in row


@pytest.mark.parametrize(
    ("name", "act"),
    [("security_socket_listen", "listen"), ("security_socket_bind", "bind"), ("security_socket_accept", "accept")],
)
def test_the_local_end_is_the_server(name: str, act: str) -> None:
    row = told.row(tracee, old(name, {"local_addr": V4}))
    assert (row["evt_type"], row["fd_sip"], row["fd_sport"]) == (act, "10.0.0.2", 443)


def test_a_unix_socket_is_named_by_its_path() -> None:
    row = told.row(
        tracee, old("security_socket_connect", {"remote_addr": {"sa_family": "AF_UNIX", "sun_path": "/run/x.sock"}})
    )
    assert row["fd_name"] == "/run/x.sock"


@pytest.mark.parametrize(("direction", "act"), [("outgoing", "connect"), ("incoming", "accept")])
def test_a_flow_is_turned_already(direction: str, act: str) -> None:
    args = {
        "conn_direction": direction,
        "src": "10.0.0.1",
        "dst": "10.0.0.2",
        "src_port": 4000,
        "dst_port": 80,
        "dst_dns": ["pay.example"],
    }
    row = told.row(tracee, old("net_flow_tcp_begin", args))
    assert (row["evt_type"], row["fd_cip"], row["fd_sip"], row["fd_sport"]) == (act, "10.0.0.1", "10.0.0.2", 80)


@pytest.mark.parametrize(("sport", "dport"), [(40000, 53), (53, 40000)])
def test_question_and_answer_name_the_same_server(sport: int, dport: int) -> None:
    ends = {"src": "a", "dst": "b", "src_port": sport, "dst_port": dport}
    dns = {"questions": [{"name": "x.example."}, {"name": "x.example"}, {"name": "y.example"}]}
    rows = told.rows(tracee, old("net_packet_dns", {**ends, "proto_dns": dns}))
    assert [row["dns_name"] for row in rows] == ["x.example", "y.example"]
    assert {row["fd_sport"] for row in rows} == {53}


@pytest.mark.parametrize("name", ["sched_process_exit", "net_packet_tcp", "net_packet_http", "exit_group"])
def test_exits_and_packets_teach_nothing(name: str) -> None:
    assert told.rows(tracee, old(name, {})) == []


def test_a_rename_tells_both_paths() -> None:
    row = told.row(tracee, old("security_inode_rename", {"old_path": "/a", "new_path": "/b"}))
    assert (row["evt_type"], row["fd_name"], row["fs_path_target"]) == ("rename", "/a", "/b")


def test_a_signature_is_a_rule() -> None:
    properties = {"signatureID": "TRC-1", "signatureName": "dropped", "Severity": 3, "external_id": "T1036"}
    row = told.row(tracee, old("dropped", {"path": "/x"}, metadata={"Description": "d", "Properties": properties}))
    assert (row["rule"], row["priority"], row["output"], row["tags"]) == ("dropped", "Critical", "d", ["T1036"])
    assert "evt_type" not in row


def test_a_detectors_finding_is_a_rule() -> None:
    row = told.row(
        tracee,
        new("leak")
        | {
            "data": {"file_path": "/etc/shadow"},
            "threat": {"name": "Leak", "severity": "LOW"},
            "timestamp": "2026-03-02T10:00:00Z",
        },
    )
    assert (row["rule"], row["priority"], row["fd_name"]) == ("Leak", "Notice", "/etc/shadow")


def test_a_container_on_the_old_and_older_way() -> None:
    older = old(
        "close",
        {},
        containerId="5b",
        containerName="app",
        containerImage="r/a:1",
        podName="p",
        podNamespace="shop",
        podUID="u",
    )
    later = old(
        "close",
        {},
        container={"id": "5b", "name": "app", "image": "r/a:1"},
        kubernetes={"podName": "p", "podNamespace": "shop", "podUID": "u"},
    )
    assert told.row(tracee, older) == told.row(tracee, later)
    assert told.row(tracee, older)["k8s_pod_uid"] == "u"


@pytest.mark.parametrize(
    "record",
    [
        {},
        old("", {}),
        old("openat", {"pathname": 7}),
        old("openat", {}, hostProcessId="7"),
        old("openat", {}, timestamp=-1),
        old("openat", {}, timestamp=2**80),
        old("connect", {"addr": {"sin_addr": "10.0.0.1", "sin_port": "x"}}),
        old("connect", {"addr": [1]}),
        new("openat", {"str": "no name"}),
        new("openat") | {"timestamp": {"seconds": "soon"}},
    ],
)
def test_a_value_of_the_wrong_type_is_a_reject(record: dict[str, Any]) -> None:
    assert told.refused(tracee, record)


@pytest.mark.data
def test_recorded_events_are_read(shared_data: Path) -> None:
    lines = told.recorded(shared_data / "sensors" / "tracee", "*.ndjson")
    parsed = tracee.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (len(lines), [])
    assert {"execve", "openat", "dns"} <= set(parsed.events["evt_type"])
