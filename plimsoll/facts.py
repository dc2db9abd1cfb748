"""Everything observed is a fact: subject – verb – object. This page turns events into facts.

Three steps. `acts` counts the events of a stream by what they have in common: one row for each
distinct act, with names made comparable. `VERBS` is the whole vocabulary: which facts an act
states. `of` puts the two together. Only distinct acts are looked at closely, so the cost of an event
is that of one `group_by`.

Where a fact depends on another ("this namespace, when listing secrets"), `given` holds what it depends on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from plimsoll import frames, normal, tables

VOCABULARY = 1
"""Raised whenever the same event would give other facts: profiles of another vocabulary are not mixed."""


class Verb(NamedTuple):
    """One kind of fact: what an act of this stream says by it, and when it says so."""

    name: str
    doc: str
    object: pl.Expr
    given: pl.Expr
    when: pl.Expr


ANY, ALWAYS = pl.lit(""), pl.lit(value=True)
col = pl.col
_request_in = pl.concat_str(col("action"), pl.lit(" in "), col("namespace"))

AUDIT = (
    Verb("request", "asked the API for this verb and resource", col("action"), ANY, ALWAYS),
    Verb("within", "asked for it in this namespace", col("namespace"), col("action"), ALWAYS),
    Verb("touch", "asked for the object of this name", col("name"), _request_in, col("name") != ""),
    Verb("outcome", "and was answered so: ok, denied, error", col("outcome"), col("action"), ALWAYS),
    Verb("zone", "came from this part of the network", col("zone"), ANY, ALWAYS),
    Verb("from", "came from this /24 or /64", col("network"), col("zone"), ALWAYS),
    Verb("address", "came from this address", col("source_ip"), col("network"), ALWAYS),
    Verb("agent", "used this client", col("product"), ANY, ALWAYS),
    Verb("version", "used this version of the client", col("version"), col("product"), ALWAYS),
    Verb("platform", "ran the client on this platform", col("platform"), col("product"), ALWAYS),
    Verb("credential", "showed this certificate, or a token", col("credential"), ANY, col("credential") != ""),
    Verb("impersonate", "acted as somebody else", col("impersonated"), ANY, col("impersonated") != ""),
)

CREDENTIALS = (
    Verb(
        "at", "a token bound to this pod was used from this address", col("source_ip"), ANY, col("user_pod_uid") != ""
    ),
    Verb(
        "used",
        "a token bound to no pod was used from this /24 or /64",
        col("network"),
        col("zone"),
        col("user_pod_uid") == "",
    ),
)
"""What the token ledger remembers: the subject is a credential, `pod:<uid>` or `token:<id>`."""
CREDENTIAL_VERBS = tuple(verb.name for verb in CREDENTIALS)

_port = pl.concat_str(col("fd_sport").cast(pl.String).fill_null("?"), pl.lit("/"), col("fd_l4proto").fill_null("tcp"))
_type = col("evt_type")
_opened = _type.is_in(["open", "openat", "openat2", "creat"])
_writing = col("evt_arg_flags").str.contains("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND").fill_null(value=False) | (
    _type == "creat"
)

ACTIVITY = (
    Verb("exec", "ran this program", col("program"), ANY, _type.is_in(["execve", "execveat"]) & (col("program") != "")),
    Verb(
        "spawn",
        "and it was started by that one",
        col("program"),
        col("parent"),
        _type.is_in(["execve", "execveat"]) & (col("program") != "") & (col("parent") != ""),
    ),
    Verb("read", "opened this file to read", col("file"), ANY, _opened & ~_writing & (col("file") != "")),
    Verb(
        "write",
        "wrote in this folder",
        col("folder"),
        ANY,
        (
            (_opened & _writing)
            | _type.is_in(
                [
                    "rename",
                    "renameat",
                    "renameat2",
                    "link",
                    "linkat",
                    "symlink",
                    "symlinkat",
                    "mkdir",
                    "mkdirat",
                    "chmod",
                    "fchmodat",
                    "write",
                ]
            )
        )
        & (col("folder") != ""),
    ),
    Verb(
        "delete",
        "deleted in this folder",
        col("folder"),
        ANY,
        _type.is_in(["unlink", "unlinkat", "rmdir"]) & (col("folder") != ""),
    ),
    Verb(
        "connect",
        "opened a connection to this end and port",
        pl.concat_str(col("end"), pl.lit(":"), _port),
        ANY,
        _type.is_in(["connect", "sendto", "sendmsg"]) & (col("end") != ""),
    ),
    Verb(
        "listen", "listened on this port", _port, ANY, _type.is_in(["listen", "bind"]) & col("fd_sport").is_not_null()
    ),
    Verb(
        "accept",
        "was called on this port from that network",
        col("client"),
        _port,
        _type.is_in(["accept", "accept4"]) & (col("client") != ""),
    ),
    Verb("resolve", "asked for this DNS name", col("dns_name"), ANY, (_type == "dns") & (col("dns_name") != "")),
    Verb(
        "syscall",
        "did something else that is watched",
        col("evt_type"),
        ANY,
        _type.is_in(
            [
                "setuid",
                "setgid",
                "setresuid",
                "capset",
                "ptrace",
                "mount",
                "umount2",
                "init_module",
                "finit_module",
                "bpf",
                "unshare",
                "setns",
                "io_uring_setup",
                "memfd_create",
                "pivot_root",
                "chroot",
            ]
        ),
    ),
    Verb("rule", "set off this rule of a sensor", col("rule"), ANY, col("rule").fill_null("") != ""),
)

FLOW = (
    Verb(
        "connect",
        "opened a connection to this end and port",
        pl.concat_str(col("other"), pl.lit(":"), col("port")),
        ANY,
        col("opened"),
    ),
    Verb("accept", "was called on this port by that end", col("other"), col("port"), ~col("opened")),
)

VERBS: dict[str, tuple[Verb, ...]] = {"activity": ACTIVITY, "audit": AUDIT, "flow": FLOW}

EVIDENCE = 3
"""Events that are kept as evidence of one act."""

DAY_US = 86_400_000_000
DAY = col("time").dt.epoch("us").floordiv(DAY_US).alias("day")
_COUNTED = (pl.len().cast(pl.Int64).alias("count"), col("time").min().alias("first"), col("time").max().alias("last"))


def of(stream: str, events: pl.DataFrame) -> pl.DataFrame:
    """Return the facts (tables.FACTS) that these events of one stream state, counted by day.

    A fact may have several rows; learning adds them up. Events without a time teach nothing. The events'
    workload columns should have been resolved before.
    """
    if stream == "audit":
        answered = _answered(events)
        asked = said("audit", _named(_counted(answered, _REQUEST, [DAY])), skip=["touch"])
        touched = said("audit", _named(_counted(answered.filter(_NAMED), _TOUCH, [DAY])), only=["touch"])
        return pl.concat([asked, touched, _credentials(answered)])
    return said(stream, acts(stream, events, by=[DAY]))


def said(
    stream: str, happened: pl.DataFrame, *, only: Sequence[str] = (), skip: Sequence[str] = (), by: Sequence[str] = ()
) -> pl.DataFrame:
    """Return the facts that acts state, one row for each act and verb, with the columns of `by` beside them.

    `only` and `skip` name verbs. The result has the columns of tables.FACTS, then those of `by`.
    """
    wanted = [verb for verb in VERBS[stream] if (not only or verb.name in only) and verb.name not in skip]
    return pl.concat([_stated(happened, verb, by) for verb in wanted])


def _credentials(answered: pl.DataFrame) -> pl.DataFrame:
    """Return the facts about tokens; certificates are facts about their users."""
    tokens = answered.filter(_TOKEN & (col("source_ip").fill_null("") != "") & (col("outcome") != "denied"))
    counted = _counted(tokens, ("user_pod_uid", "user_credential_id", "source_ip"), [DAY])
    named = mapped(counted, ["source_ip"], _place, ("network", "zone")).with_columns(col("user_pod_uid").fill_null(""))
    owned = named.with_columns(subject=CREDENTIAL, peer=pl.lit("credential"))
    return pl.concat([_stated(owned, verb, ()) for verb in CREDENTIALS])


def acts(stream: str, events: pl.DataFrame, *, by: Sequence[pl.Expr] = ()) -> pl.DataFrame:
    """Return one row for each distinct act, with names made comparable, count, first and last time, and evidence.

    `by` adds columns to tell acts apart (the day, the minute). `evidence` lists the first events of the act: their
    auditIDs, or their numbers.
    """
    if stream == "audit":
        return _named(_counted(_answered(events), _ASKED, by, col("auditID")))
    if stream == "activity":
        return _done(_counted(events, _ACTIVITY, by, col("evt_num").cast(pl.String)))
    opened = events.filter(_OPENED).with_columns(name=col("destination_names").list.first().fill_null(""))
    return _met(_counted(opened, _FLOW, by, col("evt_num").cast(pl.String)))


def key(stream: str) -> pl.Expr:
    """Return one value for all that tells acts of a stream apart: acts with equal keys are the same act."""
    return pl.struct(*_KEYS[stream])


def _stated(happened: pl.DataFrame, verb: Verb, by: Sequence[str]) -> pl.DataFrame:
    return happened.filter(verb.when).select(
        "subject",
        "peer",
        pl.lit(verb.name).alias("verb"),
        verb.given.fill_null("").alias("given"),
        verb.object.fill_null("").alias("object"),
        col("day") if "day" in happened.columns else pl.lit(0, pl.Int64).alias("day"),
        "count",
        "first",
        "last",
        *by,
    )


def _counted(
    events: pl.DataFrame, keys: Sequence[str], by: Sequence[pl.Expr], evidence: pl.Expr | None = None
) -> pl.DataFrame:
    shown = [] if evidence is None else [evidence.sort_by("time").head(EVIDENCE).alias("evidence")]
    return events.filter(col("time").is_not_null()).group_by(*keys, *by).agg(*_COUNTED, *shown)


def mapped(
    frame: pl.DataFrame, columns: Sequence[str], function: Callable[..., Any], into: Sequence[str]
) -> pl.DataFrame:
    """Return the frame with columns `into` computed by a Python function from each distinct row of `columns`.

    With several columns in `into` the function returns a tuple of as many strings.
    """
    distinct = frame.select(columns).unique()
    values = [function(*row) for row in distinct.iter_rows()]
    made = [
        pl.Series(name, [value[n] for value in values] if len(into) > 1 else values, pl.String)
        for n, name in enumerate(into)
    ]
    return frame.join(
        distinct.with_columns(made), on=list(columns), how="left", nulls_equal=True, maintain_order="left"
    )


# Audit: a request is who, what, where, from where, with what, and how it was answered.
_SUBJECT = ("user_username", "groups")
_WHAT = ("verb", "objectRef_apiGroup", "objectRef_resource", "objectRef_subresource", "objectRef_namespace", "path")
_REQUEST = (*_SUBJECT, *_WHAT, "impersonatedUser_username", "source_ip", "userAgent", "outcome", "credential")
_TOUCH = (*_SUBJECT, *_WHAT, "objectRef_name")
_ASKED = (*_REQUEST, "objectRef_name", "user_pod_uid", "user_credential_id", "user_pod_name", "user_node_name")
_WRITES = ("create", "update", "patch", "delete")
_SECRETIVE = ("secrets", "configmaps", "serviceaccounts", "nodes", "certificatesigningrequests")
_NAMED = (
    (col("objectRef_name").fill_null("") != "")
    & (
        col("objectRef_resource").is_in(_SECRETIVE)
        | (col("objectRef_subresource").is_in(["exec", "attach", "portforward", "proxy", "ephemeralcontainers"]))
        | col("verb").is_in(_WRITES)
    )
    & ~col("objectRef_resource").is_in(
        ["events", "leases", "endpointslices", "endpoints", "tokenreviews", "subjectaccessreviews"]
    )
)
_TOKEN = col("user_credential_id").str.starts_with("JTI=")
CREDENTIAL = (
    pl.when(col("user_pod_uid").fill_null("") != "")
    .then(pl.concat_str(pl.lit("pod:"), col("user_pod_uid")))
    .when(_TOKEN)
    .then(pl.concat_str(pl.lit("token:"), col("user_credential_id").str.strip_prefix("JTI=")))
    .otherwise(pl.lit(""))
)
"""The credential an event was made with, as a subject; empty where it was no token."""
CONNECTING = ("exec", "attach", "portforward")
"""Subresources that arrive as `get` over WebSocket and as `create` over SPDY: the same act."""


def _answered(events: pl.DataFrame) -> pl.DataFrame:
    """Drop what is not yet answered; a watch's start and end are the same act."""
    code = col("responseStatus_code")
    fingerprint = col("user_credential_id").fill_null("")
    return events.filter(col("stage") != "RequestReceived").with_columns(
        pl.when(code.is_in([401, 403]) | (col("annotations_decision") == "forbid"))
        .then(pl.lit("denied"))
        .when(code >= 400)
        .then(pl.lit("error"))
        .otherwise(pl.lit("ok"))
        .alias("outcome"),
        pl.when(col("objectRef_resource").is_null()).then(col("requestURI")).alias("path"),
        pl.when(fingerprint.str.starts_with("JTI=")).then(pl.lit("token")).otherwise(fingerprint).alias("credential"),
        pl.when(col("objectRef_subresource").is_in(CONNECTING) & (col("verb") == "get"))
        .then(pl.lit("create"))
        .otherwise(col("verb"))
        .alias("verb"),
        col("user_groups").list.join(",").alias("groups"),
    )


def _named(counted: pl.DataFrame) -> pl.DataFrame:
    """Give requests their comparable names, as far as their columns are there."""
    frame = mapped(counted, _SUBJECT, _who, ("subject", "peer"))
    frame = mapped(frame, [name for name in _WHAT if name != "objectRef_namespace"], _action, ("action",))
    frame = frame.with_columns(
        pl.when(col("objectRef_namespace").fill_null("") == "")
        .then(pl.lit("(cluster)"))
        .otherwise(col("objectRef_namespace"))
        .alias("namespace")
    )
    if "objectRef_name" in frame.columns:
        frame = mapped(
            frame.with_columns(named=pl.when(_NAMED).then(col("objectRef_name"))),
            ["objectRef_resource", "named"],
            _object_name,
            ("name",),
        )
    if "source_ip" in frame.columns:
        frame = mapped(frame, ["source_ip"], _place, ("network", "zone"))
        frame = mapped(frame, ["userAgent"], _client, ("product", "version", "platform"))
        frame = frame.with_columns(
            col("source_ip").fill_null(""), impersonated=col("impersonatedUser_username").fill_null("")
        )
    return frame


@functools.lru_cache(65_536)
def _who(username: str | None, groups: str | None) -> tuple[str, str]:
    members = [group for group in (groups or "").split(",") if group]
    subject = normal.identity(username or "", members)
    return subject, peer_of(subject, members)


def peer_of(subject: str, groups: Sequence[str] = ()) -> str:
    """Return whom an identity should resemble: its namespace, its own group, the nodes.

    >>> peer_of("sa:shop/web"), peer_of("node:n1"), peer_of("user:ann", ["dev", "system:authenticated"])
    ('sa:shop', 'node', 'group:dev')
    """
    kind, _, name = subject.partition(":")
    if kind == "sa":
        return f"sa:{name.partition('/')[0]}"
    if kind == "node":
        return "node"
    own = sorted(group for group in groups if not group.startswith("system:") or group == "system:masters")
    return f"group:{own[0]}" if own else "system" if name.startswith("system:") else "user"


@functools.lru_cache(65_536)
def _action(verb: str | None, group: str | None, resource: str | None, sub: str | None, path: str | None) -> str:
    if not resource:
        return f"{verb} {_path_of(path or '/')}"
    return f"{verb} {resource}" + (f".{group}" if group else "") + (f"/{sub}" if sub else "")


def _path_of(uri: str) -> str:
    """Return the path of a request that is about no resource, as far as it says what is asked.

    >>> _path_of("/apis/apps/v1?timeout=32s"), _path_of("/healthz"), _path_of("/openapi/v3/apis/apps/v1")
    ('/apis/*', '/healthz', '/openapi/*')
    """
    path = uri.partition("?")[0]
    head = path.split("/")[1] if path.startswith("/") else path
    return f"/{head[:64]}/*" if path.count("/") > 1 and path.rstrip("/").count("/") > 1 else f"/{head[:64]}"


@functools.lru_cache(65_536)
def _object_name(resource: str | None, name: str | None) -> str:
    return normal.object_name(resource or "", name) if name else ""


@functools.lru_cache(65_536)
def _place(address: str | None) -> tuple[str, str]:
    return normal.network(address or ""), normal.zone(address or "")


@functools.lru_cache(65_536)
def _client(agent: str | None) -> tuple[str, str, str]:
    return normal.agent(agent or "")


# Activity: what a container's processes do.
_CONTAINER = (
    "k8s_ns_name",
    "k8s_workload_kind",
    "k8s_workload_name",
    "k8s_pod_name",
    "container_name",
    "container_id",
    "hostname",
)
_ACTIVITY = (
    *_CONTAINER,
    "evt_type",
    "evt_arg_flags",
    "proc_exepath",
    "proc_name",
    "proc_pexepath",
    "proc_pname",
    "fd_name",
    "fd_l4proto",
    "fd_cip",
    "fd_sip",
    "fd_sport",
    "fd_sip_name",
    "dns_name",
    "rule",
)


def _done(counted: pl.DataFrame) -> pl.DataFrame:
    frame = mapped(counted, _CONTAINER, _whose, ("subject", "peer"))
    frame = mapped(frame, ["proc_exepath", "proc_name"], _program, ("program",))
    frame = mapped(frame, ["proc_pexepath", "proc_pname"], _program, ("parent",))
    frame = mapped(frame, ["fd_name"], _file, ("file", "folder"))
    frame = mapped(frame, ["fd_cip"], _network, ("client",))
    frame = mapped(frame, ["fd_sip", "fd_sip_name"], _end, ("end",))
    return frame.with_columns(col("dns_name").fill_null("").str.to_lowercase())


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
    "/etc/",
    "/root/",
    "/home/",
    "/proc/",
    "/var/run/secrets/",
    "/run/secrets/",
    "/dev/",
    "/boot/",
    "/sys/",
    "/host",
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


# Flow: two ends, and each learns of the other.
_OPENED = ~col("is_reply").fill_null(value=False) & col("verdict").fill_null("FORWARDED").is_in(
    ["FORWARDED", "REDIRECTED", "AUDIT", "TRACED", "TRANSLATED"]
)
_SIDES = {
    side: tuple(
        f"{side}_{part}" for part in ("namespace", "workload_kind", "workload_name", "pod_name", "identity", "ip")
    )
    for side in ("source", "destination")
}
_FLOW = (*_SIDES["source"], *_SIDES["destination"], "name", "destination_port", "l4_protocol")


def _met(counted: pl.DataFrame) -> pl.DataFrame:
    frame = counted
    for side, columns in _SIDES.items():
        frame = mapped(frame, columns, _flow_end, (f"{side}_subject", f"{side}_end"))
    port = pl.concat_str(
        col("destination_port").cast(pl.String).fill_null("?"),
        pl.lit("/"),
        col("l4_protocol").fill_null("TCP").str.to_lowercase(),
    )
    frame = frame.with_columns(
        port=port,
        destination_end=pl.when((col("name") != "") & (col("destination_subject") == ""))
        .then(col("name"))
        .otherwise(col("destination_end")),
    )
    calls = frame.with_columns(subject=col("source_subject"), other=col("destination_end"), opened=ALWAYS)
    called = frame.with_columns(subject=col("destination_subject"), other=col("source_end"), opened=~ALWAYS)
    both = pl.concat([calls, called]).filter(col("subject") != "")
    return both.with_columns(peer=pl.concat_str(pl.lit("workload:"), col("subject").str.split("/").list.first()))


@functools.lru_cache(65_536)
def _flow_end(
    namespace: str | None,
    kind: str | None,
    name: str | None,
    pod: str | None,
    identity: str | None,
    address: str | None,
) -> tuple[str, str]:
    """Return the end as a subject (empty for what is no workload) and as the other side names it."""
    if pod or name:
        if not (kind and name):
            kind, name = normal.workload_of_pod(pod or name or "", None)
        end = f"{namespace or 'default'}/{kind}/{name}"
        return end, end
    if identity and identity != "world":
        return "", identity
    return "", normal.network(address or "") or identity or "unknown"


_PATH = pl.when(col("objectRef_resource").is_null()).then(col("requestURI")).alias("path")
_KEYS: dict[str, tuple[str | pl.Expr, ...]] = {
    "activity": _ACTIVITY,
    "audit": tuple(
        {"outcome": col("responseStatus_code"), "credential": col("annotations_decision"), "path": _PATH}.get(
            name, col(name)
        )
        for name in _ASKED
        if name != "groups"
    ),
    "flow": (*(name for name in _FLOW if name != "name"), "destination_names", "is_reply", "verdict"),
}
"""The columns of a stream's events that its acts are made of."""


def vocabulary() -> pl.DataFrame:
    """Return the vocabulary as a table: columns stream, verb, says."""
    return pl.DataFrame(
        [{"stream": stream, "verb": verb.name, "says": verb.doc} for stream, verbs in VERBS.items() for verb in verbs]
    )


def empty() -> pl.DataFrame:
    """Return a table of no facts."""
    return frames.empty(tables.FACTS)
