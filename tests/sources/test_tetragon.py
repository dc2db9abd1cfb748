"""Tetragon's export: executions, and hooks under the name of the act they are part of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from plimsoll.sources import tetragon
from tests.sources import told

SOCK = {"protocol": "IPPROTO_TCP", "saddr": "10.0.0.1", "sport": 4000, "daddr": "10.0.0.2", "dport": 80}


def event(kind: str, process: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    who = {"pid": 7, "binary": "/bin/a", "uid": 0, **(process or {})}
    return {
        kind: {"process": who, "parent": {"pid": 1, "binary": "/sbin/init"}, **body},
        "time": "2026-03-02T10:00:00.1Z",
        "node_name": "n",
    }


def kprobe(function: str, *args: dict[str, Any], **body: Any) -> dict[str, Any]:
    return event("process_kprobe", function_name=function, args=list(args), **body)


def test_an_execution_speaks_of_the_new_program() -> None:
    row = told.row(tetragon, event("process_exec", {"binary": "/usr/bin/id", "arguments": "-u", "cwd": "/"}))
    assert (row["evt_type"], row["proc_name"], row["proc_exepath"], row["proc_cmdline"]) == (
        "execve",
        "id",
        "/usr/bin/id",
        "id -u",
    )
    assert (row["proc_pid"], row["proc_ppid"], row["proc_pname"], row["hostname"]) == (7, 1, "init", "n")


def test_an_exit_is_accepted_and_teaches_nothing() -> None:
    assert told.rows(tetragon, event("process_exit", status=0)) == []


def test_a_kind_of_later_versions_is_accepted() -> None:
    assert told.rows(tetragon, event("process_something_new")) == []


@pytest.mark.parametrize(
    ("function", "act", "client", "server"),
    [
        ("tcp_connect", "connect", "10.0.0.1", "10.0.0.2"),
        ("__inet_accept", "accept", "10.0.0.2", "10.0.0.1"),
        ("inet_csk_listen_start", "listen", None, "10.0.0.1"),
        ("udp_sendmsg", "sendto", "10.0.0.1", "10.0.0.2"),
    ],
)
def test_a_socket_hook_tells_client_and_server(function: str, act: str, client: str | None, server: str) -> None:
    row = told.row(tetragon, kprobe(function, {"sock_arg": SOCK}))
    assert (row["evt_type"], row.get("fd_cip"), row["fd_sip"], row["fd_l4proto"]) == (act, client, server, "tcp")


def test_an_address_named_in_a_call_is_the_server() -> None:
    row = told.row(
        tetragon,
        kprobe("security_socket_connect", {"sockaddr_arg": {"family": "AF_INET", "addr": "10.0.0.9", "port": 53}}),
    )
    assert (row["evt_type"], row["fd_sip"], row["fd_sport"]) == ("connect", "10.0.0.9", 53)


@pytest.mark.parametrize(("mask", "flags"), [(4, "O_RDONLY"), (2, "O_WRONLY"), (6, "O_RDWR"), (10, "O_WRONLY")])
def test_access_to_a_file_is_an_open(mask: int, flags: str) -> None:
    row = told.row(tetragon, kprobe("security_file_permission", {"file_arg": {"path": "/etc/x"}}, {"int_arg": mask}))
    assert (row["evt_type"], row["fd_name"], row["evt_arg_flags"]) == ("openat", "/etc/x", flags)


def test_a_descriptor_is_no_flags() -> None:
    assert "evt_arg_flags" not in told.row(
        tetragon, kprobe("fd_install", {"int_arg": 3}, {"file_arg": {"path": "/etc/x"}})
    )


def test_old_paths_without_their_first_slash_get_it_back() -> None:
    assert (
        told.row(tetragon, kprobe("__x64_sys_write", {"file_arg": {"path": "etc/passwd"}}))["fd_name"] == "/etc/passwd"
    )


def test_another_call_keeps_its_name() -> None:
    assert told.row(tetragon, kprobe("__arm64_sys_ptrace", {"int_arg": 16}))["evt_type"] == "ptrace"


def test_a_policy_is_a_rule_only_where_it_stepped_in() -> None:
    watched = told.row(
        tetragon, kprobe("tcp_connect", {"sock_arg": SOCK}, policy_name="p", action="KPROBE_ACTION_POST")
    )
    killed = told.row(
        tetragon, kprobe("tcp_connect", {"sock_arg": SOCK}, policy_name="p", action="KPROBE_ACTION_SIGKILL")
    )
    assert "rule" not in watched
    assert (killed["rule"], killed["priority"]) == ("p", "Critical")


def test_a_pod_brings_its_workload_and_container() -> None:
    image = {"id": "docker-pullable://r.example/a@sha256:aa", "name": "r.example/a:1"}
    pod = {
        "namespace": "shop",
        "name": "web-1",
        "workload": "web",
        "workload_kind": "Deployment",
        "container": {"id": "docker://5b0c", "name": "app", "image": image},
    }
    row = told.row(tetragon, event("process_exec", {"pod": pod, "in_init_tree": False}))
    assert (row["k8s_ns_name"], row["k8s_workload_kind"], row["k8s_workload_name"]) == ("shop", "Deployment", "web")
    assert (row["container_id"], row["container_image"], row["container_image_digest"]) == (
        "5b0c",
        "r.example/a:1",
        "sha256:aa",
    )
    assert row["proc_is_entered"] is True


@pytest.mark.parametrize("kind", ["ReplicaSet", None])
def test_a_replicaset_or_a_bare_name_is_no_workload(kind: str | None) -> None:
    pod = {"namespace": "shop", "name": "web-1", "workload": "web-5d4f", "workload_kind": kind}
    assert "k8s_workload_name" not in told.row(tetragon, event("process_exec", {"pod": pod}))


def test_without_a_time_an_execution_happened_when_its_process_started() -> None:
    old = event("process_exec", {"start_time": "2022-10-18T03:16:18Z"})
    del old["time"]
    assert told.row(tetragon, old)["time"].year == 2022


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"node_name": "n"},
        {"process_exec": None},
        {"process_exit": 7},
        event("process_exec", {"pid": "7"}),
        event("process_kprobe"),
    ],
)
def test_what_is_no_event_is_a_reject(record: dict[str, Any]) -> None:
    assert told.refused(tetragon, record)


@pytest.mark.data
def test_recorded_events_are_read(shared_data: Path) -> None:
    lines = told.recorded(shared_data / "sensors" / "tetragon", "*.ndjson")
    parsed = tetragon.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (len(lines), [])
    assert {"execve", "connect", "listen", "openat"} <= set(parsed.events["evt_type"])


@pytest.mark.data
def test_recorded_documents_are_read(shared_data: Path) -> None:
    for path in sorted((shared_data / "flows" / "tetragon").glob("*.json")):
        text = path.read_bytes()
        lines = text.splitlines() if text.startswith(b'{"') else [msgspec.json.format(text, indent=-1)]
        assert tetragon.parse(lines, 1).rejects == [], path.name
