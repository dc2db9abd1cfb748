"""KubeArmor's logs and alerts: acts told in text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.sources import kubearmor
from tests.sources import told


def log(operation: str, data: str, resource: str = "", **more: Any) -> dict[str, Any]:
    return {
        "Operation": operation,
        "Type": "ContainerLog",
        "HostName": "n",
        "UpdatedTime": "2026-03-02T10:00:00.123456Z",
        "ProcessName": "/bin/a",
        "Source": "/bin/a -x",
        "Resource": resource,
        "Data": data,
        "Result": "Passed",
        **more,
    }


def test_an_execution_speaks_of_the_new_program_and_its_caller() -> None:
    record = log("Process", "syscall=SYS_EXECVE", "/usr/bin/id -u", ProcessName="/usr/bin/id", Source="/bin/bash")
    row = told.row(kubearmor, record)
    assert (row["evt_type"], row["proc_exepath"], row["proc_cmdline"]) == ("execve", "/usr/bin/id", "id -u")
    assert (row["proc_pname"], row["proc_pexepath"], row["evt_res"]) == ("bash", "/bin/bash", "SUCCESS")


def test_a_program_that_was_kept_from_starting_is_the_resource() -> None:
    record = log(
        "Process", "syscall=SYS_EXECVE", "/usr/bin/apt update", ProcessName="/bin/bash", Result="Permission denied"
    )
    row = told.row(kubearmor, record)
    assert (row["proc_name"], row["proc_cmdline"], row["evt_res"]) == ("apt", "apt update", "EACCES")


def test_a_path_with_a_blank_stays_whole() -> None:
    row = told.row(kubearmor, log("Process", "syscall=SYS_EXECVE", "/opt/my app/run -v", ProcessName="/opt/my app/run"))
    assert (row["proc_exepath"], row["proc_cmdline"]) == ("/opt/my app/run", "run -v")


def test_an_open_has_its_flags() -> None:
    row = told.row(kubearmor, log("File", "syscall=SYS_OPEN flags=O_WRONLY|O_CREAT", "/etc/x"))
    assert (row["evt_type"], row["fd_name"], row["evt_arg_flags"]) == ("openat", "/etc/x", "O_WRONLY|O_CREAT")


def test_another_call_keeps_its_name() -> None:
    assert told.row(kubearmor, log("File", "syscall=SYS_UNLINKAT flags=", "/etc/x"))["evt_type"] == "unlinkat"


@pytest.mark.parametrize(
    ("data", "resource", "act", "end"),
    [
        ("syscall=SYS_CONNECT fd=3", "sa_family=AF_INET sin_port=53 sin_addr=10.0.0.10", "connect", "sip"),
        ("syscall=SYS_CONNECT fd=3", "sa_family=AF_INET6 sin6_port=53 sin6_addr=2001:db8::1", "connect", "sip"),
        ("syscall=SYS_BIND fd=3", "sa_family=AF_INET sin_port=53 sin_addr=0.0.0.0", "bind", "sip"),
        ("kprobe=tcp_connect domain=AF_INET", "remoteip=10.0.0.10 port=53 protocol=TCP", "connect", "sip"),
        ("kprobe=tcp_accept domain=AF_INET", "remoteip=10.0.0.10 port=53 protocol=TCP", "accept", "cip"),
    ],
)
def test_the_end_that_is_told_is_the_right_one(data: str, resource: str, act: str, end: str) -> None:
    row = told.row(kubearmor, log("Network", data, resource))
    assert row["evt_type"] == act
    assert row[f"fd_{end}"]
    assert row["fd_sport" if end == "sip" else "fd_cport"] == 53


@pytest.mark.parametrize(
    ("data", "event"),
    [
        ("kfunc=UDP_SENDMSG,domain=x.example,daddr=10.0.0.10,qtype=A", None),
        ("lsm=SOCKET_SENDMSG domain=x.example", {"Domain": "x.example", "Lsm": "SOCKET_SENDMSG"}),
        ("", {"Kfunc": "UDP_SENDMSG,domain=x.example,daddr=10.0.0.10,qtype=A"}),
    ],
)
def test_a_question_is_told_in_data_or_event_data(data: str, event: dict[str, str] | None) -> None:
    row = told.row(kubearmor, log("Network", data, "sa_family=AF_INET sin_port=53", EventData=event))
    assert (row["evt_type"], row["dns_name"]) == ("dns", "x.example")


@pytest.mark.parametrize(("way", "act"), [("INGRESS", "accept"), ("EGRESS", "connect")])
def test_a_firewall_alert_has_both_ends(way: str, act: str) -> None:
    data = "SourceIP=192.0.2.4 SourcePort=53262 DestinationIP=192.0.2.76 DestinationPort=22 Protocol=TCP"
    row = told.row(kubearmor, log("NetworkFirewall", data, way, Type="MatchedNetworkPolicy", PolicyName="ssh"))
    assert (row["evt_type"], row["fd_name"], row["rule"]) == (act, "192.0.2.4:53262->192.0.2.76:22", "ssh")


def test_an_alert_names_its_policy_and_tags() -> None:
    record = log(
        "Syscall",
        "syscall=SYS_SETUID userid=0",
        Type="MatchedHostPolicy",
        PolicyName="p",
        Severity="9",
        Message="m",
        Tags="MITRE,T1548",
    )
    row = told.row(kubearmor, record)
    assert (row["evt_type"], row["rule"], row["priority"], row["output"]) == ("setuid", "p", "Critical", "m")
    assert row["tags"] == ["MITRE", "T1548"]


def test_a_log_is_no_alert() -> None:
    assert "rule" not in told.row(kubearmor, log("File", "syscall=SYS_OPENAT", "/x", PolicyName="p"))


def test_the_owner_is_the_workload_unless_a_replicaset() -> None:
    owned = {"Ref": "StatefulSet", "Name": "db", "Namespace": "shop"}
    row = told.row(kubearmor, log("File", "syscall=SYS_OPENAT", "/x", NamespaceName="shop", Owner=owned))
    assert (row["k8s_workload_kind"], row["k8s_workload_name"]) == ("StatefulSet", "db")
    assert "k8s_workload_kind" not in told.row(kubearmor, log("File", "", "/x", Owner={**owned, "Ref": "ReplicaSet"}))


def test_without_updated_time_the_seconds_count() -> None:
    row = told.row(kubearmor, log("File", "", "/x", UpdatedTime=None, Timestamp=1772445600))
    assert row["time"].timestamp() == 1772445600


def test_messages_about_kubearmor_itself_teach_nothing() -> None:
    assert told.rows(kubearmor, {"Operation": "AlertThreshold", "Type": "SystemEvent", "HostName": "n"}) == []


@pytest.mark.parametrize(
    "more",
    [
        {"HostPID": "7"},
        {"UID": True},
        {"UID": 2**63},
        {"Tags": ["x"]},
        {"EventData": {"a": 1}},
        {"UpdatedTime": "soon"},
        {"Type": None},
    ],
)
def test_a_value_of_the_wrong_type_is_a_reject(more: dict[str, Any]) -> None:
    assert told.refused(kubearmor, log("File", "syscall=SYS_OPENAT", "/x", **more))


def test_a_port_that_is_no_number_is_a_reject() -> None:
    assert told.refused(kubearmor, log("Network", "syscall=SYS_CONNECT", "sin_addr=10.0.0.1 sin_port=http"))


@pytest.mark.data
def test_recorded_records_are_read(shared_data: Path) -> None:
    lines = told.recorded(shared_data / "sensors" / "kubearmor", "*.ndjson")
    parsed = kubearmor.parse(lines, 1)
    assert (parsed.accepted, parsed.rejects) == (len(lines), [])
    assert {"execve", "openat", "connect", "accept", "dns", "setuid"} <= set(parsed.events["evt_type"])
