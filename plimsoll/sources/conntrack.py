"""Connections as the kernel tracks them: one row for each new one, from who opened it to who really answered.

Lines of `conntrack -E -o timestamp,extended,id` (conntrack-tools). A line holds two tuples: what the opener sent, and
what the kernel waits for as the answer. Where a Service's address was translated, only the second names the pod.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import polars as pl

from plimsoll import frames, tables
from plimsoll.sources import records
from plimsoll.sources.lines import Text

STREAM: records.Stream = "flow"
TEXT = True

EPHEMERAL = 32_768
"""Linux chooses ports from here on for who opens a connection (ip_local_port_range)."""
_SYSTEM = 1024
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP", "icmp": "ICMP", "icmpv6": "ICMP"}
_HEAD = re.compile(r"\A\s*\[(NEW|UPDATE|DESTROY)\]\s+(?:ipv[46]\s+[0-9]+\s+)?([a-z][a-z0-9_-]*)\s+[0-9]+([^=]*)\Z")
_LINE = re.compile(r"\A\s*(?:\[[0-9]{1,10}\.[0-9]{1,9}\]\s*)?\[(?:NEW|UPDATE|DESTROY)\]\s[^=]{0,200}\ssrc=[0-9a-fA-F]")
_OPENING = ("SYN_SENT", "SYN_RECV", "SYN_SENT2", "COOKIE_WAIT", "COOKIE_ECHOED")
"""States of a connection whose first packet was seen (nf_conntrack_proto_tcp, _sctp)."""
_SIDES = ("src", "dst", "sport", "dport")

col = pl.col


def recognises(record: object) -> bool:
    r"""Return whether this text is a line of conntrack's events.

    >>> recognises("[1.5]\t [NEW] ipv4 2 udp 17 30 src=10.0.0.1 dst=10.0.0.2 sport=5 dport=53 [UNREPLIED] src=10.0.0.2")
    True
    """
    return isinstance(record, str) and _LINE.match(record[:400]) is not None


def parse(lines: Sequence[bytes], first: int) -> records.Parsed:
    """Return a row for each new connection; updates and ends of connections teach nothing."""
    text = _text(lines)
    read = _read(text)
    unsound = (~read["sound"].fill_null(value=False)).arg_true()
    rejects = [records.Reject(offset, "no event of conntrack -E") for offset in unsound]
    rows = _rows(read.filter("sound", "new"), first)
    return records.Parsed(_events(rows), len(text) - len(rejects), rejects)


def _text(lines: Sequence[bytes]) -> pl.Series:
    """Return the lines as texts, null for one that is none; from whole blocks, as they are cut up faster in columns."""
    blocks = lines.blocks if isinstance(lines, Text) else []
    if blocks and all(block.full for block in blocks):
        try:
            whole = "\n".join(str(block.text.removesuffix(b"\n"), "utf-8") for block in blocks)
            return pl.Series("line", [whole]).str.split("\n").explode().str.strip_suffix("\r")
        except UnicodeDecodeError:
            pass  # one line at a time
    return pl.Series("line", [line.decode(errors="replace") for line in lines], pl.String)


def _read(text: pl.Series) -> pl.DataFrame:
    """Return each line taken apart: its head by the few forms that occur, its tuples by their places."""
    parts = text.to_frame().with_row_index("offset").with_columns(col("line").str.splitn(" src=", 3).struct.unnest())
    stamp = col("field_0").str.extract(r"^\s*\[([0-9]{1,10}\.[0-9]{1,9})\]\s*", 1)
    parts = parts.with_columns(
        time=(stamp.cast(pl.Float64) * 1e6).round().cast(pl.Int64),
        head=col("field_0").str.slice(pl.when(stamp.is_null()).then(0).otherwise(stamp.str.len_bytes() + 2)),
        **_tuple("field_1", "sent"),
        **_tuple("field_2", "answer"),
    )
    heads = _heads(parts["head"])
    return parts.join(heads, on="head", how="left", maintain_order="left", nulls_equal=True).with_columns(_sound())


def _tuple(field: str, name: str) -> dict[str, pl.Expr]:
    """Return the four parts of a tuple, which stands behind its first `src=`."""
    words = col(field).str.split_exact(" ", 3).struct
    found = {f"{name}_src": words.field("field_0")}
    for place, key in enumerate(_SIDES[1:], 1):
        found[f"{name}_{key}"] = words.field(f"field_{place}").str.strip_prefix(f"{key}=")
    for key in ("sport", "dport"):
        found[f"{name}_{key}"] = found[f"{name}_{key}"].cast(pl.UInt16, strict=False).cast(pl.Int64)
    return found


def _heads(heads: pl.Series) -> pl.DataFrame:
    """Return what each distinct beginning of a line says: whether the connection is new, its protocol and state."""
    distinct = heads.unique()
    found = [_HEAD.match(text or "") for text in distinct]
    return pl.DataFrame(
        {
            "head": distinct,
            "new": [match is not None and match[1] == "NEW" for match in found],
            "known": [match is not None for match in found],
            "protocol": [_PROTOCOLS.get(match[2]) if match else None for match in found],
            "opening": [match is None or any(state in match[3] for state in _OPENING) for match in found],
        },
        schema={
            "head": pl.String,
            "new": pl.Boolean,
            "known": pl.Boolean,
            "protocol": pl.String,
            "opening": pl.Boolean,
        },
    )


def _sound() -> pl.Expr:
    """Whether the line is one of conntrack's: what its protocol has must be there."""
    addresses = [_is_address(f"{name}_{key}") for name in ("sent", "answer") for key in ("src", "dst")]
    ported = pl.all_horizontal(col(f"{name}_{key}").is_not_null() for name in ("sent", "answer") for key in _SIDES[2:])
    portless = col("protocol").is_null() | (col("protocol") == "ICMP")
    return (col("known") & pl.all_horizontal(addresses) & (ported | portless)).alias("sound")


def _is_address(name: str) -> pl.Expr:
    return (col(name).str.len_bytes() > 1) & (col(name).str.strip_chars("0123456789abcdefABCDEF:.") == "")


def _rows(new: pl.DataFrame, first: int) -> pl.DataFrame:
    """Return the rows of the new connections of protocols that policies speak of."""
    new = new.filter(col("protocol").is_not_null())
    rows = new.with_columns(back=_back()).select(
        evt_num=col("offset").cast(pl.Int64) + first,
        time=col("time").cast(pl.Datetime("us", "UTC")),
        l4_protocol="protocol",
        source_ip=pl.when("back").then("answer_src").otherwise("sent_src"),
        source_port=pl.when("back").then("answer_sport").otherwise("sent_sport"),
        destination_ip=pl.when("back").then("sent_src").otherwise("answer_src"),
        destination_port=pl.when("back").then("sent_sport").otherwise("answer_sport"),
        unsure=_unsure(),
        masked=pl.when(_masked() & ~col("back")).then("answer_dst"),
    )
    masked = rows.filter(col("masked").is_not_null()).with_columns(source_ip="masked")
    return pl.concat([rows, masked]) if masked.height else rows


def _loose() -> pl.Expr:
    """Whether the kernel met the connection on its way: the first packet it saw may have been an answer."""
    return (col("protocol") == "TCP") & ~col("opening")


def _back() -> pl.Expr:
    """Whether an answer stands first: of a connection met on its way, or of a question that was forgotten by then."""
    late = (col("protocol") == "UDP") & (col("sent_sport") < _SYSTEM)
    return ((_loose() | late) & (col("sent_sport") < EPHEMERAL) & (col("sent_dport") >= EPHEMERAL)).fill_null(
        value=False
    )


def _unsure() -> pl.Expr:
    """Whether nothing tells who opened a connection that was met on its way."""
    both = (col("sent_sport") < EPHEMERAL) == (col("sent_dport") < EPHEMERAL)
    return (_loose() & both).fill_null(value=False)


def _masked() -> pl.Expr:
    """Whether both ends were translated, so that the pod that is called sees the node's address (SNAT of a node port)."""
    return (col("answer_dst") != col("sent_src")) & (col("answer_src") != col("sent_dst"))


def _events(rows: pl.DataFrame) -> pl.DataFrame:
    told = rows.filter(~col("unsure")).sort("evt_num", maintain_order=True)
    given: dict[str, Any] = {name: told[name] for name in told.columns if name not in ("unsure", "masked")}
    constant = {"verdict": pl.Series(["FORWARDED"]), "count": pl.Series([1]), "is_reply": pl.Series([False])}
    given |= {name: one.new_from_index(0, told.height) for name, one in constant.items()}
    return frames.of_columns(tables.FLOW, given, told.height)
