"""The distinct texts of a column, each numbered and judged once, however many events and batches have it.

Most events of a system repeat what was there before: what is asked about a text is answered by looking up its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from plimsoll.rules import compile as graphs
from plimsoll.rules import operators
from plimsoll.rules.compile import FALSE, TRUE

Mask = operators.Mask
Codes = npt.NDArray[np.intp]
MOST_TEXTS = 50_000
"""Distinct texts of a column that are remembered; then it is begun anew."""
MOST_BYTES = 1 << 25
"""Their length together."""
FEW, SHORT = 64, 1 << 14
"""So few texts, so long together, are looked at one by one: to set Polars going costs more."""
EXPRESSIONS = 500
"""Expressions that Polars is given at once."""
_NONE = 2**32 - 1


class Lexicon:
    """Texts, numbered from 1 in the order they came; 0 is no text.

    >>> lexicon = Lexicon()
    >>> lexicon.codes(pl.Series(["b", None, "a"])).tolist(), lexicon.codes(pl.Series(["a", "b"])).tolist()
    ([1, 0, 2], [2, 1])
    """

    def __init__(self, column: str = "") -> None:
        self.column = column
        self.age = 0
        """How often it was begun anew: numbers of another age mean nothing."""
        self._begin()

    def _begin(self) -> None:
        self._type = pl.Categorical(pl.Categories.random())
        self._held = pl.Series([], dtype=self._type)
        """Keeps the numbers alive: they are forgotten with the last series that has them."""
        self._making = pl.col(self.column).cast(self._type).to_physical().fill_null(_NONE)
        self._texts: list[pl.Series] = []
        self.size = self._bytes = 0
        self._leaves: dict[int, graphs.Leaf] = {}
        self._told: dict[int, _Growing] = {}
        self._tables: dict[int, _Growing] = {}
        self.age += 1

    def codes(self, column: pl.Series) -> Codes:
        """Return the numbers of these texts."""
        return numbered(column.alias(self.column).to_frame(), [self])[self.column]

    def making(self) -> pl.Expr:
        """Return the expression that makes numbers of the column, from 0, and the largest number of no text."""
        if self.size > MOST_TEXTS or self._bytes > MOST_BYTES:
            self._begin()
        return self._making

    def learn(self, codes: Codes, column: pl.Series) -> None:
        """Take up the texts of a column that are new."""
        fresh, places = np.unique(codes, return_index=True)
        texts = column.gather(places[fresh > self.size]).alias("v")
        self._texts.append(texts)
        self.size += len(texts)
        self._bytes += int(texts.str.len_bytes().sum())
        for number, mask in _told(self._leaves.items(), texts).items():
            self._told[number].add(mask)

    def text(self, code: int) -> str | None:
        """Return the text of a number."""
        return self.texts()[code - 1] if code else None

    def texts(self) -> pl.Series:
        """Return all texts, in order."""
        if len(self._texts) != 1:
            self._texts = [pl.concat(self._texts) if self._texts else pl.Series("v", [], pl.String)]
        return self._texts[0]

    def table(self, number: int, graph: graphs.Graph) -> Mask:
        """Return for each number whether a node about this column alone holds, made longer by what is new since it was last asked for."""
        table = self._tables.get(number)
        if table is None:
            table = self._tables[number] = _Growing()
        if table.size <= self.size:
            table.add(self._since(table.size, number, graph))
        return table.mask()

    def _since(self, since: int, number: int, graph: graphs.Graph) -> Mask:
        below = graph.below(number)
        told = self._answers({one: leaf for one in below if (leaf := graph.nodes[one].leaf)})
        masks = {one: mask[since:] for one, mask in told.items()}
        for one in below:
            node = graph.nodes[one]
            if one in (FALSE, TRUE):
                masks[one] = np.full(self.size + 1 - since, one == TRUE)
            elif node.how == "not":
                masks[one] = ~masks[node.parts[0]]
            elif not node.leaf:
                join = np.logical_and if node.how == "and" else np.logical_or
                masks[one] = join.reduce([masks[part] for part in node.parts])
        return masks[number]

    def _answers(self, leaves: Mapping[int, graphs.Leaf]) -> dict[int, Mask]:
        """Return for each text, and before them for no text, whether it passes each leaf."""
        new = {number: leaf for number, leaf in leaves.items() if number not in self._leaves}
        if new:
            for number, mask in _told(new.items(), self.texts()).items():
                at_none = new[number].how == "rows" and bool(new[number].test(None))
                self._told[number] = _Growing(np.concatenate([[at_none], mask]))
            self._leaves |= new
        return {number: self._told[number].mask() for number in leaves}


class _Growing:
    """A mask that becomes longer, with room to spare so that it is seldom moved."""

    def __init__(self, mask: Mask | None = None) -> None:
        self._room: Mask = np.empty(0, np.bool_) if mask is None else mask
        self.size = len(self._room)

    def add(self, more: Mask) -> None:
        end = self.size + len(more)
        if end > len(self._room):
            room = np.empty(max(64, 2 * end), np.bool_)
            room[: self.size] = self._room[: self.size]
            self._room = room
        self._room[self.size : end] = more
        self.size = end

    def mask(self) -> Mask:
        return self._room[: self.size]


class Lexicons(dict[str, Lexicon]):
    """The lexicons of columns, each made when it is first asked for."""

    def __missing__(self, column: str) -> Lexicon:
        self[column] = Lexicon(column)
        return self[column]


def numbered(frame: pl.DataFrame, lexicons: Sequence[Lexicon]) -> dict[str, Codes]:
    """Return the numbers of the texts of several columns, made at once, as that costs little more than one."""
    if not lexicons:
        return {}
    made = frame.select([lexicon.making() for lexicon in lexicons])
    # The number of no text is the largest there is, so that one more makes it 0.
    codes = (made.to_numpy(order="fortran") + np.uint32(1)).astype(np.intp)
    for at, largest in enumerate(codes.max(axis=0, initial=0).tolist()):
        if largest > lexicons[at].size:
            lexicons[at].learn(codes[:, at], frame[lexicons[at].column])
    return {lexicon.column: codes[:, at] for at, lexicon in enumerate(lexicons)}


def _told(leaves: Iterable[tuple[int, graphs.Leaf]], texts: pl.Series) -> dict[int, Mask]:
    """Return which texts pass each leaf."""
    told: dict[int, Mask] = {}
    waiting: list[tuple[int, pl.Expr]] = []
    singly = texts.to_list() if len(texts) <= FEW else []
    few = 0 < sum(map(len, singly)) <= SHORT
    for number, leaf in leaves:
        if leaf.expression is not None and not (few and leaf.quick):
            waiting.append((number, leaf.expression))
        else:
            told[number] = np.fromiter(map(leaf.test, singly or texts), np.bool_, len(texts))
    for start in range(0, len(waiting), EXPRESSIONS):
        some = waiting[start : start + EXPRESSIONS]
        made = texts.to_frame().with_columns(expression.alias(str(number)) for number, expression in some)
        told |= {number: made[str(number)].to_numpy() for number, _ in some}
    return told
