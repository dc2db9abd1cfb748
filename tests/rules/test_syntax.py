from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import syntax
from plimsoll.rules.syntax import And, Check, Field, Macro, Not, Or, Values


def test_not_binds_before_and_and_and_before_or() -> None:
    tree = syntax.parse("a or not b and c")
    assert tree == Or((Macro("a", 0), And((Not(Macro("b", 9)), Macro("c", 15)))))


def test_brackets_bind_first() -> None:
    assert syntax.parse("(a or b) and c") == And((Or((Macro("a", 1), Macro("b", 6))), Macro("c", 13)))


def test_two_nots_are_none() -> None:
    assert syntax.parse("not not a") == Macro("a", 8)


@pytest.mark.parametrize("text", ["fd.name = oneof", "fd.name = oneof and a", "(fd.name = oneof)"])
def test_a_word_like_oneof_is_a_value_where_no_list_follows(text: str) -> None:
    syntax.parse(text)


def test_oneof_before_a_list_says_how_many_must_hold() -> None:
    assert syntax.parse("fd.name startswith oneof (/a, '/b')") == Check(
        Field("fd.name"), "startswith", Values(("/a", "/b"), "oneof"), 0
    )


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("a andb", 5, "expected blank or '(' after 'and'"),
        ("fd.name", 7, "expected a valid check operator"),
        ("(a", 2, "expected a ')' token"),
        ("fd.num > x", 9, "expected a number value"),
        ("fd.name in (a,,b)", 14, "expected a string value"),
        ('fd.name = "\\x"', 11, "invalid \\x escape"),
        ("b64(fd.name exists", 12, "expected a ')' token closing the transformer"),
    ],
)
def test_an_error_says_where_it_is(text: str, at: int, reason: str) -> None:
    with pytest.raises(syntax.Unparsable, match=re.escape(reason)) as wrong:
        syntax.parse(text)
    assert wrong.value.at == at
    assert str(wrong.value).startswith(reason)


def test_brackets_are_counted() -> None:
    with pytest.raises(syntax.Unparsable, match="max depth"):
        syntax.parse("(" * 100_000 + "a" + ")" * 100_000)
    syntax.parse("(" * 80 + "a" + ")" * 80)
    syntax.parse("not " * 100_000 + "a")


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["a", "fd.name", "(", ")", "=", "in", "not", "and", "or", "'x'", "[", "]", ",", "b64(", "val(", " "]
        ),
        max_size=20,
    ).map(" ".join)
)
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        syntax.parse(text)
    except syntax.Unparsable as wrong:
        assert 0 <= wrong.at <= len(text)  # noqa: PT017  most texts raise nothing


@pytest.mark.data
def test_what_falco_parses_parses_and_what_it_refuses_is_refused_there(shared_data: Path) -> None:
    for line in (shared_data / "falco/semantics/parser_facts.jsonl").read_text().splitlines():
        row = json.loads(line)
        try:
            syntax.parse(row["expr"])
            wrong = None
        except syntax.Unparsable as unparsable:
            wrong = unparsable
        assert (wrong is None) == row["parses"], row["expr"]
        if wrong and row.get("engine_error") and "escape" not in row["engine_error"]:
            assert (wrong.at, str(wrong)) == (row["engine_error_pos"], row["engine_error"]), row["expr"]
