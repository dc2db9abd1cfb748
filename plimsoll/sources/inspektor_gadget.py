"""Inspektor Gadget's JSON: the event does not name its gadget, so its fields tell which one it was.

Read are trace_exec, trace_open, trace_tcp, trace_dns, trace_bind, trace_link, trace_mount and
trace_init_module, with the names of fields since v0.31 (`proc.comm`), those before (`comm`), and the
built-in gadgets' before that (`path`, `mountnsid`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from plimsoll.sources import activity, records
from plimsoll.sources.activity import NOBODY, End, Row

STREAM: records.Stream = "activity"

_PROTOCOLS = {6: "tcp", 17: "udp", 132: "sctp"}
_OUTGOING, _HOST = (4, "OUTGOING"), (0, "HOST")
_RESPONSE = (1, "R")
_MOST = 64
"""Addresses of one answer that are read."""


class Owner(msgspec.Struct, frozen=True):
    """The workload of a pod."""

    kind: str | None = None
    name: str | None = None


class Kubernetes(msgspec.Struct, frozen=True, rename="camel"):
    """Where in the cluster; `pod` and `container` are the names before v0.31."""

    namespace: str | None = None
    pod_name: str | None = None
    pod: str | None = None
    pod_uid: str | None = msgspec.field(default=None, name="podUID")
    container_name: str | None = None
    container: str | None = None
    node: str | None = None
    owner: Owner | None = None


class Runtime(msgspec.Struct, frozen=True, rename="camel"):
    """The container as its runtime knows it."""

    container_id: str | None = None
    container_name: str | None = None
    container_image_name: str | None = None
    container_image_digest: str | None = None


class Credentials(msgspec.Struct, frozen=True):
    """Whom a process acts as."""

    uid: int | None = None
    user: str | None = None


class Parent(msgspec.Struct, frozen=True):
    """A process's parent."""

    comm: str | None = None
    pid: int | None = None


class Process(msgspec.Struct, frozen=True):
    """A process."""

    comm: str | None = None
    pid: int | None = None
    creds: Credentials | None = None
    parent: Parent | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """An address, its port and protocol."""

    addr: str | None = None
    port: int | None = None
    proto: str | int | None = None


class Event(msgspec.Struct, frozen=True):
    """An event of any gadget: all the fields that we use."""

    k8s: Kubernetes | None = None
    runtime: Runtime | None = None
    proc: Process | None = None
    mntns_id: int | None = None
    mountnsid: int | None = None
    comm: str | None = None
    task: str | None = None
    pid: int | None = None
    ppid: int | None = None
    pcomm: str | None = None
    uid: int | None = None
    timestamp: int | records.Time | None = None
    timestamp_raw: int | None = None
    error: str | None = None
    error_raw: int | None = None
    err: int | None = None
    args: str | list[str] | None = None
    exepath: str | None = None
    parent_exepath: str | None = None
    cwd: str | None = None
    tty: int | None = None
    upper_layer: bool | None = None
    fname: str | None = None
    fpath: str | None = None
    path: str | None = None
    filename: str | None = None
    fd: int | None = None
    flags: str | int | list[str] | None = None
    flags_raw: int | None = None
    type: str | int | None = None
    src: Endpoint | str | None = None
    dst: Endpoint | str | None = None
    qr: str | int | None = None
    pkt_type: str | int | None = None
    name: str | None = None
    nameserver: Endpoint | str | None = None
    addresses: str | list[str] | None = None
    addr: Endpoint | str | None = None
    port: int | None = None
    opts: str | None = None
    linkpath: str | None = None
    target: str | None = None
    dest: str | None = None
    op: str | None = None
    syscall: str | None = None
    filepath: str | None = None


def recognises(record: object) -> bool:
    """Return whether this is an event of a gadget.

    >>> recognises({"comm": "cat", "fname": "/etc/passwd", "mntns_id": 4026531841})
    True
    """
    if not isinstance(record, dict):
        return False
    mine = {"mntns_id", "mountnsid", "runtime"} & record.keys() or isinstance(record.get("k8s"), dict)
    proc = record.get("proc")
    return bool(mine) or (isinstance(proc, dict) and "comm" in proc and "pid" in proc)


def rows(event: Event) -> list[Row]:
    """Return the event's row; one of a gadget that is not read has none."""
    if not (event.k8s or event.runtime or event.proc or event.mntns_id or event.mountnsid):
        raise records.Unreadable("no event of a gadget")
    done = _done(event)
    if done is None:
        return []
    base: Row = {"evt_source": "inspektor_gadget", "time": _time(event), "evt_res": _result(event)}
    whole = {**base, **_who(event), **_where(event)}
    return [activity.filled({**whole, **act}) for act in (done, *_answers(event))]


def _answers(event: Event) -> Iterator[Row]:
    """Yield the addresses that an answer of DNS tells who asked, an act for each."""
    if event.qr not in _RESPONSE or event.pkt_type in _OUTGOING or not event.name:
        return
    told = event.addresses.split(",") if isinstance(event.addresses, str) else event.addresses or []
    for address in told[:_MOST]:
        if address.strip():
            yield {"evt_type": "dns_answer", "fd_sip": address.strip(), "fd_sip_name": event.name.rstrip(".")}


def _done(event: Event) -> Row | None:
    if event.qr is not None:
        return _dns(event)
    if event.args is not None:
        return _program(event)
    if isinstance(event.src, Endpoint) and isinstance(event.dst, Endpoint):
        return _tcp(event, event.src, event.dst)
    if event.linkpath is not None:
        return {
            "evt_type": "symlink" if event.type == "SYMLINK" else "link",
            "fd_name": event.linkpath,
            "fs_path_target": event.linkpath,
        }
    if event.dest is not None and event.op is not None:
        return {"evt_type": "umount2" if "UMOUNT" in event.op.upper() else "mount", "fd_name": event.dest}
    if event.syscall in ("init_module", "finit_module"):
        return {"evt_type": event.syscall, "fd_name": event.filepath}
    return _opened(event) or _bound(event)


def _time(event: Event) -> activity.Value:
    """The moment; without one, `timestamp_raw`, which is a clock's time only in newer versions."""
    return activity.at(event.timestamp) or activity.at(event.timestamp_raw)


def _result(event: Event) -> str | None:
    if event.error:
        return event.error
    code = event.error_raw if event.error_raw is not None else event.err
    return activity.result(None if code is None else -abs(code))


def _who(event: Event) -> Row:
    process = event.proc or Process()
    creds, parent = process.creds or Credentials(), process.parent or Parent()
    pname = parent.comm or event.pcomm
    return {
        "proc_name": process.comm or event.comm or event.task,
        "proc_exepath": event.exepath,
        "proc_cwd": event.cwd,
        "proc_pid": event.pid if process.pid is None else process.pid,
        "proc_ppid": event.ppid if parent.pid is None else parent.pid,
        "proc_pname": pname,
        "proc_pexepath": event.parent_exepath,
        "proc_aname": [pname] if pname else None,
        "proc_tty": event.tty,
        "proc_is_exe_upper_layer": event.upper_layer,
        "user_uid": event.uid if creds.uid is None else creds.uid,
        "user_name": creds.user,
    }


def _where(event: Event) -> Row:
    k8s, runtime = event.k8s or Kubernetes(), event.runtime or Runtime()
    owner = k8s.owner or Owner()
    return {
        "hostname": k8s.node,
        "container_id": activity.container_id(runtime.container_id),
        "container_name": k8s.container_name or k8s.container or runtime.container_name,
        **activity.image(runtime.container_image_name, runtime.container_image_digest),
        "k8s_ns_name": k8s.namespace,
        "k8s_pod_name": k8s.pod_name or k8s.pod,
        "k8s_pod_uid": k8s.pod_uid,
        **activity.workload(owner.kind, owner.name),
    }


def _program(event: Event) -> Row:
    """The new program, by its path where --paths was given, else by its argv."""
    argv = event.args if isinstance(event.args, list) else (event.args or "").replace("\u00a0", " ").split(" ")
    path = event.exepath or (argv[0] if argv and argv[0].startswith("/") else None)
    name = path or (event.proc.comm if event.proc else event.comm) or (argv[0] if argv else None)
    return {
        "evt_type": "execve",
        "proc_exepath": path,
        "proc_cmdline": activity.cmdline(name, activity.after_first(argv)),
    }


def _opened(event: Event) -> Row | None:
    path = (
        event.fpath
        or event.fname
        or event.filename
        or (event.path if event.fd is not None or event.flags is not None else None)
    )
    return {"evt_type": "openat", "fd_name": path, "evt_arg_flags": _flags(event)} if path else None


def _flags(event: Event) -> str | None:
    flags = event.flags if event.flags not in (None, "", []) else event.flags_raw
    if isinstance(flags, int):
        return activity.open_flags(flags)
    return "|".join(flags) if isinstance(flags, list) else flags


def _tcp(event: Event, here: Endpoint, there: Endpoint) -> Row | None:
    """A gadget's `src` is this node's end of the socket, whoever opened it."""
    if event.type == "connect":
        return {"evt_type": "connect", **activity.connection(_end(here), _end(there), _protocol(there))}
    if event.type == "accept":
        return {"evt_type": "accept", **activity.connection(_end(there), _end(here), _protocol(here))}
    return None


def _end(endpoint: Endpoint | str | None) -> End:
    return (endpoint.addr, endpoint.port) if isinstance(endpoint, Endpoint) else (endpoint, None)


def _protocol(endpoint: Endpoint) -> str:
    return endpoint.proto if isinstance(endpoint.proto, str) else _PROTOCOLS.get(endpoint.proto or 6, "")


def _dns(event: Event) -> Row | None:
    """The question, told by the side that asked: a server's received questions and sent answers are not its own."""
    response = event.qr in _RESPONSE
    if event.pkt_type in (_OUTGOING if response else _HOST):
        return None
    client, server = (event.dst, event.src) if response else (event.src, event.dst)
    if event.nameserver and not server:
        server = event.nameserver
    address, port = _end(server)
    ends = activity.connection(_end(client), (address, port or 53) if address else NOBODY, "udp")
    if isinstance(server, Endpoint) and server.proto:
        ends["fd_l4proto"] = _protocol(server).lower()
    return {"evt_type": "dns", "dns_name": (event.name or "").rstrip("."), **ends}


def _bound(event: Event) -> Row | None:
    """trace_bind: `addr` was text beside `port` before it became an endpoint."""
    if event.addr is None or not (event.proc or event.comm):
        return None
    address, port = _end(event.addr)
    protocol = _protocol(event.addr) if isinstance(event.addr, Endpoint) else "tcp"
    return {"evt_type": "bind", **activity.connection(NOBODY, (address, port or event.port), protocol)}


parse = records.each(STREAM, rows, Event)
