"""Inspektor Gadget: the gadget is told from its fields, of three generations of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll.sources import inspektor_gadget
from tests.sources import told


def event(**fields: Any) -> dict[str, Any]:
    process = {"comm": "a", "pid": 7, "creds": {"uid": 0, "user": "root"}, "parent": {"comm": "sh", "pid": 1}}
    return {"proc": process, "timestamp": "2026-03-02T10:00:00.123456789+01:00", **fields}


def end(address: str, port: int, proto: str | int = "TCP") -> dict[str, Any]:
    return {"addr": address, "port": port, "proto": proto, "version": 4}


@pytest.mark.parametrize("args", ["/bin/cat -n /x", "/bin/cat\u00a0-n\u00a0/x", ["/bin/cat", "-n", "/x"]])
def test_an_execution_speaks_of_the_new_program(args: str | list[str]) -> None:
    row = told.row(inspektor_gadget, event(args=args, upper_layer=True))
    assert (row["evt_type"], row["proc_exepath"], row["proc_cmdline"]) == ("execve", "/bin/cat", "cat -n /x")
    assert (row["proc_pname"], row["proc_ppid"], row["proc_is_exe_upper_layer"]) == ("sh", 1, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"fname": "/x", "flags": "O_WRONLY|O_CREAT", "fd": 3},
        {"fname": "x", "fpath": "/x", "flags": "", "flags_raw": 0o101, "fd": 3},
        {"fname": "/x", "flags": 0o101, "fd": 3},
        {"path": "/x", "flags": ["O_WRONLY", "O_CREAT"], "err": 0},
    ],
)
def test_an_open_has_its_flags_in_every_generation(fields: dict[str, Any]) -> None:
    row = told.row(inspektor_gadget, event(**fields))
    assert (row["evt_type"], row["fd_name"], row["evt_arg_flags"]) == ("openat", "/x", "O_WRONLY|O_CREAT")


@pytest.mark.parametrize("fields", [{"error": "ENOENT", "error_raw": 2}, {"error_raw": 2}, {"err": 2}])
def test_an_error_has_its_name(fields: dict[str, Any]) -> None:
    assert told.row(inspektor_gadget, event(fname="/x", **fields))["evt_res"] == "ENOENT"


@pytest.mark.parametrize(
    ("kind", "client", "server"), [("connect", "10.0.0.1", "10.0.0.2"), ("accept", "10.0.0.2", "10.0.0.1")]
)
def test_the_source_of_a_socket_is_this_node(kind: str, client: str, server: str) -> None:
    row = told.row(inspektor_gadget, event(type=kind, src=end("10.0.0.1", 80, 6), dst=end("10.0.0.2", 80)))
    assert (row["evt_type"], row["fd_cip"], row["fd_sip"], row["fd_l4proto"]) == (kind, client, server, "tcp")


def test_a_question_is_told_by_who_asked() -> None:
    asked = event(
        name="x.example.", qr="Q", pkt_type="OUTGOING", src=end("10.0.0.1", 4000, 17), dst=end("10.0.0.2", 53, 17)
    )
    row = told.row(inspektor_gadget, asked)
    assert (row["evt_type"], row["dns_name"], row["fd_sip"], row["fd_l4proto"]) == (
        "dns",
        "x.example",
        "10.0.0.2",
        "udp",
    )
    assert told.rows(inspektor_gadget, asked | {"pkt_type": "HOST"}) == []


def test_an_answer_names_the_same_server() -> None:
    answer = event(name="x.example.", qr=1, pkt_type=0, src=end("10.0.0.2", 53), dst=end("10.0.0.1", 4000))
    assert told.row(inspektor_gadget, answer)["fd_sip"] == "10.0.0.2"
    assert told.rows(inspektor_gadget, answer | {"pkt_type": 4}) == []


@pytest.mark.parametrize("fields", [{"addr": end("0.0.0.0", 8080)}, {"addr": "0.0.0.0", "port": 8080}])
def test_a_bind_has_its_port(fields: dict[str, Any]) -> None:
    row = told.row(inspektor_gadget, event(opts="", **fields))
    assert (row["evt_type"], row["fd_sip"], row["fd_sport"]) == ("bind", "0.0.0.0", 8080)


@pytest.mark.parametrize(
    ("fields", "act", "path"),
    [
        ({"type": "SYMLINK", "target": "/etc/shadow", "linkpath": "/tmp/s"}, "symlink", "/tmp/s"),
        ({"type": "HARDLINK", "target": "/etc/shadow", "linkpath": "/tmp/s"}, "link", "/tmp/s"),
        ({"op": "MOUNT", "src": "/dev/sda", "dest": "/mnt", "flags": ["MS_BIND"]}, "mount", "/mnt"),
        ({"op": "UMOUNT", "src": "", "dest": "/mnt"}, "umount2", "/mnt"),
        ({"syscall": "finit_module", "filepath": "/x.ko", "fd": 3}, "finit_module", "/x.ko"),
    ],
)
def test_links_mounts_and_modules_are_calls(fields: dict[str, Any], act: str, path: str) -> None:
    row = told.row(inspektor_gadget, event(**fields))
    assert (row["evt_type"], row["fd_name"]) == (act, path)


@pytest.mark.parametrize(
    "fields",
    [
        {"cap": "CAP_NET_RAW", "syscall": "socket"},
        {"sig": "SIGKILL", "tpid": 9},
        {"type": "close", "src": end("a", 1), "dst": end("b", 2)},
    ],
)
def test_a_gadget_that_is_not_read_teaches_nothing(fields: dict[str, Any]) -> None:
    assert told.rows(inspektor_gadget, event(**fields)) == []


def test_old_and_new_names_of_the_pod_mean_the_same() -> None:
    new = {
        "namespace": "shop",
        "podName": "web-1",
        "containerName": "app",
        "node": "n",
        "owner": {"kind": "Deployment", "name": "web"},
    }
    row = told.row(inspektor_gadget, event(fname="/x", k8s=new))
    assert (row["k8s_pod_name"], row["container_name"], row["k8s_workload_name"], row["hostname"]) == (
        "web-1",
        "app",
        "web",
        "n",
    )
    old = {
        "namespace": "shop",
        "pod": "web-1",
        "container": "app",
        "node": "n",
        "owner": {"kind": "Deployment", "name": "web"},
    }
    assert told.row(inspektor_gadget, event(fname="/x", k8s=old)) == row


def test_a_replicaset_is_no_workload() -> None:
    k8s = {"podName": "web-1", "owner": {"kind": "ReplicaSet", "name": "web-5d4f"}}
    assert "k8s_workload_name" not in told.row(inspektor_gadget, event(fname="/x", k8s=k8s))


@pytest.mark.parametrize(
    "fields",
    [{}, {"fname": "/x"}, {"proc": {"pid": "7"}}, {"proc": {}, "flags": True}, {"proc": {}, "src": [1]}, {"k8s": []}],
)
def test_what_is_no_event_of_a_gadget_is_a_reject(fields: dict[str, Any]) -> None:
    assert told.refused(inspektor_gadget, fields)


@pytest.mark.data
def test_recorded_events_are_read(shared_data: Path) -> None:
    lines = told.recorded(shared_data / "sensors" / "inspektor-gadget", "*.ndjson")
    parsed = inspektor_gadget.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (len(lines), [])
    assert set(parsed.events["evt_type"]) == {"openat", "connect", "dns"}


def test_an_answer_of_dns_tells_the_name_of_each_address_to_who_asked() -> None:
    ends = {"src": {"addr": "10.0.0.9", "port": 53, "proto": "UDP"}, "dst": {"addr": "10.0.0.5", "port": 40000}}
    answer = event(qr="R", pkt_type="HOST", name="api.example.com.", addresses="203.0.113.7,203.0.113.8", **ends)
    acts = inspektor_gadget.rows(msgspec.convert(answer, inspektor_gadget.Event))
    assert [(act["evt_type"], act["fd_sip"], act.get("fd_sip_name")) for act in acts] == [
        ("dns", "10.0.0.9", None),
        ("dns_answer", "203.0.113.7", "api.example.com"),
        ("dns_answer", "203.0.113.8", "api.example.com"),
    ]
