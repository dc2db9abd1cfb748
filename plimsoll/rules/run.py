"""Rules over columns of events: which rule holds for which row.

For each kind of event the tests of evt.type are settled once, and most kinds are left with no rule. Of the other rows
texts become numbers, in one step for all columns; a test looks at each distinct text once for all batches (`lexicon`).
The masks of rows are then looked up by number and put together, each part of a condition once for all rules that have it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from plimsoll.rules import compile as graphs
from plimsoll.rules import lexicon, operators
from plimsoll.rules.compile import FALSE, TRUE
from plimsoll.rules.lexicon import Codes, Lexicon, Lexicons, Mask
from plimsoll.rules.ruleset import Compiled, Ruleset

MOST_ROWS = 50_000
"""Answers of tests of several columns that are remembered."""
MOST_PLANS = 10_000
"""Kinds of events, and sets of kinds, whose plans are remembered: a hostile input can make up a new one every time."""
MATCHES = {"rule": pl.UInt32(), "row": pl.UInt32()}


class Batch:
    """Rows of a frame that rules may hold for, as numpy sees them: numbers of texts, and numbers.

    Columns that are `usual` are made numbers at once, as that costs little more than one; others when they are asked for.
    """

    def __init__(self, frame: pl.DataFrame, rows: Codes | None, lexicons: Lexicons, usual: Collection[str]) -> None:
        self._frame = frame
        self._rows = None if rows is None else pl.Series(rows, dtype=pl.UInt32)
        self.height = frame.height if rows is None else len(rows)
        self._types = dict(zip(frame.columns, frame.dtypes, strict=True))
        self._texts = frozenset(name for name, dtype in self._types.items() if dtype == pl.String)
        self._lexicons = lexicons
        self._codes = self._numbered([column for column in usual if column in self._texts])
        self.asked: set[str] = set()
        """Columns of texts that were asked for."""
        self._lists: dict[str, list[Any]] = {}

    def _part(self, columns: Sequence[str]) -> pl.DataFrame:
        part = self._frame[columns]
        return part if self._rows is None else part[self._rows]

    def _numbered(self, columns: Sequence[str]) -> dict[str, Codes]:
        return lexicon.numbered(self._part(columns), [self._lexicons[column] for column in columns]) if columns else {}

    def held(self, number: int, column: str, graph: graphs.Graph) -> Mask | None:
        """Return for which rows a node about one column of texts holds; None where the column is none."""
        if column not in self._texts:
            return None
        self.asked.add(column)
        if column not in self._codes:
            self._codes |= self._numbered([column])
        return self._lexicons[column].table(number, graph).take(self._codes[column])

    @functools.cached_property
    def numbers(self) -> dict[str, tuple[operators.Numbers, Mask | None]]:
        """Return all columns of numbers, each with which of them are there (None where all are)."""
        kinds = [name for name, dtype in self._types.items() if dtype.is_numeric() or dtype == pl.Boolean]
        part = self._part(kinds)
        lacking = [name for name in kinds if part[name].null_count()]
        filled = [_filled(name, self._types[name]) for name in lacking]
        there = [pl.col(name).is_not_null().alias(f"{name}?") for name in lacking]
        made = part.select(filled + there) if lacking else part
        return {
            name: (made[name].to_numpy(), made[f"{name}?"].to_numpy())
            if name in lacking
            else (part[name].to_numpy(), None)
            for name in kinds
        }

    def values(self, column: str) -> list[Any]:
        """Return a column as Python's values."""
        if column not in self._lists:
            there = column in self._types
            self._lists[column] = self._part([column])[column].to_list() if there else [None] * self.height
        return self._lists[column]


def _filled(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).fill_null(value=False) if dtype == pl.Boolean else pl.col(name).fill_null(0)


Plan = tuple[tuple[int, int], ...]
"""What is left to do for some kinds of events: rules by their place, with what is left of their conditions."""


Work = tuple[tuple[int, int, tuple[int, ...]], ...]
"""What is to be asked of a batch: rules by their place, each with what is left of its condition and for which of the batch's plans that is so."""


class Engine:
    """The rules of one source at work; it remembers what it learned of texts from batch to batch.

    >>> from plimsoll.rules import ruleset
    >>> text = "- {rule: r, desc: d, condition: evt.type = open and fd.name startswith /etc, output: o, priority: info}"
    >>> engine = Engine(ruleset.load([("r.yaml", text)]), "syscall")
    >>> events = pl.DataFrame({"evt.type": ["open", "close", "open"], "fd.name": ["/etc/shadow", "/etc/shadow", None]})
    >>> engine.matches(events).rows()
    [(0, 0)]
    """

    def __init__(self, rules: Ruleset, source: str, given: Callable[[str], bool] = lambda _: True) -> None:
        self.rules = rules.of(source)
        self._graph = rules.graphs[source]
        self.lacking = {rule.name: lacks for rule in self.rules if (lacks := _lacks(rule, self._graph, given))}
        """Rules that cannot be evaluated, with the columns the events do not have."""
        self._roots = {at: rule.node for at, rule in enumerate(self.rules) if rule.name not in self.lacking}
        self._lexicons, self._kinds = Lexicons(), Lexicon("evt.type")
        self._usual: Sequence[str] = ()
        """Columns of texts that the last batch was asked for."""
        self._typed = [
            number
            for number in self._graph.below(*self._roots.values())
            if (leaf := self._graph.nodes[number].leaf) and leaf.columns == ("evt.type",)
        ]
        self._settled_for: dict[tuple[bool, ...], Plan] = {}
        self._plans: list[Plan] = [()]
        self._numbers: dict[Plan, int] = {(): 0}
        self._plan_of: dict[str | None, int] = {}
        self._age, self._plan_at = 0, np.zeros(0, np.intp)
        """For each kind of event, as the lexicon of that age numbers it, its plan."""
        self._works: dict[tuple[int, ...], Work] = {}
        self._answers: dict[int, dict[Any, bool]] = {}

    @property
    def columns(self) -> frozenset[str]:
        """Return the columns that conditions are about."""
        nodes = self._graph.nodes
        return frozenset(column for root in self._roots.values() for column in nodes[root].columns)

    @property
    def told(self) -> frozenset[str]:
        """Return the columns that outputs print."""
        return frozenset(column for at in self._roots for column in self.rules[at].output.columns)

    def wants(self, kind: str | None) -> bool:
        """Say whether any rule may hold for a kind of event."""
        return self._plan(kind) > 0

    def matches(self, frame: pl.DataFrame, *, first: bool = False) -> pl.DataFrame:
        """Return each (rule, row) that holds, by row; with `first` only the first rule of a row."""
        found = [*self._found(frame, first=first)]
        if not found:
            return pl.DataFrame(schema=MATCHES)
        made = pl.DataFrame(
            {"rule": np.concatenate([one for one, _ in found]), "row": np.concatenate([rows for _, rows in found])}
        )
        return made.cast({"rule": pl.UInt32(), "row": pl.UInt32()}).sort("row", "rule")

    def _found(self, frame: pl.DataFrame, *, first: bool) -> Iterator[tuple[Codes, Codes]]:
        plans, parts, rows = self._parts(frame)
        if not len(rows):
            return
        whole = len(plans) == 1 and len(rows) == frame.height
        batch = Batch(frame, None if whole else rows, self._lexicons, self._usual)
        masks = _Masks(batch, self._graph, self._answers)
        free = np.ones(len(rows), np.bool_)
        for at, node, places in self._work(plans):
            mask = masks.mask(node)
            if mask is None:
                continue
            for within in (parts[place] for place in places):
                held = np.flatnonzero(mask[within] & free[within] if first else mask[within]) + within.start
                if len(held):
                    free[held] = False
                    yield np.full(len(held), at), rows[held]
        self._usual = sorted(batch.asked)

    def _parts(self, frame: pl.DataFrame) -> tuple[tuple[int, ...], list[slice], Codes]:
        """Return the plans, for which of the rows each is, and the rows that rules may hold for, sorted by plan."""
        if not self._typed or "evt.type" not in frame.columns:
            plan = self._plan(None)
            rows = np.arange(frame.height if plan else 0)
            return (plan,), [slice(0, len(rows))], rows
        left = self._left(frame["evt.type"])
        rows = np.flatnonzero(left)
        rows = rows[np.argsort(left[rows], kind="stable")]
        plans, starts = np.unique(left[rows], return_index=True)
        ends = [*starts.tolist(), len(rows)][1:]
        return tuple(plans.tolist()), [slice(*ends_) for ends_ in zip(starts.tolist(), ends, strict=False)], rows

    def _left(self, kinds: pl.Series) -> Codes:
        """Return the plan for each event, 0 where no rule may hold."""
        codes = self._kinds.codes(kinds)
        if self._kinds.age != self._age:
            self._age, self._plan_at = self._kinds.age, np.zeros(0, np.intp)
        new = range(len(self._plan_at), self._kinds.size + 1)
        if new:
            more = [self._plan(self._kinds.text(code)) for code in new]
            self._plan_at = np.concatenate([self._plan_at, np.array(more, np.intp)])
        return self._plan_at[codes]

    def _work(self, plans: tuple[int, ...]) -> Work:
        """Return what is to be asked where these plans come together, the first rule first."""
        if plans not in self._works:
            if len(self._works) > MOST_PLANS:
                self._works.clear()
            found: dict[tuple[int, int], list[int]] = {}
            for place, plan in enumerate(plans):
                for rule in self._plans[plan]:
                    found.setdefault(rule, []).append(place)
            self._works[plans] = tuple((at, node, tuple(places)) for (at, node), places in sorted(found.items()))
        return self._works[plans]

    def _plan(self, kind: str | None) -> int:
        """Return the number of the plan for a kind of event; 0 is that of nothing to do."""
        if kind not in self._plan_of:
            if len(self._plan_of) > MOST_PLANS:
                self._plan_of.clear()
            plan = self._settled(kind)
            self._numbers.setdefault(plan, len(self._plans))
            if self._numbers[plan] == len(self._plans):
                self._plans.append(plan)
            self._plan_of[kind] = self._numbers[plan]
        return self._plan_of[kind]

    def _settled(self, kind: str | None) -> Plan:
        leaves = [(number, self._graph.nodes[number].leaf) for number in self._typed]
        truths = {number: kind is not None and leaf is not None and leaf.test(kind) for number, leaf in leaves}
        key = tuple(truths.values())
        if key not in self._settled_for:
            left = self._graph.given(self._roots.values(), "evt.type", truths)
            rules = [(at, left[root]) for at, root in self._roots.items()]
            self._settled_for[key] = tuple((at, node) for at, node in rules if node != FALSE)
        return self._settled_for[key]


def _lacks(rule: Compiled, graph: graphs.Graph, given: Callable[[str], bool]) -> list[str]:
    return sorted(column for column in graph.nodes[rule.node].columns if not given(column))


class _Masks:
    """The masks of nodes over one batch, each made once; None stands for a mask that is false everywhere."""

    def __init__(self, batch: Batch, graph: graphs.Graph, answers: dict[int, dict[Any, bool]]) -> None:
        self._batch, self._graph, self._answers = batch, graph, answers
        self._made: dict[int, Mask | None] = {FALSE: None, TRUE: np.ones(batch.height, np.bool_)}

    def mask(self, number: int) -> Mask | None:
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def _make(self, number: int) -> Mask | None:
        node = self._graph.nodes[number]
        if len(node.columns) == 1:
            (column,) = node.columns
            held = self._batch.held(number, column, self._graph)
            if held is not None:
                return _some(held)
        if node.leaf:
            return self._of_numbers(node.leaf) if node.leaf.how == "numbers" else self._of_rows(number, node.leaf)
        if node.how == "not":
            inner = self.mask(node.parts[0])
            return self._made[TRUE] if inner is None else _some(~inner)
        return self._all(number) if node.how == "and" else self._any(number)

    def _all(self, number: int) -> Mask | None:
        parts, made = self._graph.gathered(number), self._made
        for part in parts:
            if part in made and made[part] is None:
                return None
        whole: Mask | None = None
        for part in parts:
            mask = self.mask(part)
            if mask is None:
                return None
            whole = mask if whole is None else _some(whole & mask)
            if whole is None:
                return None
        return whole

    def _any(self, number: int) -> Mask | None:
        whole: Mask | None = None
        for part in self._graph.gathered(number):
            mask = self.mask(part)
            if mask is not None:
                whole = mask if whole is None else whole | mask
        return whole

    def _of_numbers(self, leaf: graphs.Leaf) -> Mask | None:
        values, there = self._batch.numbers.get(leaf.columns[0], (None, None))
        if values is None or leaf.numbers is None:
            return None
        mask = leaf.numbers(values)
        return _some(mask if there is None else mask & there)

    def _of_rows(self, number: int, leaf: graphs.Leaf) -> Mask | None:
        answers = self._answers.setdefault(number, {})
        if len(answers) > MOST_ROWS:
            answers.clear()
        columns = [self._batch.values(column) for column in leaf.columns]
        rows = zip(*columns, strict=True) if columns else [()] * self._batch.height
        return _some(np.fromiter((_answer(leaf, row, answers) for row in rows), np.bool_, self._batch.height))


def _some(mask: Mask) -> Mask | None:
    """Return a mask that holds somewhere, else None; the place of its first greatest tells that sooner than `any`."""
    return mask if mask[mask.argmax()] else None


def _answer(leaf: graphs.Leaf, row: tuple[Any, ...], answers: dict[Any, bool]) -> bool:
    key = tuple(tuple(value) if isinstance(value, list) else value for value in row)
    found = answers.get(key)
    if found is None:
        found = answers[key] = bool(leaf.how == "rows" or row[0] is not None) and bool(leaf.test(*row))
    return found
