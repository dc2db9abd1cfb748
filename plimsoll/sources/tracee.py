"""Tracee's JSON events, of both kinds in the field: trace.Event (`eventName`, `args`) and v1beta1 (`name`, `data`)."""

from __future__ import annotations

from typing import Any

import msgspec

from plimsoll.sources import activity, records, tracee_dns
from plimsoll.sources.activity import NOBODY, End, Row

STREAM: records.Stream = "activity"

ACTS = {
    "sched_process_exec": "execve",
    "security_file_open": "openat",
    "security_socket_connect": "connect",
    "net_tcp_connect": "connect",
    "security_socket_listen": "listen",
    "security_socket_accept": "accept",
    "socket_accept": "accept",
    "security_socket_bind": "bind",
    "security_inode_unlink": "unlink",
    "security_inode_rename": "rename",
    "security_inode_symlink": "symlink",
    "security_sb_mount": "mount",
    "magic_write": "write",
    "vfs_write": "write",
    "vfs_writev": "write",
    "vfs_read": "read",
    "vfs_readv": "read",
    "net_packet_dns": "dns",
    "net_packet_dns_request": "dns",
    "net_packet_dns_response": "dns",
    **activity.SYSCALLS,
}
"""Events that are part of an act with another name."""

UNTAUGHT = frozenset(
    {"sched_process_exit", "sched_process_fork", "sched_process_free", "exit", "exit_group", "net_flow_tcp_end"}
)
CONNECTIONS = frozenset({"connect", "listen", "accept", "bind", "sendto"})

_PATHS = ("pathname", "path", "file_path", "old_path", "oldpath", "oldname", "linkpath")
_TARGETS = ("new_path", "newpath", "newname", "linkpath")
_TYPES = {"SOCK_STREAM": "tcp", "SOCK_DGRAM": "udp"}
_PRIORITIES = {0: "Informational", 1: "Notice", 2: "Warning", 3: "Critical"}
_SEVERITIES = {"INFO": "Informational", "LOW": "Notice", "MEDIUM": "Warning", "HIGH": "Error", "CRITICAL": "Critical"}

Args = dict[str, Any]


class Wrapped(msgspec.Struct, frozen=True):
    """A number in a protobuf wrapper, as Go's own JSON writes it."""

    value: int = 0


Number = int | Wrapped


class Arg(msgspec.Struct, frozen=True):
    """An argument of an old event."""

    name: str
    value: Any = None


class OldContainer(msgspec.Struct, frozen=True, rename="camel"):
    """A container of an old event."""

    id: str | None = None
    name: str | None = None
    image: str | None = None
    image_digest: str | None = None


class Kubernetes(msgspec.Struct, frozen=True, rename="camel"):
    """A pod of an old event."""

    pod_name: str | None = None
    pod_namespace: str | None = None
    pod_uid: str | None = msgspec.field(default=None, name="podUID")


class Executable(msgspec.Struct, frozen=True):
    """The file of a process."""

    path: str | None = None


class Metadata(msgspec.Struct, frozen=True):
    """What makes an old event a signature's finding."""

    Description: str | None = None
    Properties: dict[str, Any] | None = None


class Timestamp(msgspec.Struct, frozen=True):
    """A moment in protobuf's parts; JSON writes 64-bit seconds as a string."""

    seconds: str | int = 0
    nanos: int = 0


class Thread(msgspec.Struct, frozen=True):
    """The thread that acted."""

    name: str | None = None
    syscall: str | None = None


class User(msgspec.Struct, frozen=True):
    """A user."""

    id: Number | None = None
    name: str | None = None


class Ancestor(msgspec.Struct, frozen=True):
    """A parent, a grandparent and so on."""

    host_pid: Number | None = None
    executable: Executable | None = None
    thread: Thread | None = None


class Process(msgspec.Struct, frozen=True):
    """The process that acted, and those it descends from."""

    host_pid: Number | None = None
    real_user: User | None = None
    thread: Thread | None = None
    executable: Executable | None = None
    ancestors: list[Ancestor] | None = None


class Image(msgspec.Struct, frozen=True):
    """An image."""

    name: str | None = None
    repo_digests: list[str] | None = None


class Container(msgspec.Struct, frozen=True):
    """A container."""

    id: str | None = None
    name: str | None = None
    image: Image | None = None


class Named(msgspec.Struct, frozen=True):
    """A pod or namespace."""

    name: str | None = None
    uid: str | None = None


class Cluster(msgspec.Struct, frozen=True):
    """Where in the cluster."""

    pod: Named | None = None
    namespace: Named | None = None


class Workload(msgspec.Struct, frozen=True):
    """Who acted."""

    process: Process | None = None
    container: Container | None = None
    k8s: Cluster | None = None


class Threat(msgspec.Struct, frozen=True):
    """What makes a new event a detector's finding."""

    name: str | None = None
    description: str | None = None
    severity: str | int | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """An event: the upper fields are the old format's, those from `name` on the new one's."""

    timestamp: int | records.Time | Timestamp | None = None
    event_name: str | None = None
    args: list[Arg] | None = None
    return_value: int | None = None
    syscall: str | None = None
    process_name: str | None = None
    executable: Executable | None = None
    host_process_id: int | None = None
    host_parent_process_id: int | None = None
    user_id: int | None = None
    host_name: str | None = None
    container_id: str | None = None
    container_name: str | None = None
    container_image: str | None = None
    container: OldContainer | None = None
    pod_name: str | None = None
    pod_namespace: str | None = None
    pod_uid: str | None = msgspec.field(default=None, name="podUID")
    kubernetes: Kubernetes | None = None
    metadata: Metadata | None = None
    name: str | None = None
    data: list[dict[str, Any]] | dict[str, Any] | None = None
    workload: Workload | None = None
    threat: Threat | None = None


def recognises(record: object) -> bool:
    """Return whether this is an event of Tracee, old or new.

    >>> recognises({"eventName": "openat", "args": []}), recognises({"name": "openat", "timestamp": {}, "workload": {}})
    (True, True)
    """
    if not isinstance(record, dict):
        return False
    return {"eventName", "args"} <= record.keys() or (
        {"name", "timestamp"} <= record.keys() and bool({"workload", "data"} & record.keys())
    )


def rows(event: Event) -> list[Row]:
    """Return the event's row, one for each name and address of a DNS packet; exits, forks and plain packets have none."""
    name = event.event_name or event.name
    if not name:
        raise records.Unreadable("an event without a name")
    who, args = (_old(event), _old_args(event)) if event.event_name else (_new(event), _new_args(event))
    act = ACTS.get(name, name)
    if name in UNTAUGHT or (name.startswith("net_packet_") and act != "dns"):
        return []
    base: Row = {"evt_type": act, "evt_source": "tracee", "time": _time(event.timestamp), **who, **_result(event, name)}
    return [activity.filled({**base, **done}) for done in _done(event, act, args)]


def _done(event: Event, act: str, args: Args) -> list[Row]:
    if act == "dns":
        return tracee_dns.rows(args)
    if act == "net_flow_tcp_begin":
        return [_flow(args)]
    if act in CONNECTIONS:
        return [_ends(act, args)]
    if act == "execve":
        return [_program(args)]
    return [{**_file(act, args), **_finding(event)}]


def _time(stamp: object) -> Any:
    if isinstance(stamp, Timestamp):
        return activity.at(int(stamp.seconds) * 10**9 + stamp.nanos)
    return activity.at(stamp)  # type: ignore[arg-type]


def _result(event: Event, name: str) -> Row:
    """Only a system call's own event returns the call's result; signatures and hooks return what they like."""
    return {"evt_res": activity.result(event.return_value)} if name == event.syscall else {}


def _old(event: Event) -> Row:
    container, pod = event.container or OldContainer(), event.kubernetes or Kubernetes()
    return {
        "hostname": event.host_name,
        "proc_name": event.process_name,
        "proc_exepath": event.executable.path if event.executable else None,
        "proc_pid": event.host_process_id,
        "proc_ppid": event.host_parent_process_id,
        "user_uid": event.user_id,
        "container_id": activity.container_id(container.id or event.container_id),
        "container_name": container.name or event.container_name,
        **activity.image(container.image or event.container_image, container.image_digest),
        "k8s_ns_name": pod.pod_namespace or event.pod_namespace,
        "k8s_pod_name": pod.pod_name or event.pod_name,
        "k8s_pod_uid": pod.pod_uid or event.pod_uid,
    }


def _old_args(event: Event) -> Args:
    return {arg.name: arg.value for arg in event.args or []}


def _new(event: Event) -> Row:
    workload = event.workload or Workload()
    process, container, cluster = (
        workload.process or Process(),
        workload.container or Container(),
        workload.k8s or Cluster(),
    )
    image, pod = container.image or Image(), cluster.pod or Named()
    older = process.ancestors or []
    path = process.executable.path if process.executable else None
    return {
        "proc_name": (process.thread.name if process.thread else None) or activity.short(path),
        "proc_exepath": path,
        "proc_pid": _number(process.host_pid),
        "proc_ppid": _number(older[0].host_pid) if older else None,
        "proc_pname": _called(older[0]) if older else None,
        "proc_pexepath": older[0].executable.path if older and older[0].executable else None,
        "proc_aname": _names(older),
        "user_uid": _number(process.real_user.id) if process.real_user else None,
        "user_name": process.real_user.name if process.real_user else None,
        "container_id": activity.container_id(container.id),
        "container_name": container.name,
        **activity.image(image.name, image.repo_digests[0] if image.repo_digests else None),
        "k8s_ns_name": cluster.namespace.name if cluster.namespace else None,
        "k8s_pod_name": pod.name,
        "k8s_pod_uid": pod.uid,
    }


def _number(value: Number | None) -> int | None:
    return value.value if isinstance(value, Wrapped) else value


def _called(one: Ancestor) -> str:
    return (
        (one.thread.name if one.thread else None)
        or activity.short(one.executable.path if one.executable else None)
        or ""
    )


def _names(older: list[Ancestor]) -> list[str]:
    names = [_called(one) for one in older]
    return names if any(names) else []


def _new_args(event: Event) -> Args:
    """The values by name: protobuf's JSON puts each under its type (`str`, `u_int32`, `str_array`), detectors give an object."""
    if not isinstance(event.data, list):
        return event.data or {}
    return {
        item["name"]: _unwrapped(next((value for key, value in item.items() if key != "name"), None))
        for item in event.data
    }


def _unwrapped(value: object) -> object:
    return value["value"] if isinstance(value, dict) and value.keys() == {"value"} else value


def _program(args: Args) -> Row:
    """The new program: an event of exec was made before the old one was gone."""
    path, argv = args.get("pathname"), args.get("argv")
    if not path:
        return {}
    return {
        "proc_exepath": path,
        "proc_name": activity.short(path),
        "proc_cmdline": activity.cmdline(path, activity.after_first(argv or [])),
    }


def _file(act: str, args: Args) -> Row:
    path = next((args[name] for name in _PATHS if args.get(name)), None)
    if act in ("symlink", "symlinkat") and args.get("linkpath"):
        path = args["linkpath"]
    target = next((args[name] for name in _TARGETS if args.get(name)), None)
    flags = args.get("flags") if act == "openat" else None
    return {
        "fd_name": path,
        "fs_path_target": target,
        "evt_arg_flags": activity.open_flags(flags) if isinstance(flags, int) else flags,
    }


def _ends(act: str, args: Args) -> Row:
    """The ends of a socket: what is `local` is this process's, every other address is the other one's."""
    here = _address(args.get("local_addr"))
    there = _address(args.get("remote_addr") or args.get("addr") or args.get("dest_addr"))
    if "dst" in args:
        there = (args["dst"], args.get("dst_port"))
    protocol = _TYPES.get(str(args.get("type"))) or {"sendto": "udp", "listen": "tcp", "accept": "tcp"}.get(act)
    if there == here == NOBODY:
        return {"fd_name": _unix(args)}
    if act in ("listen", "bind"):
        return activity.connection(NOBODY, there if here == NOBODY else here, protocol)
    client, server = (there, here) if act == "accept" else (here, there)
    return {**activity.connection(client, server, protocol), "fd_sip_name": next(iter(args.get("dst_dns") or []), None)}


def _address(value: Any) -> End:
    """The address in a sockaddr; its port is text, its names are in either of protobuf's spellings."""
    if not value:
        return NOBODY
    found = {key.lower().replace("_", ""): part for key, part in value.items()}
    address = found.get("sinaddr") or found.get("sin6addr")
    port = found.get("sinport") or found.get("sin6port")
    return (address, None if port is None else int(port)) if address else NOBODY


def _unix(args: Args) -> Any:
    """The path of a unix socket."""
    named: Args = next((args[name] for name in ("remote_addr", "local_addr", "addr") if args.get(name)), {})
    return named.get("sun_path") or named.get("sunPath")


def _flow(args: Args) -> Row:
    """Tracee has turned a flow's ends so that `src` opened it."""
    ends = activity.connection((args.get("src"), args.get("src_port")), (args.get("dst"), args.get("dst_port")), "tcp")
    if args.get("conn_direction") == "incoming":
        return {"evt_type": "accept", **ends}
    return {"evt_type": "connect", **ends, "fd_sip_name": next(iter(args.get("dst_dns") or []), None)}


def _finding(event: Event) -> Row:
    """The columns of a signature's or detector's finding. What it is about is no act of its own."""
    if event.threat:
        severity = str(event.threat.severity or "")
        return {
            "evt_type": None,
            "rule": event.threat.name or event.name,
            "priority": _SEVERITIES.get(severity.upper(), "Warning"),
            "output": event.threat.description,
        }
    properties = event.metadata.Properties if event.metadata else None
    if not properties or "signatureID" not in properties:
        return {}
    priority = _PRIORITIES.get(properties.get("Severity", 2), "Critical")
    tags = [tag for tag in (properties.get("external_id"), properties.get("Category")) if tag]
    output = event.metadata.Description if event.metadata else None
    return {
        "evt_type": event.syscall,
        "rule": properties.get("signatureName"),
        "priority": priority,
        "output": output,
        "tags": tags,
    }


parse = records.each(STREAM, rows, Event)
