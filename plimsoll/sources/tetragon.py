"""Tetragon's JSON export: executions, and what tracing policies watch (kprobes, tracepoints, LSM hooks).

Also the older process_connect, process_listen and process_accept, which the open-source export has no more.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import NOBODY, End, Row

STREAM: records.Stream = "activity"

HOOKS = {
    "tcp_connect": "connect",
    "tcp_v4_connect": "connect",
    "tcp_v6_connect": "connect",
    "socket_connect": "connect",
    "inet_csk_listen_start": "listen",
    "inet_listen": "listen",
    "socket_listen": "listen",
    "__inet_accept": "accept",
    "inet_csk_accept": "accept",
    "socket_accept": "accept",
    "inet_bind": "bind",
    "inet6_bind": "bind",
    "socket_bind": "bind",
    "udp_sendmsg": "sendto",
    "udpv6_sendmsg": "sendto",
    "socket_sendmsg": "sendto",
    "fd_install": "openat",
    "file_open": "openat",
    "file_permission": "openat",
    "vfs_write": "write",
    "vfs_read": "read",
}
"""Kernel functions, without the prefix security_, and the act they are part of."""

UNTAUGHT = frozenset({"tcp_close", "sk_free", "close", "exit", "exit_group", "do_exit"})
ENFORCED = frozenset(
    {"KPROBE_ACTION_SIGKILL", "KPROBE_ACTION_SIGNAL", "KPROBE_ACTION_OVERRIDE", "KPROBE_ACTION_NOTIFYENFORCER"}
)

_TRACED = ("process_kprobe", "process_tracepoint", "process_lsm")
_CONNECTIONS = {"process_connect": "connect", "process_accept": "accept", "process_listen": "listen"}
_PREFIXES = (
    "__x64_sys_",
    "__arm64_sys_",
    "__ia32_sys_",
    "__ia32_compat_sys_",
    "sys_enter_",
    "sys_exit_",
    "sys_",
    "security_",
)
_MAY_WRITE, _MAY_READ = 2 | 8, 4


class Image(msgspec.Struct, frozen=True):
    """A container's image: its id has the digest, its name what the pod asked for."""

    id: str | None = None
    name: str | None = None


class Container(msgspec.Struct, frozen=True):
    """A pod's container."""

    id: str | None = None
    name: str | None = None
    image: Image | None = None


class Pod(msgspec.Struct, frozen=True):
    """A pod and its workload; older exports tell the workload's name only, or nothing."""

    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    container: Container | None = None
    workload: str | None = None
    workload_kind: str | None = None


class User(msgspec.Struct, frozen=True):
    """A user of the node."""

    name: str | None = None


class Process(msgspec.Struct, frozen=True):
    """A process; `pid` is the node's."""

    pid: int | None = None
    uid: int | None = None
    cwd: str | None = None
    binary: str | None = None
    arguments: str | None = None
    start_time: records.Time | None = None
    pod: Pod | None = None
    docker: str | None = None
    in_init_tree: bool | None = None
    user: User | None = None


class Socket(msgspec.Struct, frozen=True):
    """A socket's or packet's two ends: `s` is this node's side of a socket."""

    protocol: str | None = None
    saddr: str | None = None
    sport: int | None = None
    daddr: str | None = None
    dport: int | None = None


class Address(msgspec.Struct, frozen=True):
    """An address that a process named."""

    addr: str | None = None
    port: int | None = None


class Path(msgspec.Struct, frozen=True):
    """A file."""

    path: str | None = None


class Argument(msgspec.Struct, frozen=True):
    """One argument of a traced function: one of these is set."""

    sock_arg: Socket | None = None
    skb_arg: Socket | None = None
    sockaddr_arg: Address | None = None
    file_arg: Path | None = None
    path_arg: Path | None = None
    linux_binprm_arg: Path | None = None
    string_arg: str | None = None
    int_arg: int | None = None
    uint_arg: int | None = None


class Body(msgspec.Struct, frozen=True):
    """What stands under process_exec, process_kprobe, …: all their fields that we use."""

    process: Process
    parent: Process | None = None
    ancestors: list[Process] | None = None
    function_name: str | None = None
    event: str | None = None
    args: list[Argument] | None = None
    returned: Argument | None = msgspec.field(default=None, name="return")
    action: str | None = None
    policy_name: str | None = None
    message: str | None = None
    tags: list[str] | None = None
    source_ip: str | None = None
    source_port: int | None = None
    destination_ip: str | None = None
    destination_port: int | None = None
    ip: str | None = None
    port: int | None = None
    protocol: str | None = None


Export = dict[str, msgspec.Raw]
_body = msgspec.json.Decoder(Body).decode
_time = msgspec.json.Decoder(records.Time | None).decode
_text = msgspec.json.Decoder(str | None).decode
_NULL = msgspec.Raw(b"null")


def recognises(record: object) -> bool:
    """Return whether this is an event of Tetragon.

    >>> recognises({"process_exec": {"process": {}}, "node_name": "n1"})
    True
    """
    return isinstance(record, dict) and any(
        name.startswith("process_") and isinstance(value, dict) for name, value in record.items()
    )


def rows(export: Export) -> list[Row]:
    """Return the row of an execution, connection or traced function; exits, loads and throttling have none."""
    kind = next((name for name in export if name.startswith("process_")), None)
    time, node = _time(export.get("time", _NULL)), _text(export.get("node_name", _NULL))
    if kind is None:
        if export.keys() & {"rate_limit_info", "test"}:
            return []
        raise records.Unreadable("no event of Tetragon")
    if not bytes(export[kind]).startswith(b"{"):
        raise records.Unreadable(f"{kind} is no object")
    done = (
        _done(kind, _body(export[kind])) if kind == "process_exec" or kind in _CONNECTIONS or kind in _TRACED else None
    )
    if done is None:
        return []
    return [activity.filled({**done, "hostname": node, "time": activity.at(time) or done.get("time")})]


def _done(kind: str, body: Body) -> Row | None:
    if kind == "process_exec":  # exports before 0.9 have no time but the process's own
        return {"evt_type": "execve", "evt_res": "SUCCESS", **_who(body), "time": body.process.start_time}
    if kind in _CONNECTIONS:
        return {"evt_type": _CONNECTIONS[kind], **_who(body), **_old_ends(kind, body)}
    return _traced(body)


def _who(body: Body) -> Row:
    process, parent = body.process, body.parent
    older = [parent, *(body.ancestors or [])] if parent else []
    return {
        "evt_source": "tetragon",
        "proc_name": activity.short(process.binary),
        "proc_exepath": process.binary,
        "proc_cmdline": activity.cmdline(process.binary, process.arguments),
        "proc_cwd": process.cwd,
        "proc_pid": process.pid,
        "proc_ppid": parent.pid if parent else None,
        "proc_pname": activity.short(parent.binary) if parent else None,
        "proc_pexepath": parent.binary if parent else None,
        "proc_aname": [activity.short(one.binary) or "" for one in older],
        "proc_is_exe_from_memfd": (process.binary or "").lstrip("/").startswith("memfd:") or None,
        "proc_is_entered": None if process.in_init_tree is None else not process.in_init_tree,
        "user_uid": process.uid,
        "user_name": process.user.name if process.user else None,
        **_where(process),
    }


def _where(process: Process) -> Row:
    pod = process.pod
    if pod is None:
        return {"container_id": process.docker}
    container = pod.container or Container()
    image = container.image or Image()
    digest = image.id if "@" in (image.id or "") else None
    return {
        "container_id": activity.container_id(container.id) or process.docker,
        "container_name": container.name,
        **activity.image(image.name, digest),
        "k8s_ns_name": pod.namespace,
        "k8s_pod_name": pod.name,
        "k8s_pod_uid": pod.uid,
        **activity.workload(pod.workload_kind, pod.workload),
    }


def _old_ends(kind: str, body: Body) -> Row:
    source, destination = (body.source_ip, body.source_port), (body.destination_ip, body.destination_port)
    if kind == "process_listen":
        source, destination = NOBODY, (body.ip, body.port)
    elif kind == "process_accept":
        source, destination = destination, source
    return activity.connection(source, destination, body.protocol)


def _traced(body: Body) -> Row | None:
    function = body.function_name or body.event
    if not function:
        raise records.Unreadable("a trace without a function")
    name = _bare(function)
    if name in UNTAUGHT:
        return None
    act = HOOKS.get(name) or activity.SYSCALLS.get(name) or name
    args = body.args or []
    return {
        "evt_type": act,
        "evt_res": activity.result(_number(body.returned)),
        **_who(body),
        **_object(act, name, args),
        **_enforced(body),
    }


def _bare(function: str) -> str:
    """Return the function's name without what says how it was reached.

    >>> _bare("__x64_sys_setns"), _bare("security_file_permission"), _bare("sys_enter_openat")
    ('setns', 'file_permission', 'openat')
    """
    for prefix in _PREFIXES:
        if function.startswith(prefix):
            return function[len(prefix) :]
    return function


def _enforced(body: Body) -> Row:
    """A policy is the record's rule where it stepped in; where it only watches, the record is an event as any other."""
    if body.action not in ENFORCED:
        return {}
    return {"rule": body.policy_name, "priority": "Critical", "output": body.message, "tags": body.tags}


def _object(act: str, name: str, args: list[Argument]) -> Row:
    if act in ("connect", "listen", "accept", "bind", "sendto"):
        return _ends(act, args)
    paths = [path for arg in args if (path := _path(arg))]
    target = paths[1] if act.startswith(("rename", "link", "symlink")) and len(paths) > 1 else None
    return {"fd_name": paths[0] if paths else None, "fs_path_target": target, "evt_arg_flags": _flags(act, name, args)}


def _ends(act: str, args: list[Argument]) -> Row:
    named = next((arg.sockaddr_arg for arg in args if arg.sockaddr_arg), None)
    socket = next((sock for arg in args if (sock := arg.sock_arg or arg.skb_arg)), Socket())
    here: End = (socket.saddr, socket.sport)
    there: End = (named.addr, named.port) if named else (socket.daddr, socket.dport)
    protocol = socket.protocol or ("udp" if act == "sendto" else None)
    if act in ("listen", "bind"):
        return activity.connection(NOBODY, there if named else here, protocol)
    return activity.connection(there, here, protocol) if act == "accept" else activity.connection(here, there, protocol)


def _path(arg: Argument) -> str | None:
    """The path an argument names; exports before 1.0 left out the first slash."""
    file = arg.file_arg or arg.path_arg or arg.linux_binprm_arg
    if file:
        return f"/{file.path}" if file.path and "/" in file.path and not file.path.startswith("/") else file.path
    return arg.string_arg if (arg.string_arg or "").startswith("/") else None


def _number(arg: Argument | None) -> int | None:
    return None if arg is None else arg.int_arg if arg.int_arg is not None else arg.uint_arg


def _flags(act: str, name: str, args: list[Argument]) -> str | None:
    """How a file was opened: from open's flags, or from the access asked of security_file_permission."""
    numbers = [number for arg in args if (number := _number(arg)) is not None]
    if name == "file_permission" and numbers:
        mode = 2 if numbers[-1] & _MAY_WRITE and numbers[-1] & _MAY_READ else 1 if numbers[-1] & _MAY_WRITE else 0
        return activity.open_flags(mode)
    if act != "openat" or name in HOOKS:
        return None
    after = [
        number
        for before, arg in pairwise(args)
        if before.string_arg is not None and (number := _number(arg)) is not None
    ]
    return activity.open_flags(after[0]) if after else None


parse = records.each(STREAM, rows, Export)
