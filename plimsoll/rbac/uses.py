"""What was allowed and why, added up as events come: the rights that were used, in memory that is bounded.

Of each binding (by the reason the API server gave) it is remembered which verb of which resource in which namespace
was used, how often on each day; and the names it was used for, as long as they are few. Adding up is associative:
batches in any order give the same. A right that is used behind the API server's back shows in an access review:
what a kubelet or a proxy asked for somebody counts as that somebody's use, where the log holds the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

from plimsoll.rbac import grants, reasons, sums

col = pl.col
MANY = sums.MANY
MOST_NAMES, MOST_PLACES = 64, 1_000
_SEPARATOR = "\x1f"
_DAY_US = 86_400_000_000

_ACT = ("reason", "user", "groups", "verb", "group", "resource")
_KINDS = (*_ACT, "namespace", "day")
_NAMES = (*_ACT, "namespace", "name")
_TEXT, _INT = pl.String(), pl.Int64()
_SCHEMA = {
    **dict.fromkeys((*_ACT, "namespace", "name"), _TEXT),
    **dict.fromkeys(("day", *sums.SUMMED), _INT),
}


class Used(NamedTuple):
    """What a log shows."""

    kinds: pl.DataFrame
    """Each act by day: reason (else user and groups), verb, group, resource, namespace, day, count, first, last."""
    names: pl.DataFrame
    """The names (paths where there is no resource) of each act, with the last time; `*` where they are many."""
    beyond: pl.DataFrame
    """Who was allowed by something else than RBAC, or refused: why, user, count."""
    days: tuple[int, ...]
    """Days on which anything was logged."""
    last: int
    """The last moment of the log, in microseconds."""
    events: int
    unknown: int
    """Events that say nothing of who allowed them; they are explained by the objects."""
    forgone: int
    """Acts there was no room for."""


class Uses:
    """Uses of rights that come in and are added up as they come."""

    def __init__(self, since: int | None = None) -> None:
        """Begin with nothing; what happened before `since` (microseconds) is left out."""
        self._since = since
        self._kinds = sums.Sum(_KINDS, "namespace", MOST_PLACES)
        self._names = sums.Sum(_NAMES, "name", MOST_NAMES)
        self._beyond = sums.Sum(("why", "user"), "user", MOST_PLACES)
        self._days: set[int] = set()
        self._last = self._events = self._unknown = 0

    def take(self, events: pl.DataFrame) -> None:
        """Take in a batch of audit events (tables.AUDIT)."""
        answered = _answered(events, self._since)
        if answered.is_empty():
            return
        self._events += answered.height
        self._days |= set(answered["day"].unique())
        self._last = max(self._last, *answered["first"].top_k(1))
        allowed = answered.filter(col("why") == "")
        self._unknown += int((allowed["reason"] == "").sum())
        parts = [_placed(allowed), *(made for made in (_reviewed(answered), _impersonated(answered)) if made.height)]
        for part in parts:
            self._kinds.add(part.drop("name"))
            self._names.add(part.drop("day"))
        self._beyond.add(answered.filter(col("why") != ""))

    def told(self) -> Used:
        """Return all of it, in order."""
        kinds, names, beyond = (one.told() for one in (self._kinds, self._names, self._beyond))
        return Used(
            kinds.with_columns(sums.COUNT).drop(sums.COUNTS).sort(_KINDS),
            names.drop(*sums.COUNTS, "first").sort(_NAMES),
            beyond.with_columns(sums.COUNT).select("why", "user", "count").sort("why", "user"),
            tuple(sorted(self._days)),
            self._last,
            self._events,
            self._unknown,
            self._kinds.forgone + self._names.forgone,
        )


def _answered(events: pl.DataFrame, since: int | None) -> pl.DataFrame:
    """Return what was answered, with why no binding has to account for it; empty where one has."""
    moment = col("time").dt.epoch("us")
    wanted = (col("stage") != "RequestReceived") & col("time").is_not_null()
    chosen = events.filter(wanted if since is None else wanted & (moment >= since))
    begun = (col("stage") == "ResponseStarted").cast(pl.Int64)
    reason = col("annotations_reason").fill_null("")
    return chosen.select(
        reason.alias("reason"),
        _why(reason).alias("why"),
        _USER.alias("user"),
        _GROUPS.alias("members"),
        col("user_username").fill_null("").alias("actor"),
        col("user_groups").alias("actor_members"),
        "impersonatedUser_username",
        col("verb").fill_null(""),
        col("objectRef_apiGroup").fill_null("").alias("group"),
        _resource().alias("resource"),
        col("objectRef_namespace").fill_null("").alias("namespace"),
        _name().alias("name"),
        "responseObject",
        moment.floordiv(_DAY_US).alias("day"),
        begun.alias("begun"),
        (1 - begun).alias("ended"),
        moment.alias("first"),
        moment.alias("last"),
    )


_ACTING = col("impersonatedUser_username").is_not_null()
_USER = pl.when(_ACTING).then("impersonatedUser_username").otherwise("user_username").fill_null("")
_GROUPS = pl.when(_ACTING).then("impersonatedUser_groups").otherwise("user_groups")
"""Whose rights a request needs: those of the one that it acts as."""


def _why(reason: pl.Expr) -> pl.Expr:
    """Return why RBAC has no say: refused, or allowed by something that gives no reason of RBAC's."""
    decision, code = col("annotations_decision").fill_null(""), col("responseStatus_code").fill_null(0)
    masters = _GROUPS.list.contains("system:masters").fill_null(value=False)
    node = _USER.str.starts_with("system:node:")
    other = (
        pl.when(masters)
        .then(pl.lit("system:masters"))
        .when(node & (decision == "allow"))
        .then(pl.lit("node authorizer"))
        .when(decision == "allow")
        .then(pl.lit("another authorizer"))
        .otherwise(pl.lit(""))
    )
    return (
        pl.when((decision == "forbid") | code.is_in([401, 403]) & (decision != "allow"))
        .then(pl.lit("refused"))
        .when(reason.str.starts_with(reasons.PREFIX))
        .then(pl.lit(""))
        .otherwise(other)
    )


def _resource() -> pl.Expr:
    resource, sub = col("objectRef_resource").fill_null(""), col("objectRef_subresource").fill_null("")
    return pl.when(sub == "").then(resource).otherwise(resource + "/" + sub)


def _name() -> pl.Expr:
    """Return the name the authorizer saw; the path where there is no resource."""
    path = col("requestURI").fill_null("").str.split_exact("?", 1).struct.field("field_0")
    unnamed = col("verb").is_in(["create", "deletecollection"]) & (col("objectRef_subresource").fill_null("") == "")
    return (
        pl.when(col("objectRef_resource").fill_null("") == "")
        .then(path)
        .when(unnamed)
        .then(pl.lit(""))
        .otherwise(col("objectRef_name").fill_null(""))
    )


_COLUMNS = (*_ACT, "namespace", "name", "day", *sums.SUMMED)


def _placed(allowed: pl.DataFrame) -> pl.DataFrame:
    """Return acts with user and groups only where no reason tells whose right it was."""
    told = col("reason") != ""
    groups = col("members").list.join(_SEPARATOR).fill_null("")
    return allowed.with_columns(
        pl.when(told).then(pl.lit("")).otherwise(col("user")).alias("user"),
        pl.when(told).then(pl.lit("")).otherwise(groups).alias("groups"),
    ).select(_COLUMNS)


def members(groups: str) -> list[str]:
    """Return the groups that a row holds as one text."""
    return groups.split(_SEPARATOR) if groups else []


class _Attributes(msgspec.Struct, frozen=True):
    verb: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    resource_attributes: _Attributes | None = None
    non_resource_attributes: _Attributes | None = None


class _Status(msgspec.Struct, frozen=True):
    allowed: bool = False
    reason: str = ""


class _Review(msgspec.Struct, frozen=True):
    spec: _Spec = _Spec()
    status: _Status = _Status()


_review = msgspec.json.Decoder(_Review).decode
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)


def _reviewed(answered: pl.DataFrame) -> pl.DataFrame:
    """Return the uses that access reviews tell of; asking for oneself uses nothing."""
    asked = answered.filter(
        col("resource").is_in(["subjectaccessreviews", "localsubjectaccessreviews"])
        & (col("verb") == "create")
        & col("responseObject").is_not_null()
    )
    rows = [
        {"reason": reason, "user": "", "groups": "", **request._asdict(), **_moment(row)}
        for row in asked.iter_rows(named=True)
        for reason, request in _review_of(row["responseObject"])
    ]
    return pl.DataFrame(rows, schema={name: _SCHEMA[name] for name in _COLUMNS})


def _moment(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("day", *sums.SUMMED)}


def _review_of(answer: str) -> Iterator[tuple[str, grants.Request]]:
    try:
        told = _review(answer)
    except _BROKEN:
        return
    asked = told.spec.resource_attributes or told.spec.non_resource_attributes
    if asked is None or not told.status.allowed or not told.status.reason.startswith(reasons.PREFIX):
        return
    resource = asked.resource + (f"/{asked.subresource}" if asked.subresource else "")
    yield (
        told.status.reason,
        grants.Request(asked.verb, asked.group, resource, asked.namespace, asked.name or asked.path),
    )


def _impersonated(answered: pl.DataFrame) -> pl.DataFrame:
    """Return the uses of `impersonate`: they are requests of their own, which no event is written for."""
    acting = answered.filter(col("impersonatedUser_username").is_not_null())
    rows = [
        {"reason": "", "user": row["actor"], "groups": _SEPARATOR.join(row["actor_members"] or ()), **asked._asdict()}
        | _moment(row)
        for row in acting.iter_rows(named=True)
        if "system:masters" not in (row["actor_members"] or ())
        for asked in _acting_as(row["impersonatedUser_username"], row["members"] or ())
    ]
    return pl.DataFrame(rows, schema={name: _SCHEMA[name] for name in _COLUMNS})


def _acting_as(user: str, groups: Sequence[str]) -> Iterator[grants.Request]:
    namespace, colon, account = user.removeprefix("system:serviceaccount:").partition(":")
    if colon and user.startswith("system:serviceaccount:"):
        yield grants.Request("impersonate", "", "serviceaccounts", namespace, account)
    else:
        yield grants.Request("impersonate", "", "users", "", user)
    for group in groups:
        # These are added by the API server itself.
        if group not in ("system:authenticated", "system:unauthenticated") and not group.startswith(
            "system:serviceaccounts"
        ):
            yield grants.Request("impersonate", "", "groups", "", group)
