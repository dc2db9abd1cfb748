from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import marked


def test_each_value_knows_its_place() -> None:
    (document,) = marked.documents("- a: 1\n  b: [x, 'y']\n")
    assert isinstance(document, marked.Sequence)
    (item,) = document.items
    assert isinstance(item, marked.Mapping)
    letters = item.keys["b"]
    assert isinstance(letters, marked.Sequence)
    assert [(one.text, one.plain, one.mark[:2]) for one in letters.items] == [
        ("x", True, (2, 7)),
        ("y", False, (2, 10)),
    ]


def test_of_a_key_given_twice_the_first_counts() -> None:
    (document,) = marked.documents("a: 1\na: 2\n")
    assert document.keys["a"].text == "1"


def test_an_alias_is_what_it_stands_for_and_costs_that() -> None:
    (document,) = marked.documents("a: &x [1, 2]\nb: *x\n")
    assert document.keys["a"] == document.keys["b"]
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{to}: &{to} [{','.join(['*' + of] * 9)}]\n" for of, to in zip("abcdefghi", "bcdefghij", strict=True)
    )
    with pytest.raises(marked.Unreadable, match="stands for too much"):
        marked.documents(bomb)


def test_depth_is_bounded() -> None:
    with pytest.raises(marked.Unreadable, match="deep"):
        marked.documents("- " * 10_000 + "x")


def test_a_tag_means_nothing() -> None:
    (document,) = marked.documents("!!python/object/apply:os.system [true]")
    assert isinstance(document, marked.Sequence)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        marked.documents(text)
    except marked.Unreadable as wrong:
        assert wrong.mark.line >= 1  # noqa: PT017  most texts raise nothing
