"""Facts about who uses the API: a request is who, what, where, whence, with what client, and how it was answered."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import polars as pl

from plimsoll import normal
from plimsoll.facts.counting import ALWAYS, ANY, DAY, Verb, added, counted, mapped, stated, text

col = pl.col
_request_in = pl.concat_str(col("action"), pl.lit(" in "), col("namespace"))


def _held_by(*kinds: str) -> pl.Expr:
    """Say whether the credential that is the subject is one of these kinds."""
    return pl.any_horizontal(col("subject").str.starts_with(kind) for kind in kinds)


VERBS = (
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
        "at",
        "a pod's token or a node's certificate came from this address",
        col("source_ip"),
        ANY,
        _held_by("pod:", "kubelet:"),
    ),
    Verb(
        "used", "a token bound to no pod came from this net", col("network"), col("zone"), _held_by("token:", "legacy:")
    ),
    Verb("client", "a node's certificate was shown by this client", col("product"), ANY, _held_by("kubelet:")),
)
ISSUED = Verb(
    "issued",
    "a token of this account was issued to somebody who is neither kubelet nor controller manager",
    col("issuer"),
    ANY,
    ALWAYS,
)
"""What the token ledger remembers: the subject is a credential, as CREDENTIAL says, or `account:` whose token it is."""
CREDENTIAL_VERBS = (*(verb.name for verb in CREDENTIALS), ISSUED.name)

STATED = (
    "subject", "peer", "action", "namespace", "name", "outcome", "zone", "network", "source_ip", "product", "version",
    "platform", "credential", "impersonated",
)  # fmt: skip
"""The columns of acts that VERBS look at."""

_SUBJECT = ("user_username", "groups")
_WHAT = ("verb", "objectRef_apiGroup", "objectRef_resource", "objectRef_subresource", "objectRef_namespace", "path")
_HOW = ("source_ip", "userAgent", "responseStatus_code", "annotations_decision", "user_credential_id", "user_pod_uid")
_REQUEST = (*_SUBJECT, *_WHAT, "impersonatedUser_username", *_HOW)
_TOUCH = (*_SUBJECT, *_WHAT, "objectRef_name")
_ASKED = (*_REQUEST, "objectRef_name", "user_pod_name", "user_node_name")
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
_USER, _FINGERPRINT = col("user_username"), col("user_credential_id")
ACCOUNT_USER, NODE_USER = "system:serviceaccount:", "system:node:"
CREDENTIAL = (
    pl.when(col("user_pod_uid").fill_null("") != "")
    .then(pl.concat_str(pl.lit("pod:"), col("user_pod_uid")))
    .when(_FINGERPRINT.str.starts_with("JTI="))
    .then(pl.concat_str(pl.lit("token:"), _FINGERPRINT.str.strip_prefix("JTI=")))
    .when(_USER.str.starts_with(NODE_USER))
    .then(pl.concat_str(pl.lit("kubelet:"), _USER.str.strip_prefix(NODE_USER)))
    .when(_USER.str.starts_with(ACCOUNT_USER) & _FINGERPRINT.is_null())
    .then(pl.concat_str(pl.lit("legacy:"), _USER.str.strip_prefix(ACCOUNT_USER).str.replace(":", "/", literal=True)))
    .otherwise(pl.lit(""))
)
"""The credential an event was made with, as a subject; empty where the ledger has nothing to say of it.

`pod:` a token bound to a pod, `token:` one that has an id, `legacy:` one of an account that has none, `kubelet:` what
a node shows.
"""
_MINTS = (col("verb") == "create") & (col("objectRef_subresource") == "token")
_PLATFORM = col("subject").str.starts_with("node:") | (col("subject") == "user:system:kube-controller-manager")
CONNECTING = ("exec", "attach", "portforward")
"""Subresources that arrive as `get` over WebSocket and as `create` over SPDY: the same act."""
_PATH = pl.when(col("objectRef_resource").is_null()).then(col("requestURI")).alias("path")
KEPT = ("key", "rules")
"""Columns of a judge's own that acts may be told apart by."""
KEYS: tuple[str | pl.Expr, ...] = tuple(_PATH if name == "path" else name for name in _ASKED if name != "groups")
"""The columns of the stream that tell acts apart."""


def tally(events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct requests of these events and days, as far as learning tells them apart."""
    named = pl.when(_NAMED).then(col("objectRef_name")).alias("objectRef_name")
    return counted(_answered(events).with_columns(named), (*_REQUEST, "objectRef_name"), [DAY])


def of_tally(tally: pl.DataFrame) -> pl.DataFrame:
    """Return the facts of these requests by day; names of objects are counted apart, for they are many."""
    asked = _named(_read(added(tally, (*_REQUEST, "day"))))
    touched = _named(added(tally.filter(col("objectRef_name").is_not_null()), (*_TOUCH, "day")))
    said = [added(stated(touched if verb.name == "touch" else asked, verb)) for verb in VERBS]
    minted = added(tally.filter(_MINTS), (*_REQUEST, "objectRef_name", "day"))
    return pl.concat([*said, _credentials(asked), _issued(_named(_read(minted)))])


def acts(events: pl.DataFrame, by: Sequence[pl.Expr], *, evidence: bool = True) -> pl.DataFrame:
    """Return the distinct requests of these events, and of `by`."""
    return _named(_read(counted(_answered(events), _ASKED, by, col("auditID") if evidence else None)))


def _credentials(asked: pl.DataFrame) -> pl.DataFrame:
    """Return the facts about tokens and nodes' certificates; other certificates are facts about their users."""
    accepted = asked.filter((col("source_ip") != "") & (col("outcome") != "denied"))
    shown = accepted.with_columns(text("user_pod_uid"), subject=CREDENTIAL, peer=pl.lit("credential"))
    owned = shown.filter(col("subject") != "")
    return pl.concat([stated(owned, verb) for verb in CREDENTIALS])


def _issued(minted: pl.DataFrame) -> pl.DataFrame:
    """Return the facts about who was given tokens of an account; kubelets and the controller manager serve pods."""
    given = minted.filter((col("outcome") == "ok") & ~_PLATFORM).with_columns(issuer=col("subject"))
    account = pl.concat_str(pl.lit("account:"), col("namespace"), pl.lit("/"), col("name"))
    return stated(given.with_columns(subject=account, peer=pl.lit("credential")), ISSUED)


def _answered(events: pl.DataFrame) -> pl.DataFrame:
    """Drop what is not yet answered; a watch's start and end are the same act."""
    wanted = (
        "time",
        "auditID",
        "stage",
        *(name for name in _ASKED if name not in ("groups", "path")),
        "user_groups",
        "requestURI",
    )
    kept = [*wanted, *(name for name in events.columns if name in KEPT)]
    answered = events.select(kept).filter(col("stage") != "RequestReceived")
    connecting = col("objectRef_subresource").is_in(CONNECTING) & (col("verb") == "get")
    verb = pl.when(connecting).then(pl.lit("create")).otherwise(col("verb")).alias("verb")
    return answered.with_columns(_PATH, verb, col("user_groups").list.join(",").alias("groups"))


def _read(requests: pl.DataFrame) -> pl.DataFrame:
    """Say of distinct requests how they were answered and with what they were made."""
    code, fingerprint = col("responseStatus_code"), text("user_credential_id")
    denied = code.is_in([401, 403]) | (col("annotations_decision") == "forbid")
    outcome = pl.when(denied).then(pl.lit("denied")).when(code >= 400).then(pl.lit("error")).otherwise(pl.lit("ok"))
    return requests.with_columns(
        outcome.alias("outcome"),
        pl.when(fingerprint.str.starts_with("JTI=")).then(pl.lit("token")).otherwise(fingerprint).alias("credential"),
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
