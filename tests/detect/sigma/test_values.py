"""What values ask: as a slow evaluator of the specification would say, case and wildcards included."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.detect.sigma import fields, values

ONE = fields.Field("verb", "held", lists=False, taken=False)
MANY = fields.Field("user.groups", "held", lists=True, taken=False)
TEXT = st.text("aAb*?\\.+", max_size=5)


def holds(modifiers: list[str], given: list[str | None], *held: str | None) -> list[bool]:
    frame = pl.DataFrame({"held": held}, schema={"held": pl.String})
    return frame.select(values.holds(values.test(ONE, modifiers, given)))["held"].to_list()


def among(modifiers: list[str], given: list[str | None], *held: list[str] | None) -> list[bool]:
    frame = pl.DataFrame({"held": held}, schema={"held": pl.List(pl.String)})
    return frame.select(values.holds(values.test(MANY, modifiers, given)))["held"].to_list()


def slow(pattern: str, text: str) -> bool:
    """Match character by character, wildcards by trying all."""
    if not pattern:
        return not text
    if pattern[0] == "\\" and pattern[1:2] in ("\\", "*", "?") and len(pattern) > 1:
        return text[:1].lower() == pattern[1].lower() and slow(pattern[2:], text[1:])
    if pattern[0] == "*":
        return any(slow(pattern[1:], text[at:]) for at in range(len(text) + 1))
    if pattern[0] == "?":
        return bool(text) and slow(pattern[1:], text[1:])
    return text[:1].lower() == pattern[0].lower() and slow(pattern[1:], text[1:])


@given(TEXT.filter(bool), st.lists(TEXT, min_size=1, max_size=5))
def test_a_value_matches_as_the_specification_says(pattern: str, texts: list[str]) -> None:
    assert holds([], [pattern], *texts) == [slow(pattern, text) for text in texts]


@given(TEXT.filter(bool), TEXT, st.sampled_from([("contains", "*{}*"), ("startswith", "{}*"), ("endswith", "*{}")]))
def test_a_place_is_a_wildcard(pattern: str, text: str, place: tuple[str, str]) -> None:
    modifier, shape = place
    if modifier != "endswith" and pattern.endswith("\\"):
        return  # written out it would make the wildcard plain
    assert holds([modifier], [pattern], text) == [slow(shape.format(pattern), text)]


def test_case_counts_where_it_is_said() -> None:
    assert holds([], ["GET"], "get") == [True]
    assert holds(["cased"], ["GET"], "get", "GET") == [False, True]
    assert holds(["cased", "startswith"], ["Sys"], "system", "System") == [False, True]
    assert holds(["cased"], ["S?s*"], "sys", "Sys") == [False, True]


def test_any_value_or_all() -> None:
    assert holds(["contains"], ["a", "b"], "a", "b", "c") == [True, True, False]
    assert holds(["contains", "all"], ["a", "b"], "ab", "a") == [True, False]
    assert among(["all"], ["a", "b"], ["a", "b", "c"], ["a"]) == [True, False]


def test_a_list_holds_where_any_element_does() -> None:
    assert among([], ["system:masters"], ["dev", "System:Masters"], ["dev"], [], None) == [True, False, False, False]
    assert among(["startswith"], ["sys"], ["a", "system"], ["a"]) == [True, False]


def test_nothing_is_null_or_empty_and_a_star_is_something() -> None:
    assert holds([], [None], None, "", "a") == [True, True, False]
    assert holds([], [""], None, "a") == [True, False]
    assert holds([], ["*"], None, "a") == [False, True]
    assert holds([], [None, "a"], None, "a", "b") == [True, True, False]
    assert among([], [None], None, [], ["a"]) == [True, True, False]


def test_presence() -> None:
    assert holds(["exists"], ["true"], None, "", "a") == [False, False, True]
    assert holds(["exists"], ["false"], None, "", "a") == [True, True, False]
    assert among(["exists"], ["yes"], None, [], ["a"]) == [False, False, True]


def test_networks() -> None:
    assert holds(["cidr"], ["10.0.0.0/8", "fd00::/8"], "10.1.2.3", "11.0.0.1", "fd00::1", "::ffff:10.0.0.1", "no", None) == [
        True, False, True, True, False, False,
    ]  # fmt: skip
    assert among(["cidr"], ["10.0.0.0/8"], ["1.1.1.1", "10.0.0.1"], ["1.1.1.1"], None) == [True, False, False]


def test_numbers() -> None:
    assert holds(["gte"], ["400"], "401", "200", "x", None) == [True, False, False, False]
    assert holds(["lt"], ["3"], "2.5") == [True]
    frame = pl.DataFrame({"held": [401, 200, None]})
    assert frame.select(values.holds(values.test(ONE, [], ["401", "403"])))["held"].to_list() == [True, False, False]


def test_patterns() -> None:
    assert holds(["re"], ["^g.t$"], "get", "GET", "gets") == [True, False, False]
    assert holds(["re", "i"], ["^g.t$"], "GET") == [True]
    assert holds(["re", "s"], ["a.b"], "a\nb") == [True]


def test_not_equal() -> None:
    assert holds(["neq"], ["get", "list"], "get", "watch", None) == [False, True, True]


@pytest.mark.parametrize(
    ("modifiers", "given", "reason"),
    [
        (["base64"], ["a"], "'base64' is not supported"),
        (["contians"], ["a"], "none of Sigma's"),
        (["contains", "re"], ["a"], "do not go together"),
        (["re"], ["(?=a)"], "cannot be run"),
        (["re"], [r"(a)\1"], "cannot be run"),
        (["re"], ["(a{1000}){1000}{1000}"], "cannot be run"),
        (["re"], ["("], "cannot be run"),
        (["re"], ["a" * 3000], "more than 2,000 characters"),
        (["cidr"], ["10.0.0"], "no network"),
        (["gt"], ["many"], "no number"),
        (["exists"], ["maybe"], "true or false"),
        (["contains"], [None], "of nothing"),
        ([], [], "a list without values"),
    ],
)
def test_what_cannot_be_used_says_why(modifiers: list[str], given: list[str | None], reason: str) -> None:
    with pytest.raises(values.Unusable, match=re.escape(reason)):
        values.test(ONE, modifiers, given)


def test_a_pattern_that_explodes_elsewhere_is_linear_here() -> None:
    assert holds(["re"], ["^(a+)+$"], "a" * 5000 + "b") == [False]
    assert holds([], ["*a" * 60 + "b"], "a" * 5000) == [False]
