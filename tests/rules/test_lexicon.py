from __future__ import annotations

import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import compile as graphs
from plimsoll.rules import lexicon, run, syntax
from tests.rules.test_compile import frame, rules


def test_a_text_has_the_same_number_in_every_batch() -> None:
    one = lexicon.Lexicon()
    assert one.codes(pl.Series(["a", None, "b"])).tolist() == [1, 0, 2]
    assert one.codes(pl.Series(["c", "b", "a"])).tolist() == [3, 2, 1]
    assert one.codes(pl.Series([None], dtype=pl.String)).tolist() == [0]
    assert one.texts().to_list() == ["a", "b", "c"]


def test_a_lexicon_that_grows_too_large_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "MOST_TEXTS", 3)
    engine = run.Engine(rules("evt.type = open and proc.name startswith a"), "syscall")
    for start in range(0, 50, 5):
        rows = [
            {"evt.type": "open", "proc.name": f"{'a' if number % 2 else 'b'}{number}"}
            for number in range(start, start + 5)
        ]
        assert engine.matches(frame(rows, engine.columns))["row"].to_list() == [
            at for at, row in enumerate(rows) if row["proc.name"][0] == "a"
        ]


def test_texts_that_are_too_long_together_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "MOST_BYTES", 10)
    one = lexicon.Lexicon()
    assert one.codes(pl.Series(["a" * 11, "b"])).tolist() == [1, 2]
    assert one.codes(pl.Series(["b", None])).tolist() == [1, 0]
    assert (one.size, one.age) == (1, 2)


@given(st.lists(st.lists(st.sampled_from(["", "a", "b", "ab", "b/a", None]), max_size=5), max_size=5))
def test_a_table_grows_with_the_texts(batches: list[list[str | None]]) -> None:
    graph = graphs.Graph("syscall")
    node = graph.add(syntax.parse("not (proc.name contains a or proc.name = b) and not proc.name glob b*"), {})
    one = lexicon.Lexicon()
    for batch in batches:
        codes = one.codes(pl.Series(batch, dtype=pl.String))
        held = one.table(node, graph)[codes].tolist()
        assert held == [text is None or not ("a" in text or text.startswith("b")) for text in batch]


@pytest.mark.parametrize("many", [3, lexicon.FEW + 1])
def test_few_texts_are_judged_as_many_are(many: int) -> None:
    engine = run.Engine(
        rules("evt.type = open and proc.name startswith a and not proc.name regex 'a[5-9].*'"), "syscall"
    )
    rows = [{"evt.type": "open", "proc.name": f"a{number}"} for number in range(many)]
    assert engine.matches(frame(rows, engine.columns))["row"].to_list() == [
        at for at, row in enumerate(rows) if row["proc.name"][1] < "5"
    ]


def test_many_tests_of_one_long_text_take_a_moment() -> None:
    many = " or ".join(f'proc.cmdline contains "x{number}"' for number in range(3_000))
    engine = run.Engine(rules(f"evt.type = open and not ({many})"), "syscall")
    rows = [{"evt.type": "open", "proc.cmdline": "a" * 100_000}]
    begun = time.process_time()
    assert engine.matches(frame(rows, engine.columns)).height == 1
    assert time.process_time() - begun < 1
