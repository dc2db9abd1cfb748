"""Facts about connections: there are two ends, and each learns of the other."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import polars as pl

from plimsoll import normal
from plimsoll.facts.counting import ALWAYS, ANY, DAY, Verb, added, counted, mapped, stated

col = pl.col
_other_port = pl.concat_str(col("other"), pl.lit(":"), col("port"))

VERBS = (
    Verb("connect", "opened a connection to this end and port", _other_port, ANY, col("opened")),
    Verb("accept", "was called on this port by that end", col("other"), col("port"), ~col("opened")),
)

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


KEYS = (*(name for name in _FLOW if name != "name"), "destination_names", "is_reply", "verdict")
"""The columns of the stream that tell acts apart."""


def tally(events: pl.DataFrame) -> pl.DataFrame:
    """Return the distinct connections of these events and days, without names."""
    return counted(_opened(events), _FLOW, [DAY])


def of_tally(tally: pl.DataFrame) -> pl.DataFrame:
    """Return the facts of these connections by day, as each end sees them."""
    met = _met(tally)
    return pl.concat([added(stated(met, verb)) for verb in VERBS])


def acts(events: pl.DataFrame, by: Sequence[pl.Expr], *, evidence: bool = True) -> pl.DataFrame:
    """Return the distinct connections of these events as each end sees them, and of `by`."""
    return _met(counted(_opened(events), _FLOW, by, col("evt_num").cast(pl.String) if evidence else None))


def _opened(events: pl.DataFrame) -> pl.DataFrame:
    return events.filter(_OPENED).with_columns(name=col("destination_names").list.first().fill_null(""))


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
