"""Facts about what a container's processes do: programs, files, connections, names, and what else is watched."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import polars as pl

from plimsoll import normal
from plimsoll.facts.counting import ANY, DAY, Verb, added, counted, mapped, stated, text

col = pl.col
_port = pl.concat_str(col("fd_sport").cast(pl.String).fill_null("?"), pl.lit("/"), col("fd_l4proto").fill_null("tcp"))
_to_port = pl.concat_str(col("end"), pl.lit(":"), _port)
_type = col("evt_type")
_ran = _type.is_in(["execve", "execveat"]) & (col("program") != "")
_opened = _type.is_in(["open", "openat", "openat2", "creat"])
_for_writing = col("evt_arg_flags").str.contains("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND").fill_null(value=False)
_writing = _for_writing | (_type == "creat")
CHANGING = (
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("mkdir", "mkdirat", "chmod", "fchmodat", "write"),
)
_wrote = ((_opened & _writing) | _type.is_in(CHANGING)) & (col("folder") != "")
_deleted = _type.is_in(["unlink", "unlinkat", "rmdir"]) & (col("folder") != "")
_called = _type.is_in(["connect", "sendto", "sendmsg"]) & (col("end") != "")
_listened = _type.is_in(["listen", "bind"]) & col("fd_sport").is_not_null()
_accepted = _type.is_in(["accept", "accept4"]) & (col("client") != "")
WATCHED = (
    *("setuid", "setgid", "setresuid", "capset", "ptrace", "mount", "umount2", "init_module", "finit_module", "bpf"),
    *("unshare", "setns", "io_uring_setup", "memfd_create", "pivot_root", "chroot"),
)
"""System calls that are facts by themselves."""

VERBS = (
    Verb("exec", "ran this program", col("program"), ANY, _ran),
    Verb("spawn", "and it was started by that one", col("program"), col("parent"), _ran & (col("parent") != "")),
    Verb("read", "opened this file to read", col("file"), ANY, _opened & ~_writing & (col("file") != "")),
    Verb("write", "wrote in this folder", col("folder"), ANY, _wrote),
    Verb("delete", "deleted in this folder", col("folder"), ANY, _deleted),
    Verb("connect", "opened a connection to this end and port", _to_port, ANY, _called),
    Verb("listen", "listened on this port", _port, ANY, _listened),
    Verb("accept", "was called on this port from that network", col("client"), _port, _accepted),
    Verb("resolve", "asked for this DNS name", col("dns_name"), ANY, (_type == "dns") & (col("dns_name") != "")),
    Verb("syscall", "did something else that is watched", _type, ANY, _type.is_in(WATCHED)),
    Verb("rule", "set off this rule of a sensor", col("rule"), ANY, text("rule") != ""),
)

_CONTAINER = (
    *("k8s_ns_name", "k8s_workload_kind", "k8s_workload_name", "k8s_pod_name"),
    *("container_name", "container_id", "hostname"),
)
KEYS = (
    *(*_CONTAINER, "evt_type", "evt_arg_flags", "proc_exepath", "proc_name", "proc_pexepath", "proc_pname", "fd_name"),
    *("fd_l4proto", "fd_cip", "fd_sip", "fd_sport", "fd_sip_name", "dns_name", "rule"),
)
"""The columns of the stream that tell acts apart."""


def tally(events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct deeds of these events and days, without names."""
    return counted(events, KEYS, [DAY])


def of_tally(tally: pl.DataFrame) -> pl.DataFrame:
    """Return the facts of these deeds by day."""
    done = _done(tally)
    return pl.concat([added(stated(done, verb)) for verb in VERBS])


def acts(events: pl.DataFrame, by: Sequence[pl.Expr], *, evidence: bool = True) -> pl.DataFrame:
    """Return the distinct deeds of these events, and of `by`."""
    return _done(counted(events, KEYS, by, col("evt_num").cast(pl.String) if evidence else None))


def _done(counted: pl.DataFrame) -> pl.DataFrame:
    frame = mapped(counted, _CONTAINER, _whose, ("subject", "peer"))
    frame = mapped(frame, ["proc_exepath", "proc_name"], _program, ("program",))
    frame = mapped(frame, ["proc_pexepath", "proc_pname"], _program, ("parent",))
    frame = mapped(frame, ["fd_name"], _file, ("file", "folder"))
    frame = mapped(frame, ["fd_cip"], _network, ("client",))
    frame = mapped(frame, ["fd_sip", "fd_sip_name"], _end, ("end",))
    return frame.with_columns(text("dns_name").str.to_lowercase())


def subject_of(namespace: str, kind: str, name: str, container: str) -> str:
    """Return the subject of a workload's container.

    >>> subject_of("shop", "Deployment", "redis", "redis")
    'shop/Deployment/redis:redis'
    """
    return f"{namespace}/{kind}/{name}:{container}"


@functools.lru_cache(65_536)
def _whose(
    namespace: str | None,
    kind: str | None,
    name: str | None,
    pod: str | None,
    container: str | None,
    container_id: str | None,
    node: str | None,
) -> tuple[str, str]:
    if pod or name:
        if not (kind and name):
            kind, name = normal.workload_of_pod(pod or name or "", None)
        space = namespace or "default"
        return subject_of(space, kind, name, container or name), f"workload:{space}"
    if container_id:
        named = container or container_id[:12]
        return subject_of("host", "Container", named, named), "workload:host"
    return subject_of("host", "Node", node or "localhost", "host"), "host"


@functools.lru_cache(65_536)
def _program(path: str | None, name: str | None) -> str:
    return normal.path(path) if path else (name or "")


@functools.lru_cache(65_536)
def _file(path: str | None) -> tuple[str, str]:
    if not path or not path.startswith("/"):
        return "", ""
    return _shown(path), normal.directory(path)


_TELLING = (
    *("/etc/", "/root/", "/home/", "/proc/", "/var/run/secrets/", "/run/secrets/"),
    *("/dev/", "/boot/", "/sys/", "/host"),
)


def _shown(path: str) -> str:
    """Return the file where the very file matters, its folder elsewhere."""
    return normal.path(path) if path.startswith(_TELLING) else normal.directory(path)


@functools.lru_cache(65_536)
def _network(address: str | None) -> str:
    return normal.network(address or "")


@functools.lru_cache(65_536)
def _end(address: str | None, name: str | None) -> str:
    return name.lower() if name else normal.network(address or "")
