"""Sigma conditions: read into trees that mean what Python's own and, or, not would."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect.sigma import condition
from plimsoll.detect.sigma.condition import Group, Name, Node, Not

NAMES = ["a", "b1", "b2", "_hidden", "with-dash"]


def value(node: Node, held: dict[str, bool]) -> bool:
    if isinstance(node, Name):
        return held[node.name]
    if isinstance(node, Not):
        return not value(node.node, held)
    inner = [value(one, held) for one in node.nodes]
    return all(inner) if node.every else any(inner)


TEXTS = st.recursive(
    st.sampled_from(["a", "b1", "b2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "AND", "Or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=8,
)


@given(TEXTS, st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_words_bind_as_in_python(text: str, truths: tuple[bool, bool, bool]) -> None:
    held = dict(zip(("a", "b1", "b2"), truths, strict=True))
    plain = re.sub(r"\b(AND|Or)\b", lambda word: word[0].lower(), text)
    assert value(condition.parse(text, NAMES), held) == eval(plain, {}, held)


def test_some_of_many() -> None:
    assert condition.parse("1 of b*", NAMES) == Group((Name("b1"), Name("b2")), every=False)
    assert condition.parse("all of them", NAMES) == Group(tuple(map(Name, ["a", "b1", "b2", "with-dash"])), every=True)
    assert condition.parse("any of _*", NAMES) == Group((Name("_hidden"),), every=False)
    assert condition.parse("not 1 of them and with-dash", ["with-dash"]) == Group(
        (Not(Group((Name("with-dash"),), every=False)), Name("with-dash")), every=True
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ends where a search was expected"),
        ("a and", "ends where a search was expected"),
        ("(a", "not closed"),
        ("a)", "where the condition should end"),
        ("a b1", "where the condition should end"),
        ("nothing", "no search is called nothing"),
        ("1 of z*", "no search is called z\\*"),
        ("1 of", "no search is called so"),
        ("2 of them", "`2 of` is not supported"),
        ("a | count() > 5", "counting"),
        ("not " * 50 + "a", "nested more than"),
        ("(" * 50 + "a" + ")" * 50, "nested more than"),
        ("a or " * 1000 + "a", "more than 4,000 characters"),
    ],
)
def test_what_is_no_condition_says_why(text: str, reason: str) -> None:
    with pytest.raises(condition.Unreadable, match=reason):
        condition.parse(text, NAMES)


@given(st.text("ab1_*()|& notherm", max_size=30))
def test_any_text_is_a_condition_or_says_why_not(text: str) -> None:
    with suppress(condition.Unreadable):
        condition.parse(text, NAMES)
