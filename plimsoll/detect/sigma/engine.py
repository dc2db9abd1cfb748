"""Sigma's rules at work: masks over the columns of a batch first, and the JSON of only those events that are left."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from plimsoll.detect.sigma import condition, fields, rule, values
from plimsoll.detect.sigma.rule import Rule, Search, Tests

col = pl.col
HITS = {"rule": pl.UInt32(), "row": pl.UInt32()}


class Engine:
    """Rules, compiled."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.reads_events = any(one.taken for each in self.rules for one in each.fields)
        """Some rule asks for what is no column, so events need their JSON beside them (fields.EVENT)."""
        self._hopeful = [_mask(each, hopeful=True).alias(str(number)) for number, each in enumerate(self.rules)]
        self._exact = [_mask(each, hopeful=False) for each in self.rules]

    def hits(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return which rules (by number) hit which rows, in order of rows; a request's receipt is no event to judge."""
        if events.is_empty() or not self.rules:
            return pl.DataFrame(schema=HITS)
        # Together, so that what rules have in common (a column in small letters) is computed once.
        masks = events.lazy().select(self._hopeful).collect()
        found = [
            pl.DataFrame({"row": rows}, schema={"row": HITS["row"]}).select(
                pl.lit(number, HITS["rule"]).alias("rule"), "row"
            )
            for number, each in enumerate(self.rules)
            if (rows := self._rows(number, each, events, masks[str(number)])).len()
        ]
        return pl.concat(found).sort("row", "rule") if found else pl.DataFrame(schema=HITS)

    def _rows(self, number: int, each: Rule, events: pl.DataFrame, mask: pl.Series) -> pl.Series:
        rows = mask.arg_true()
        wanted = tuple(one for one in each.fields if one.taken)
        if not wanted or rows.is_empty():
            return rows
        some = _with(events[rows], wanted)
        return rows.filter(some.select(self._exact[number].alias("hit"))["hit"])


def _with(events: pl.DataFrame, wanted: tuple[fields.Field, ...]) -> pl.DataFrame:
    """Return events with columns for fields that only their JSON has."""
    told = [fields.taken(text, wanted) for text in events[fields.EVENT]]
    lists = pl.List(pl.String())
    return events.with_columns(
        pl.Series(one.column, [row[place] for row in told], lists) for place, one in enumerate(wanted)
    )


def _mask(each: rule.Rule, *, hopeful: bool) -> pl.Expr:
    answered = col("stage").ne_missing("RequestReceived")
    asked = any(one.name == "stage" for one in each.fields)
    held = _condition(each.condition, each, sign=True, hopeful=hopeful)
    return held if asked else held & answered


def _condition(node: condition.Node, each: rule.Rule, *, sign: bool, hopeful: bool) -> pl.Expr:
    """Return a condition's mask; a hopeful one holds wherever what is not known yet could make it hold."""
    if isinstance(node, condition.Name):
        return _search(each.searches[node.name], sign=sign, hopeful=hopeful)
    if isinstance(node, condition.Not):
        return ~_condition(node.node, each, sign=not sign, hopeful=hopeful)
    inner = [_condition(one, each, sign=sign, hopeful=hopeful) for one in node.nodes]
    return pl.all_horizontal(inner) if node.every else pl.any_horizontal(inner)


def _search(search: Search, *, sign: bool, hopeful: bool) -> pl.Expr:
    if isinstance(search, Tests):
        inner = [_search(one, sign=sign, hopeful=hopeful) for one in search.nodes]
        return pl.all_horizontal(inner) if search.every else pl.any_horizontal(inner)
    if hopeful and search.field.taken:
        return pl.lit(sign)
    return values.holds(search)
