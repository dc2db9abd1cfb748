from __future__ import annotations

import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.rules import operators

TEXT = st.text(st.sampled_from("aAbB/*?[]\\.-!^ä \n"), max_size=8)


@given(
    TEXT,
    st.lists(TEXT, max_size=5),
    st.sampled_from(sorted(operators.TAKEN["text"] - {"exists", "regex", "in", "intersects"})),
)
def test_a_test_of_one_text_and_the_expression_agree(pattern: str, texts: list[str], operator: str) -> None:
    meaning = operators.meaning("text", operator, [pattern])
    assert meaning.expression is not None
    told = pl.DataFrame({"v": pl.Series(texts, dtype=pl.String)}).select(meaning.expression).to_series().to_list()
    assert told == [meaning.test(text) for text in texts]


@pytest.mark.parametrize(
    ("path", "prefix", "below"),
    [
        ("/a/b", "/a", True),
        ("/a/b", "/a/b/c", False),
        ("/a//b", "/a/b", True),
        ("/ab", "/a", False),
        ("/opt/dir/subdir/file.txt", "/opt/*", True),
        ("/opt", "/opt/*", False),
        ("/opt/dir", "/opt/di[t]", False),
        ("/opt/dir", "/opt/d?r", True),
        ("anything", "/", True),
    ],
)
def test_pmatch_goes_by_whole_parts_of_a_path(path: str, prefix: str, below: bool) -> None:
    assert operators.meaning("text", "pmatch", [prefix]).test(path) is below


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^[s]{1}ysca[l]{2}$", "syscall", True),
        ("yscal.*", "syscall", False),
        ("a*?", "aaa", True),
        ("[[:digit:]]+", "42", True),
        ("[]a-]+", "]-a", True),
        ("a{,3}", "a{,3}", True),
        (r"\/x\.y", "/x.y", True),
    ],
)
def test_a_regex_is_re2s_in_posix_mode_and_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert operators.meaning("text", "regex", [pattern]).test(text) is matches


@pytest.mark.parametrize("pattern", [r"\d", "(?i)a", "(", ")", "[a", "*", "a{2000}", "\\"])
def test_a_regex_that_re2_would_refuse_is_refused(pattern: str) -> None:
    with pytest.raises(operators.Invalid):
        operators.meaning("text", "regex", [pattern])


def test_a_catastrophic_pattern_takes_no_time() -> None:
    begun = time.monotonic()
    assert not operators.meaning("text", "regex", ["(a+)+(a|aa)+(a*)*$"]).test("a" * 10_000 + "b")
    assert not operators.meaning("text", "glob", ["*a" * 50 + "b"]).test("a" * 10_000)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("kind", "operator", "text"),
    [("int64", "contains", "1"), ("bool", "=", "yes"), ("port", "=", "70000"), ("uint32", "=", "-1"), ("address", "=", "10.0.0"), ("net", "=", "10.0.0.1"), ("bytes", "bcontains", "abc"), ("address", "<", "10.0.0.1")],
)  # fmt: skip
def test_what_a_type_does_not_take_is_an_error(kind: str, operator: str, text: str) -> None:
    with pytest.raises(operators.Invalid):
        operators.meaning(kind, operator, [text])


def test_an_address_of_another_family_is_another() -> None:
    assert operators.meaning("address", "!=", ["127.0.0.1"]).test("::1")
    assert not operators.meaning("net", "=", ["10.0.0.0/8"]).test("::1")


def test_a_list_is_in_a_set_as_a_whole_and_intersects_it_in_part() -> None:
    assert not operators.meaning("text", "in", ["a"], is_list=True).test(["a", "b"])
    assert operators.meaning("text", "intersects", ["a"], is_list=True).test(["a", "b"])
    with pytest.raises(operators.Invalid):
        operators.meaning("text", "=", ["a"], is_list=True)
