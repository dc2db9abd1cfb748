"""KubeArmor's logs and alerts: `Operation` says what kind of act, `Data` and `Resource` say in text what it was."""

from __future__ import annotations

import errno
import os

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import NOBODY, End, Row

STREAM: records.Stream = "activity"

ACTS = {
    "tcp_connect": "connect",
    "tcp_accept": "accept",
    "socket_connect": "connect",
    "socket_accept": "accept",
    "socket_bind": "bind",
    "socket_listen": "listen",
    "socket_sendmsg": "sendto",
    "udp_sendmsg": "sendto",
    "file_open": "openat",
    "file_permission": "openat",
    "security_bprm_check": "execve",
    "execveat": "execve",
    **activity.SYSCALLS,
}
"""What `syscall=`, `lsm=`, `kprobe=` and `kfunc=` name, and the act it is part of."""

_MEANS = ("syscall", "lsm", "kprobe", "kfunc")
_ERRORS = {os.strerror(code): name for code, name in errno.errorcode.items()} | {"Passed": "SUCCESS"}
_PTS_MAJOR = 136
"""Device major of pseudo terminals (Linux's devices.txt); Falco's proc.tty is major * 256 + minor."""


class Owner(msgspec.Struct, frozen=True):
    """The workload of a pod."""

    Ref: str | None = None
    Name: str | None = None


class Log(msgspec.Struct, frozen=True):
    """A log, an alert (`Type` Matched…), or a host's of either."""

    Operation: str
    Type: str
    Timestamp: int | None = None
    UpdatedTime: records.Time | None = None
    HostName: str | None = None
    NamespaceName: str | None = None
    PodName: str | None = None
    Owner: Owner | None = None
    ContainerID: str | None = None
    ContainerName: str | None = None
    ContainerImage: str | None = None
    HostPID: int | None = None
    HostPPID: int | None = None
    UID: int | None = None
    UserName: str | None = None
    ProcessName: str | None = None
    ParentProcessName: str | None = None
    Source: str | None = None
    Resource: str | None = None
    Data: str | None = None
    EventData: dict[str, str] | None = None
    Cwd: str | None = None
    TTY: str | None = None
    Result: str | None = None
    PolicyName: str | None = None
    Severity: str | None = None
    Message: str | None = None
    Tags: str | None = None
    ATags: list[str] | None = None


def recognises(record: object) -> bool:
    """Return whether this is a log or alert of KubeArmor.

    >>> recognises({"Operation": "Process", "Type": "ContainerLog", "HostName": "n1", "Resource": "/bin/sh"})
    True
    """
    return (
        isinstance(record, dict)
        and {"Operation", "Type"} <= record.keys()
        and bool({"HostName", "ClusterName", "ProcessName"} & record.keys())
    )


def rows(log: Log) -> list[Row]:
    """Return the record's row; one about KubeArmor itself has none."""
    said = _said(log)
    act = _act(log, said)
    if act is None:
        return []
    base: Row = {
        "evt_type": act,
        "evt_source": "kubearmor",
        "evt_res": _ERRORS.get(log.Result or ""),
        "time": _time(log),
    }
    return [activity.filled({**base, **_who(log), **_where(log), **_done(log, act, said), **_alert(log)})]


def _said(log: Log) -> dict[str, str]:
    """Everything that is told as name=value: in Data, in Resource, and since 1.5 in EventData."""
    parts = [*_words(log.Resource), *_words(log.Data)]
    for name, value in (log.EventData or {}).items():
        parts += _words(f"{name}={value}")
    said: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if equals:
            said[name.lower()] = value
    return said


def _words(text: str | None) -> list[str]:
    return (text or "").replace(",", " ").split()


def _act(log: Log, said: dict[str, str]) -> str | None:
    """What was done, under its normal name; None for KubeArmor's messages about itself."""
    if log.Operation == "NetworkFirewall":
        return "accept" if log.Resource == "INGRESS" else "connect"
    if log.Operation == "Network" and "domain" in said and not said["domain"].startswith("AF_"):
        return "dns"
    means = next((said[name] for name in _MEANS if name in said), "").lower()
    name = means.removeprefix("sys_")
    if name in ("", "exit", "close"):
        return {"Process": "execve", "File": "openat"}.get(log.Operation) if name == "" else None
    return ACTS.get(name, name)


def _time(log: Log) -> activity.Value:
    return activity.at(log.UpdatedTime) or (None if log.Timestamp is None else activity.at(log.Timestamp * 10**9))


def _who(log: Log) -> Row:
    return {
        "proc_name": activity.short(log.ProcessName),
        "proc_exepath": log.ProcessName,
        "proc_cmdline": _command(log.ProcessName, log.Source),
        "proc_cwd": log.Cwd,
        "proc_pid": log.HostPID,
        "proc_ppid": log.HostPPID,
        "proc_pname": activity.short(log.ParentProcessName),
        "proc_pexepath": log.ParentProcessName,
        "proc_aname": [parent] if (parent := activity.short(log.ParentProcessName)) else None,
        "proc_tty": _tty(log.TTY),
        "user_uid": log.UID,
        "user_name": log.UserName,
    }


def _command(program: str | None, text: str | None) -> str | None:
    """The command line in a text that begins with the program's path, which may hold blanks."""
    if program and (text or "").startswith(program):
        return activity.cmdline(program, (text or "")[len(program) :].strip())
    path, _, arguments = (text or "").partition(" ")
    return activity.cmdline(path, arguments)


def _tty(name: str | None) -> int | None:
    number = (name or "").removeprefix("pts").lstrip("/")
    return (
        _PTS_MAJOR * 256 + int(number)
        if (name or "").startswith("pts") and number.isascii() and number.isdigit() and len(number) < 4
        else None
    )


def _where(log: Log) -> Row:
    owner = log.Owner or Owner()
    return {
        "hostname": log.HostName,
        "container_id": activity.container_id(log.ContainerID),
        "container_name": log.ContainerName,
        **activity.image(log.ContainerImage),
        "k8s_ns_name": log.NamespaceName,
        "k8s_pod_name": log.PodName,
        **activity.workload(owner.Ref, owner.Name),
    }


def _done(log: Log, act: str, said: dict[str, str]) -> Row:
    if act == "dns":
        server = (said.get("daddr"), 53)
        return {
            "dns_name": said["domain"].rstrip("."),
            **activity.connection(NOBODY, server if server[0] else NOBODY, "udp"),
        }
    if log.Operation == "NetworkFirewall":
        return activity.connection(
            _end(said, "sourceip", "sourceport"), _end(said, "destinationip", "destinationport"), said.get("protocol")
        )
    if log.Operation == "Network":
        return _ends(act, said)
    if act == "execve":
        return _program(log)
    path = log.Resource if (log.Resource or "").startswith("/") else said.get("target")
    return {"fd_name": path, "evt_arg_flags": said.get("flags") if act == "openat" else None}


def _program(log: Log) -> Row:
    """The new program: `Resource` is its path and arguments, `Source` is who started it."""
    program, resource = log.ProcessName, log.Resource or ""
    if not (program and resource.startswith(program)):
        program = resource.partition(" ")[0] or program
    caller = log.ParentProcessName or (log.Source or "").partition(" ")[0]
    return {
        "proc_name": activity.short(program),
        "proc_exepath": program,
        "proc_cmdline": _command(program, resource) or activity.cmdline(program, ""),
        "proc_pname": activity.short(caller),
        "proc_pexepath": caller,
    }


def _end(said: dict[str, str], address: str, port: str) -> End:
    return said.get(address), int(said[port]) if said.get(port) else None


def _ends(act: str, said: dict[str, str]) -> Row:
    """The end that is told: the other side's, of listen and bind this side's. kprobes name it remoteip."""
    told = (
        _end(said, "remoteip", "port")
        if "remoteip" in said
        else _end(
            said, "sin_addr" if "sin_addr" in said else "sin6_addr", "sin_port" if "sin_port" in said else "sin6_port"
        )
    )
    if told[0] is None:
        return {}
    protocol = said.get("protocol")
    if act == "accept":
        return activity.connection(told, NOBODY, protocol)
    return activity.connection(NOBODY, told, protocol)


def _alert(log: Log) -> Row:
    """The policy that matched, where the record is an alert."""
    if not log.Type.startswith("Matched"):
        return {}
    return {
        "rule": log.PolicyName,
        "priority": _priority(log.Severity),
        "output": log.Message,
        "tags": log.ATags or [tag for tag in (log.Tags or "").split(",") if tag],
    }


def _priority(severity: str | None) -> str:
    """KubeArmor's severities run from 1 to 10, the gravest.

    >>> _priority("1"), _priority("5"), _priority("10"), _priority("")
    ('Notice', 'Warning', 'Critical', 'Warning')
    """
    number = int(severity) if severity and severity.isascii() and severity.isdigit() and len(severity) < 3 else 5
    return "Notice" if number <= 3 else "Warning" if number <= 6 else "Error" if number <= 8 else "Critical"


parse = records.each(STREAM, rows, Log)
