"""Rules over columns of events: which rule holds for which row.

Rows are sorted by their kind of event first: for each kind the tests of evt.type are settled once, and most kinds are
left with no rule. Texts are numbered, and a test looks at each distinct text once for all batches; the masks of rows
are then gathered by number and put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from plimsoll.rules import compile as graphs
from plimsoll.rules import operators
from plimsoll.rules.compile import FALSE, TRUE
from plimsoll.rules.ruleset import Compiled, Ruleset

Mask = operators.Mask
Codes = npt.NDArray[np.int64]
MOST_TEXTS = 200_000
"""Distinct texts of a column that are remembered; then it is begun anew."""
MOST_ROWS = 50_000
"""Answers of tests of several columns that are remembered."""
MATCHES = {"rule": pl.UInt32(), "row": pl.UInt32()}


class Batch:
    """Rows of one run of events, seen through their columns."""

    def __init__(self, frame: pl.DataFrame, height: int) -> None:
        self.frame, self.height = frame, height
        self.columns = frozenset(frame.columns)
        self._lists: dict[str, list[Any]] = {}
        self._numbers: dict[str, tuple[operators.Numbers, Mask | None]] | None = None

    def numbers(self) -> dict[str, tuple[operators.Numbers, Mask | None]]:
        """Return all columns of numbers, each with which of them are there (None where all are); made at once, as that costs little more than one."""
        if self._numbers is None:
            kinds = [name for name, dtype in self.frame.schema.items() if dtype.is_numeric() or dtype == pl.Boolean]
            lacking = [name for name in kinds if self.frame[name].null_count()]
            there = self.frame.select(pl.col(lacking).is_not_null()) if lacking else self.frame.clear()
            filled = (
                self.frame.with_columns(_filled(name, self.frame.schema[name]) for name in lacking)
                if lacking
                else self.frame
            )
            self._numbers = {
                name: (filled[name].to_numpy(), there[name].to_numpy() if name in lacking else None) for name in kinds
            }
        return self._numbers

    def values(self, column: str) -> list[Any]:
        """Return a column as Python's values."""
        if column not in self._lists:
            self._lists[column] = self.frame[column].to_list() if column in self.columns else [None] * self.height
        return self._lists[column]


def _filled(name: str, dtype: pl.DataType) -> pl.Expr:
    return pl.col(name).fill_null(value=False) if dtype == pl.Boolean else pl.col(name).fill_null(0)


class Lexicon:
    """The distinct texts of a column, numbered from 1 in the order they came; 0 is no text.

    A leaf is asked about each text once; when texts come that are new, all leaves that were ever asked are asked about them.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._type = pl.Categorical(pl.Categories.random())
        self._held = pl.Series([], dtype=self._type)
        """Keeps the numbers alive: they are forgotten with the last series that has them."""
        self._texts: list[pl.Series] = []
        self.size = 0
        self._leaves: dict[int, graphs.Leaf] = {}
        self._told: dict[int, Mask] = {}
        self.masks: dict[int, Mask] = {}
        """Node → whether it holds for each text, as far as it was asked."""

    def codes(self, column: pl.Series) -> Codes:
        """Return the numbers of these texts."""
        if self.size > MOST_TEXTS:
            self._begin()
        cast = column.cast(self._type)
        self._held = cast.head(0)
        numbers = cast.to_physical().to_numpy()
        codes = (numbers if numbers.dtype.kind == "u" else np.nan_to_num(numbers, nan=-1.0)).astype(np.int64) + 1
        if len(codes) and codes.max() > self.size:
            fresh, places = np.unique(codes, return_index=True)
            self._grow(column.gather(places[fresh > self.size]))
        return codes

    def _grow(self, texts: pl.Series) -> None:
        self._texts.append(texts.alias("v"))
        self.size += len(texts)
        told = _told(self._leaves.items(), self._texts[-1])
        self._told = {number: np.concatenate([mask, told[number]]) for number, mask in self._told.items()}

    def text(self, code: int) -> str | None:
        """Return the text of a number."""
        return self.texts()[code - 1] if code else None

    def texts(self) -> pl.Series:
        """Return all texts, in order."""
        if len(self._texts) != 1:
            self._texts = [pl.concat(self._texts) if self._texts else pl.Series("v", [], pl.String)]
        return self._texts[0]

    def told(self, leaves: Mapping[int, graphs.Leaf]) -> dict[int, Mask]:
        """Return for each text, and before them for no text, whether it passes each leaf."""
        new = {number: leaf for number, leaf in leaves.items() if number not in self._leaves}
        if new:
            found = _told(new.items(), self.texts())
            at_none = {number: leaf.how == "rows" and bool(leaf.test(None)) for number, leaf in new.items()}
            self._told |= {number: np.concatenate([[at_none[number]], mask]) for number, mask in found.items()}
            self._leaves |= new
        return {number: self._told[number] for number in leaves}


class Plan(NamedTuple):
    """What is left to do for some kinds of events: rules by their place, with what is left of their conditions."""

    rules: tuple[tuple[int, int], ...]
    columns: tuple[str, ...]
    """The columns of texts that are needed."""


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
        self._lexicons: dict[str, Lexicon] = {}
        self._typed = [
            number
            for number in self._graph.below(*self._roots.values())
            if (leaf := self._graph.nodes[number].leaf) and leaf.columns == ("evt.type",)
        ]
        self._plans: dict[tuple[bool, ...], Plan] = {}
        self._plan_of: dict[str | None, Plan] = {}
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
        return bool(self._plan(kind).rules)

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
        for plan, part, rows in self._parts(frame):
            batch = _Masks(part, self._graph, self._lexicons, self._answers)
            open_rows = np.ones(part.height, np.bool_)
            for at, node in plan.rules:
                mask = batch.mask(node)
                if mask is None:
                    continue
                held = np.flatnonzero(mask & open_rows if first else mask)
                if len(held):
                    open_rows[held] = False
                    yield np.full(len(held), at), held if rows is None else rows[held]

    def _parts(self, frame: pl.DataFrame) -> Iterator[tuple[Plan, Batch, Codes | None]]:
        """Yield the rows that rules may hold for, by what is left of the rules for them."""
        if not self._typed or "evt.type" not in frame.columns:
            plan = self._plan(None)
            if plan.rules and frame.height:
                yield plan, Batch(frame, frame.height), None
            return
        lexicon = self._lexicons.setdefault("evt.type", Lexicon())
        codes = lexicon.codes(frame["evt.type"])
        plans: dict[Plan, list[int]] = {}
        for code in np.unique(codes).tolist():
            plan = self._plan(lexicon.text(code))
            if plan.rules:
                plans.setdefault(plan, []).append(code)
        for plan, wanted in plans.items():
            rows = np.nonzero(np.isin(codes, wanted) if len(wanted) > 1 else codes == wanted[0])[0]
            needed = [column for column in frame.columns if column in plan.columns]
            yield plan, Batch(frame.select(needed)[rows] if needed else frame.clear(), len(rows)), rows

    def _plan(self, kind: str | None) -> Plan:
        if kind not in self._plan_of:
            if len(self._plan_of) > 10_000:
                self._plan_of.clear()
            self._plan_of[kind] = self._settled(kind)
        return self._plan_of[kind]

    def _settled(self, kind: str | None) -> Plan:
        leaves = [(number, self._graph.nodes[number].leaf) for number in self._typed]
        truths = tuple(kind is not None and leaf is not None and leaf.test(kind) for _, leaf in leaves)
        if truths not in self._plans:
            left = self._graph.given(self._roots.values(), "evt.type", dict(zip(self._typed, truths, strict=True)))
            rules = tuple((at, left[root]) for at, root in self._roots.items() if left[root] != FALSE)
            columns = frozenset(column for _, node in rules for column in self._graph.nodes[node].columns)
            self._plans[truths] = Plan(rules, tuple(sorted(columns)))
        return self._plans[truths]


def _lacks(rule: Compiled, graph: graphs.Graph, given: Callable[[str], bool]) -> list[str]:
    return sorted(column for column in graph.nodes[rule.node].columns if not given(column))


class _Masks:
    """The masks of nodes over one batch, each made once; None stands for a mask that is false everywhere."""

    def __init__(
        self, batch: Batch, graph: graphs.Graph, lexicons: dict[str, Lexicon], answers: dict[int, dict[Any, bool]]
    ) -> None:
        self._batch, self._graph, self._lexicons, self._answers = batch, graph, lexicons, answers
        self._made: dict[int, Mask | None] = {}
        self._codes: dict[str, Codes] = {}

    def mask(self, number: int) -> Mask | None:
        if number not in self._made:
            made = self._make(number)
            self._made[number] = made if made is not None and made.any() else None
        return self._made[number]

    def _make(self, number: int) -> Mask | None:
        node = self._graph.nodes[number]
        if number in (FALSE, TRUE):
            return np.ones(self._batch.height, np.bool_) if number == TRUE else None
        if len(node.columns) == 1 and (found := self._of_texts(number, *node.columns)) is not None:
            return found
        if node.leaf:
            return self._of_numbers(node.leaf) if node.leaf.how == "numbers" else self._of_rows(number, node.leaf)
        if node.how == "not":
            inner = self.mask(node.parts[0])
            return ~inner if inner is not None else np.ones(self._batch.height, np.bool_)
        return self._all(node) if node.how == "and" else self._any(node)

    def _all(self, node: graphs.Node) -> Mask | None:
        whole: Mask | None = None
        for part in self._cheap_first(node.parts):
            mask = self.mask(part)
            if mask is None:
                return None
            whole = mask if whole is None else whole & mask
            if not whole.any():
                return None
        return whole

    def _any(self, node: graphs.Node) -> Mask | None:
        whole: Mask | None = None
        for part in node.parts:
            mask = self.mask(part)
            if mask is not None:
                whole = mask if whole is None else whole | mask
        return whole

    def _cheap_first(self, parts: Sequence[int]) -> list[int]:
        """Return parts with those first that are known, then those of few columns: they may settle the rest."""
        nodes = self._graph.nodes
        return sorted(parts, key=lambda part: (part not in self._made, len(nodes[part].columns), nodes[part].depth))

    def _of_texts(self, number: int, column: str) -> Mask | None:
        """Return the mask of a node about one column of texts; None where the column is none, or the node asks for more."""
        if column not in self._batch.columns:
            return None
        series = self._batch.frame[column]
        if series.dtype != pl.String:
            return None
        if column not in self._codes:
            lexicon = self._lexicons.setdefault(column, Lexicon())
            self._codes[column] = lexicon.codes(series)
        return _table(number, self._graph, self._lexicons[column])[self._codes[column]]

    def _of_numbers(self, leaf: graphs.Leaf) -> Mask | None:
        values, there = self._batch.numbers().get(leaf.columns[0], (None, None))
        if values is None or leaf.numbers is None:
            return None
        mask = leaf.numbers(values)
        return mask if there is None else mask & there

    def _of_rows(self, number: int, leaf: graphs.Leaf) -> Mask:
        answers = self._answers.setdefault(number, {})
        if len(answers) > MOST_ROWS:
            answers.clear()
        rows = (
            zip(*(self._batch.values(column) for column in leaf.columns), strict=True)
            if leaf.columns
            else [()] * self._batch.height
        )
        return np.fromiter((_answer(leaf, row, answers) for row in rows), np.bool_, self._batch.height)


def _answer(leaf: graphs.Leaf, row: tuple[Any, ...], answers: dict[Any, bool]) -> bool:
    key = tuple(tuple(value) if isinstance(value, list) else value for value in row)
    found = answers.get(key)
    if found is None:
        found = answers[key] = bool(leaf.how == "rows" or row[0] is not None) and bool(leaf.test(*row))
    return found


def _table(number: int, graph: graphs.Graph, lexicon: Lexicon) -> Mask:
    """Return which of a column's distinct texts a node holds for, made longer by what is new since it was last asked for."""
    known = lexicon.masks.get(number)
    if known is not None and len(known) == lexicon.size + 1:
        return known
    since = 0 if known is None else len(known)
    below = graph.below(number)
    told = lexicon.told({one: leaf for one in below if (leaf := graph.nodes[one].leaf)})
    masks = {one: mask[since:] for one, mask in told.items()}
    for one in below:
        node = graph.nodes[one]
        if one in (FALSE, TRUE):
            masks[one] = np.full(lexicon.size + 1 - since, one == TRUE)
        elif node.how == "not":
            masks[one] = ~masks[node.parts[0]]
        elif not node.leaf:
            join = np.logical_and if node.how == "and" else np.logical_or
            masks[one] = join.reduce([masks[part] for part in node.parts])
    fresh = masks[number]
    lexicon.masks[number] = fresh if known is None else np.concatenate([known, fresh])
    return lexicon.masks[number]


EXPRESSIONS = 500
"""Expressions that Polars is given at once."""


def _told(leaves: Iterable[tuple[int, graphs.Leaf]], texts: pl.Series) -> dict[int, Mask]:
    """Return which texts pass each leaf."""
    told: dict[int, Mask] = {}
    leaves = list(leaves)
    quick = [(number, leaf.expression) for number, leaf in leaves if leaf.expression is not None]
    for start in range(0, len(quick), EXPRESSIONS):
        some = quick[start : start + EXPRESSIONS]
        made = texts.to_frame().with_columns(expression.alias(str(number)) for number, expression in some)
        told |= {number: made[str(number)].to_numpy() for number, _ in some}
    for number, leaf in leaves:
        if leaf.expression is None:
            told[number] = np.fromiter(map(leaf.test, texts), np.bool_, len(texts))
    return told
