"""Audit Events become columns: what is each event's own directly, what repeats once and then gathered by number."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import polars as pl
from msgspec import Raw

from plimsoll import tables
from plimsoll.sources import audit_event, records

K = TypeVar("K")
V = TypeVar("V")

TIME = pl.Datetime("us", "UTC")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NO_OBJECT, NO_STATUS, NO_EXTRA = audit_event.ObjectRef(), audit_event.ResponseStatus(), audit_event.Extra()


class Index(dict[K, int]):
    """Numbers what it is asked for, from 0 in the order of first asking.

    >>> index = Index()
    >>> index["a"], index["b"], index["a"]
    (0, 1, 0)
    """

    def __missing__(self, key: K) -> int:
        """Give the next number."""
        self[key] = number = len(self)
        return number


class Distinct:
    """What repeats in a run of lines: each distinct one has a number."""

    def __init__(self) -> None:
        self.users = Index({b"": 0})
        self.sources = Index[tuple[str, ...] | None]()
        self.annotations = Index[bytes]()
        self.ways = Index[tuple[str | None, ...]]()
        """Ways of asking: of their texts (_WAY) few differ."""


class Own:
    """Columns of what is each event's own, and of the numbers of what repeats; filled few events at a time.

    So events are taken apart while the processor's cache holds them, and the columns are made once for all.
    """

    def __init__(self, distinct: Distinct) -> None:
        self._distinct = distinct
        self._lists: dict[str, list[Any]] = {name: [] for name in (*_OWN, *_NUMBERS)}

    def take(self, events: Sequence[audit_event.Event], offsets: Sequence[int], numbers: Sequence[int]) -> None:
        """Take in these events, with the offset of the line of each, and its number."""
        users, sources, notes = self._distinct.users, self._distinct.sources, self._distinct.annotations
        ways = self._distinct.ways
        objects = [event.objectRef or NO_OBJECT for event in events]
        into = self._lists
        into["offset"] += offsets
        into["evt_num"] += numbers
        into["time"] += [e.requestReceivedTimestamp or e.stageTimestamp or e.timestamp for e in events]
        into["auditID"] += [event.auditID for event in events]
        into["requestURI"] += [event.requestURI for event in events]
        into["objectRef_name"] += [ref.name for ref in objects]
        into["responseStatus_code"] += [(e.responseStatus or NO_STATUS).code for e in events]
        into["requestObject"] += _bodies([event.requestObject for event in events])
        into["responseObject"] += _bodies([event.responseObject for event in events])
        into["way"] += [
            ways[e.stage, e.level, e.verb, e.userAgent, o.apiGroup, o.resource, o.subresource, o.namespace]
            for e, o in zip(events, objects, strict=True)
        ]
        into["who"] += map(users.__getitem__, map(bytes, [event.user for event in events]))
        into["as"] += [users[bytes(event.impersonatedUser)] if event.impersonatedUser else 0 for event in events]
        into["from"] += map(sources.__getitem__, [event.sourceIPs for event in events])
        into["notes"] += map(notes.__getitem__, map(bytes, [event.annotations for event in events]))

    def frame(self) -> pl.DataFrame:
        """Return the columns."""
        kinds = {"offset": pl.UInt32(), "evt_num": pl.Int64(), "responseStatus_code": pl.Int64()}
        kinds |= dict.fromkeys(_NUMBERS, pl.UInt32())
        text = pl.String()
        return pl.DataFrame([pl.Series(name, values, kinds.get(name, text)) for name, values in self._lists.items()])


_OWN = (
    "offset", "evt_num", "time", "auditID", "requestURI", "objectRef_name", "responseStatus_code", "requestObject",
    "responseObject",
)  # fmt: skip
_NUMBERS = ("way", "who", "as", "from", "notes")
_WAY = (
    "stage", "level", "verb", "userAgent", "objectRef_apiGroup", "objectRef_resource", "objectRef_subresource",
    "objectRef_namespace",
)  # fmt: skip


def _bodies(bodies: Sequence[Raw]) -> list[str | None]:
    """Return bodies as JSON text; that they are UTF-8 was seen when their line was read."""
    if not any(bodies):
        return [None] * len(bodies)
    texts = [str(body, "utf-8") if body else None for body in bodies]
    return [None if text == "null" else text for text in texts]


def whole(rows: pl.DataFrame, distinct: Distinct) -> tuple[pl.DataFrame, list[records.Reject]]:
    """Return the audit table of all rows, and the records whose time, user or annotations cannot be read.

    The frames are put together Series by Series: each query that Polars plans costs as much as 50 events.
    """
    who, notes = _users(distinct.users), _annotations(distinct.annotations)
    columns = {series.name: series for series in rows} | {"time": times(rows["time"])}
    for numbers, frame, prefix in (
        ("way", _ways(distinct.ways), ""),
        ("who", who, "user_"),
        ("as", who, "impersonatedUser_"),
        ("from", _sources(distinct.sources), ""),
        ("notes", notes, "annotations_"),
    ):
        columns |= {prefix + series.name: series for series in frame[rows[numbers]]}
    columns["annotations"] = columns.pop("annotations_all")
    found = pl.DataFrame({name: columns[name] for name in tables.names(tables.AUDIT)})
    if not (columns["time"].null_count() or who["broken"].count() or notes["broken"].count()):
        return found, []
    why = _why(columns)
    broken = zip(rows["offset"].filter(why.is_not_null()), why.drop_nulls(), strict=True)
    return found.filter(why.is_null()), [records.Reject(*one) for one in broken]


def _why(columns: Mapping[str, pl.Series]) -> pl.Series:
    """Return why a row cannot be read, null where it can."""
    no_time = pl.when(columns["time"].is_null()).then(pl.lit("no time that can be read"))
    named = ("user_broken", "impersonatedUser_broken", "annotations_broken")
    return pl.select(pl.coalesce(*(columns[name] for name in named), no_time).alias("why")).to_series()


def _read(texts: Iterable[bytes], decode: Callable[[bytes], V | None], nothing: V) -> tuple[list[V], pl.Series]:
    """Return what each distinct text says, and why those that say nothing are broken."""
    values: list[V] = []
    reasons: list[str | None] = []
    for text in texts:
        try:
            values.append((text and decode(text)) or nothing)
            reasons.append(None)
        except records.BROKEN as broken:
            values.append(nothing)
            reasons.append(records.reason(broken))
    return values, pl.Series("broken", reasons, pl.String)


def _users(texts: Iterable[bytes]) -> pl.DataFrame:
    found, broken = _read(texts, audit_event.read_user, audit_event.User())
    extras = [one.extra or NO_EXTRA for one in found]
    return pl.DataFrame(
        [
            pl.Series("username", [one.username for one in found], pl.String),
            _lists("groups", [one.groups for one in found]),
            pl.Series("credential_id", [_first(extra.credential_id) for extra in extras], pl.String),
            pl.Series("pod_name", [_first(extra.pod_name) for extra in extras], pl.String),
            pl.Series("pod_uid", [_first(extra.pod_uid) for extra in extras], pl.String),
            pl.Series("node_name", [_first(extra.node_name) for extra in extras], pl.String),
            broken,
        ]
    )


def _ways(ways: Iterable[tuple[str | None, ...]]) -> pl.DataFrame:
    return pl.DataFrame(list(ways), dict.fromkeys(_WAY, pl.String), orient="row")


def _lists(name: str, values: Iterable[Sequence[str] | None]) -> pl.Series:
    """Return lists as a column; by way of JSON, as Polars makes a Series of each Python list (6 µs against 1 µs)."""
    return pl.Series(name, [msgspec.json.encode(value).decode() for value in values], pl.String).str.json_decode(
        pl.List(pl.String)
    )


def _first(values: list[str] | None) -> str | None:
    return values[0] if values else None


def _annotations(texts: Iterable[bytes]) -> pl.DataFrame:
    texts = list(texts)
    found, broken = _read(texts, audit_event.read_annotations, audit_event.Annotations())
    return pl.DataFrame(
        [
            pl.Series("all", [None if text in (b"", b"null") else text.decode() for text in texts], pl.String),
            pl.Series("decision", [one.decision for one in found], pl.String),
            pl.Series("reason", [one.reason for one in found], pl.String),
            pl.Series("issued_credential_id", [one.issued_credential_id for one in found], pl.String),
            broken,
        ]
    )


def _sources(chains: Iterable[tuple[str, ...] | None]) -> pl.DataFrame:
    chains = list(chains)
    return pl.DataFrame(
        [
            _lists("sourceIPs", chains),
            pl.Series("source_ip", [address(chain[-1]) if chain else None for chain in chains], pl.String),
        ]
    )


def address(text: str) -> str:
    """Return an address in its shortest form, IPv4 as IPv4; what is no address stays as it is.

    >>> address("::ffff:10.0.0.7"), address("2001:DB8::0:1"), address("@")
    ('10.0.0.7', '2001:db8::1', '@')
    """
    return _address(text) if len(text) < 64 else text


@functools.lru_cache(4096)
def _address(text: str) -> str:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(found, "ipv4_mapped", None) or found)


_USUAL = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]\.[0-9]{6}Z$"
"""How the API server writes a time. Polars alone would also take signs, spaces and second 60."""


def times(texts: pl.Series) -> pl.Series:
    """Return the times that texts tell, to the microsecond, in UTC where no offset is given; null for what is none.

    >>> times(pl.Series(["2026-01-02T03:04:05.000006Z", "2026-01-02 04:04:05.000006999+01:00", "yesterday"])).to_list()
    [datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=zoneinfo.ZoneInfo(key='UTC')), datetime..., None]
    """
    text = pl.when(pl.lit(texts).str.contains(_USUAL)).then(pl.lit(texts))
    usual = text.str.to_datetime("%Y-%m-%dT%H:%M:%S.%6fZ", time_unit="us", strict=False, cache=False)
    told = pl.select(usual.cast(TIME).alias(texts.name)).to_series()
    if told.null_count() == texts.null_count():
        return told
    moments = {text: _moment(text) for text in texts.filter(told.is_null()).drop_nulls()}
    return told.fill_null(pl.Series([moments.get(text) for text in texts], dtype=pl.Int64).cast(TIME))


def _moment(text: str) -> int | None:
    """Return microseconds since 1970; digits beyond them are cut off."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - EPOCH) // dt.timedelta(microseconds=1)
